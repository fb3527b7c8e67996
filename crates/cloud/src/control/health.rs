//! `GET /_yakumo/health`: that a cloud runs here, which, and nothing else. Open to everyone who reaches the port.

use super::answer::Answer;
use crate::Cloud;
use serde::{Deserialize, Serialize};

/// The answer of a cloud that runs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Health {
    /// `ready`, or `stopping`.
    pub status: String,
    /// The yakumo that runs it.
    pub version: String,
    /// The cloud's id.
    pub cloud: String,
}

/// The version of this build.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(crate) fn answer(cloud: &Cloud) -> Answer {
    let status = if cloud.world().base.is_stopping() { "stopping" } else { "ready" };
    let cloud = cloud.store().cloud().to_string();
    Answer::json(&Health { status: status.to_owned(), version: VERSION.to_owned(), cloud })
}
