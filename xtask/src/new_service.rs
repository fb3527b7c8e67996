//! `new-service`: makes a room from its model.
use crate::workspace::Workspace;
use anyhow::{Result, bail};

/// How `new-service` is called.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// The service's name in `models/`: `sns` for `models/sns.api`.
    pub name: String,
}

/// Makes `apis/NAME` and `services/NAME`.
pub fn run(_workspace: &Workspace, _options: &Options) -> Result<bool> {
    bail!("new-service is not there yet")
}
