//! `yakumo fsck`: proves that records and blobs agree.

use crate::arguments::{CloudOptions, Output};
use crate::client::Client;
use crate::failure::{Exit, Failure};
use crate::serve::store_failure;
use crate::settings;
use crate::terminal::{Paint, Terminal, printable};
use clap::Args;
use std::path::PathBuf;
use yakumo_cloud::{Checked, Config, Location};

const EXAMPLES: &str = "\
Examples:
  yakumo fsck                              ask the running cloud
  yakumo fsck --data-dir ./cloud           check a cloud that is stopped
  yakumo fsck --data-dir ./cloud --repair  remove what belongs to nothing

Every body that a record refers to is there, whole and of the right size, and nothing is there that no record refers
to. Each finding is one line; the exit code is 0 when there is none, else 1. A repair loses nothing: it removes bytes
and rows to which no record refers. Damaged and missing bodies stay as they are, and are told.";

/// Options of `yakumo fsck`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// Check a stopped cloud in this directory
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Check a stopped cloud in PostgreSQL: postgres://user:password@host/database
    #[arg(long, value_name = "URL", conflicts_with = "data_dir")]
    store: Option<String>,
    /// Remove what belongs to nothing; only of a stopped cloud
    #[arg(long)]
    repair: bool,
    #[command(flatten)]
    cloud: CloudOptions,
}

/// Checks, and says what was found.
pub async fn run(options: Options) -> Result<(), Failure> {
    let location = match (&options.data_dir, &options.store) {
        (Some(directory), _) => Some(Location::Directory(std::path::absolute(directory)?.join("store"))),
        (None, Some(url)) => Some(settings::postgres(url)?),
        (None, None) => None,
    };
    let checked = match location {
        Some(location) => stopped(location, options.repair).await?,
        None if options.repair => {
            return Err(Failure::usage("a repair needs a cloud that is stopped")
                .advise("stop it, then yakumo fsck --data-dir DIR --repair"));
        }
        None => Client::find(&options.cloud)?.get("/_yakumo/fsck").await?,
    };
    tell(&checked, options.cloud.output)?;
    let count = checked.findings.len();
    match count {
        0 => Ok(()),
        _ => Err(Failure::new(Exit::Failed, format!("{count} finding{}", if count == 1 { "" } else { "s" }))),
    }
}

async fn stopped(location: Location, repair: bool) -> Result<Checked, Failure> {
    let config = Config { location, ..Config::default() };
    yakumo_cloud::fsck(&config, repair).await.map_err(|error| {
        let failure = store_failure(error, &config);
        let advice = match failure.exit {
            Exit::Locked => "yakumo fsck, without a place, asks the cloud that runs",
            _ => "name the place that `yakumo up` was given",
        };
        failure.advise(advice)
    })
}

fn tell(checked: &Checked, output: Output) -> Result<(), Failure> {
    let mut out = Terminal::stdout();
    if output == Output::Json {
        return out.json(checked);
    }
    for what in &checked.repaired {
        let head = out.paint(Paint::Good, "removed");
        out.line(&format!("{head} {}", printable(what)))?;
    }
    for finding in &checked.findings {
        let note = if finding.repairable { " (--repair removes it)" } else { "" };
        let head = out.paint(Paint::Bad, "wrong");
        out.line(&format!("{head} {}{note}", printable(&finding.what)))?;
    }
    if checked.whole {
        let text = format!("whole: {} records, {} blobs", checked.records, checked.blobs);
        out.line(&out.paint(Paint::Good, &text))?;
    }
    Ok(())
}
