//! `yakumo unplug`: an interface that `yakumo exec` made live rests again.

use crate::arguments::{CloudOptions, Output};
use crate::client::Client;
use crate::failure::Failure;
use crate::terminal::Terminal;
use clap::Args;
use yakumo_cloud::control::Done;

const EXAMPLES: &str = "\
Examples:
  yakumo unplug eni-0a1b2c         when nothing runs there any more

Its namespace goes from this host. What still runs there runs on without a network. An interface of an instance that runs
stays live: it is the instance's.";

/// Options of `yakumo unplug`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// The network interface, eni-…
    #[arg(value_name = "INTERFACE")]
    id: String,
    #[command(flatten)]
    cloud: CloudOptions,
}

/// Takes back what `exec` did.
pub async fn run(options: Options) -> Result<(), Failure> {
    let id = super::interface(&options.id)?;
    let client = Client::find(&options.cloud)?;
    let done: Done = client.delete(&format!("/_yakumo/network/interfaces/{id}/live")).await?;
    let mut out = Terminal::stdout();
    match options.cloud.output {
        Output::Json => out.json(&done),
        Output::Table => Ok(out.line(&format!("nothing is plugged into {id}"))?),
    }
}
