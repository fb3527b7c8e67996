//! `GET /_yakumo/status`: everything about a running cloud in one answer; `POST /_yakumo/reset`: the way to an empty one;
//! `GET /_yakumo/fsck`: whether records and blobs agree.

use super::answer::Answer;
use super::clock::{self, ClockAnswer};
use super::health::VERSION;
use super::{Inner, input};
use crate::{Cloud, Durability, Location};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What of the platform is not here, whatever runs.
const UNAVAILABLE: &[&str] = &[
    "machines: functions, tasks and database engines are not part of this release",
    "faults: throttles, errors and latency cannot be injected yet",
];

/// What of the platform is not here, in sentences for people.
pub fn unavailable(cloud: &Cloud) -> Vec<String> {
    let network =
        cloud.network().not_enforced().map(|why| format!("network: packets are not filtered: {why}"));
    let apart = (cloud.network().is_apart()).then(|| {
        "network: apart from the host's: public addresses are reached by `yakumo exec internet` alone"
            .to_owned()
    });
    let instances = cloud.sandboxes().unavailable().map(|why| format!("instances: none runs: {why}"));
    let lacking = network.into_iter().chain(apart).chain(instances);
    lacking.chain(UNAVAILABLE.iter().map(|text| (*text).to_owned())).collect()
}

/// Everything about a running cloud.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Status {
    /// `ready`, or `stopping`.
    pub status: String,
    /// The yakumo that runs it.
    pub version: String,
    /// The cloud's id.
    pub cloud: String,
    /// `http://host:port`.
    pub endpoint: String,
    /// The server's process.
    pub pid: u32,
    /// Seconds since it started.
    pub uptime_s: u64,
    /// `memory`, `disk` or `postgresql`.
    pub store: String,
    /// The bucket in which bodies are kept, when they are not with the records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bodies: Option<String>,
    /// `process` or `fsync`; what an acknowledged change survives.
    pub durability: String,
    /// Where CA, snapshots and the embedded store are kept.
    pub data_dir: Option<PathBuf>,
    /// What identifiers are made from when they repeat.
    pub seed: Option<u64>,
    /// The cloud's clock.
    pub clock: ClockAnswer,
    /// The services that have rooms, with how many of their operations are real.
    pub services: Vec<RoomLine>,
    /// How many requests were answered since the start.
    pub requests: u64,
    /// What of the platform this release does not have.
    pub unavailable: Vec<String>,
}

/// A service that has a room.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RoomLine {
    /// The service's name in the models.
    pub name: String,
    /// How many operations are real.
    pub real: usize,
}

pub(crate) fn answer(control: &Inner, cloud: &Cloud) -> Answer {
    let world = cloud.world();
    let config = cloud.config();
    let mut services: Vec<RoomLine> = world
        .rooms()
        .map(|room| RoomLine { name: room.name().to_owned(), real: room.operations().count() })
        .collect();
    services.sort_by(|one, other| one.name.cmp(&other.name));
    Answer::json(&Status {
        status: if world.base.is_stopping() { "stopping" } else { "ready" }.to_owned(),
        version: VERSION.to_owned(),
        cloud: cloud.store().cloud().to_string(),
        endpoint: cloud.endpoint(),
        pid: std::process::id(),
        uptime_s: control.began.elapsed().as_secs(),
        store: store_name(&config.location).to_owned(),
        bodies: cloud.store().bucket().map(ToString::to_string),
        durability: durability_name(config.durability).to_owned(),
        data_dir: config.directory.clone(),
        seed: config.seed,
        clock: clock::read(cloud),
        services,
        requests: cloud.front().journal.newest(1).last().map_or(0, |entry| entry.sequence),
        unavailable: unavailable(cloud),
    })
}

pub(crate) async fn reset(cloud: &Cloud, body: &[u8]) -> Result<Answer, Answer> {
    input::nothing(body)?;
    cloud.reset().await.map_err(|error| Answer::failed(&error))?;
    Ok(Answer::done())
}

pub(crate) async fn fsck(cloud: &Cloud) -> Result<Answer, Answer> {
    // Inside the world, so that a reset waits until everything was looked at.
    let Some(visit) = cloud.world().enter() else { return Err(Answer::stopping()) };
    let checked = crate::fsck::check(&visit).await.map_err(|error| Answer::failed(&error))?;
    Ok(Answer::json(&checked))
}

fn store_name(location: &Location) -> &'static str {
    match location {
        Location::Memory => "memory",
        Location::Directory(_) => "disk",
        Location::Postgres(_) => "postgresql",
    }
}

fn durability_name(durability: Durability) -> &'static str {
    match durability {
        Durability::Process => "process",
        Durability::Fsync => "fsync",
    }
}
