//! `/_localstack/…`: the pages that tools of another local cloud read before they begin. Read-only and open.
//! Source: <https://docs.localstack.cloud/references/internal-endpoints/> and
//! <https://docs.localstack.cloud/references/init-hooks/>

use super::Inner;
use super::answer::Answer;
use super::health::VERSION;
use super::hooks::ScriptState;
use super::moment;
use crate::Cloud;
use serde::Serialize;
use std::collections::BTreeMap;
use yakumo_room::host_now;

/// A page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Page {
    Health,
    Info,
    Init,
    InitStage(Stage),
}

/// A stage of a start. Only `ready` has scripts here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    Boot,
    Start,
    Ready,
    Shutdown,
}

impl Page {
    /// The page behind `/_localstack/`.
    pub(crate) fn find(parts: &[&str]) -> Option<Page> {
        Some(match parts {
            ["health"] => Page::Health,
            ["info"] => Page::Info,
            ["init"] => Page::Init,
            ["init", "boot"] => Page::InitStage(Stage::Boot),
            ["init", "start"] => Page::InitStage(Stage::Start),
            ["init", "ready"] => Page::InitStage(Stage::Ready),
            ["init", "shutdown"] => Page::InitStage(Stage::Shutdown),
            _ => return None,
        })
    }
}

#[derive(Serialize)]
struct Health {
    services: BTreeMap<&'static str, &'static str>,
    edition: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Info {
    version: &'static str,
    edition: &'static str,
    is_license_activated: bool,
    session_id: String,
    machine_id: String,
    system: &'static str,
    is_docker: bool,
    server_time_utc: String,
    uptime: u64,
}

#[derive(Serialize)]
struct Script {
    stage: &'static str,
    name: String,
    state: ScriptState,
}

#[derive(Serialize)]
struct Init {
    completed: BTreeMap<&'static str, bool>,
    scripts: Vec<Script>,
}

#[derive(Serialize)]
struct InitStage {
    completed: bool,
    scripts: Vec<Script>,
}

pub(crate) fn answer(control: &Inner, cloud: &Cloud, page: Page) -> Answer {
    match page {
        Page::Health => Answer::json(&health(cloud)),
        Page::Info => Answer::json(&info(control, cloud)),
        Page::Init => Answer::json(&init(control)),
        Page::InitStage(stage) => Answer::json(&InitStage {
            completed: completed(control, stage),
            scripts: if stage == Stage::Ready { scripts(control) } else { Vec::new() },
        }),
    }
}

/// Only services that have a room are listed. Rooms are not loaded on first use, so none is merely `available`.
fn health(cloud: &Cloud) -> Health {
    let services = cloud.world().rooms().map(|room| (room.name(), "running")).collect();
    Health { services, edition: "yakumo", version: VERSION }
}

fn info(control: &Inner, cloud: &Cloud) -> Info {
    let cloud = cloud.store().cloud().to_string();
    // The form has seconds without a zone: `2023-10-04T14:59:40`.
    let now = moment::write(host_now());
    Info {
        version: VERSION,
        edition: "yakumo",
        is_license_activated: false,
        session_id: format!("{cloud}-{}", std::process::id()),
        machine_id: cloud,
        system: std::env::consts::OS,
        is_docker: false,
        server_time_utc: now.split('.').next().unwrap_or_default().to_owned(),
        uptime: control.began.elapsed().as_secs(),
    }
}

fn init(control: &Inner) -> Init {
    let stages = [
        ("BOOT", Stage::Boot),
        ("START", Stage::Start),
        ("READY", Stage::Ready),
        ("SHUTDOWN", Stage::Shutdown),
    ];
    let completed = stages.map(|(name, stage)| (name, completed(control, stage)));
    Init { completed: completed.into_iter().collect(), scripts: scripts(control) }
}

/// Who gets an answer sees a cloud that has booted and started, and that has not yet shut down.
fn completed(control: &Inner, stage: Stage) -> bool {
    match stage {
        Stage::Boot | Stage::Start => true,
        Stage::Ready => control.hooks.read().1,
        Stage::Shutdown => false,
    }
}

fn scripts(control: &Inner) -> Vec<Script> {
    let (scripts, _) = control.hooks.read();
    scripts.into_iter().map(|(name, state)| Script { stage: "READY", name, state }).collect()
}
