//! `yakumo reset`: back to an empty cloud.

use crate::arguments::{CloudOptions, Output};
use crate::client::Client;
use crate::failure::Failure;
use crate::terminal::Terminal;
use clap::Args;
use serde_json::json;
use yakumo_cloud::control::Done;

const EXAMPLES: &str = "\
Examples:
  yakumo reset                     asks first
  yakumo reset --yes               for scripts, between two tests

Everything goes, in all accounts and regions: resources, messages, users and their keys. The clock goes
back to real time. Snapshots and the endpoint stay.";

/// Options of `yakumo reset`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    cloud: CloudOptions,
}

/// Resets the cloud.
pub async fn run(options: Options) -> Result<(), Failure> {
    let client = Client::find(&options.cloud)?;
    let question = format!("Remove everything in the cloud at {}?", client.endpoint);
    if !options.yes && !Terminal::stderr().confirm(&question)? {
        return Err(
            Failure::usage("nothing was removed: a reset must be confirmed").advise("yakumo reset --yes")
        );
    }
    let done: Done = client.post("/_yakumo/reset", &json!({})).await?;
    let mut out = Terminal::stdout();
    match options.cloud.output {
        Output::Json => out.json(&done),
        Output::Table => Ok(out.line(&format!("the cloud at {} is empty", client.endpoint))?),
    }
}
