//! `yakumo snapshot`: the whole cloud under a name.

use crate::arguments::{CloudOptions, Output};
use crate::client::Client;
use crate::commands::services::segment;
use crate::detached;
use crate::failure::{Exit, Failure};
use crate::table::{Cell, Table};
use crate::terminal::{Paint, Terminal};
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;
use std::path::PathBuf;
use yakumo_cloud::control::{Done, Fork, Forked, SnapshotLine, SnapshotList};

const EXAMPLES: &str = "\
Examples:
  yakumo snapshot save before-attack
  yakumo snapshot load before-attack          everything as it was; what came after is gone
  yakumo snapshot fork before-attack --port 4600 --data-dir /tmp/rehearsal
                                              a second cloud beside the first, from the same moment
  yakumo snapshot list
  yakumo snapshot delete before-attack

A snapshot is consistent across all services. Names: letters, digits, . _ - (at most 64).";

/// Options of `yakumo snapshot`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    cloud: CloudOptions,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Keep the cloud as it is now; a snapshot of that name is replaced
    Save {
        /// The snapshot's name
        name: String,
    },
    /// Go back to a snapshot; what came after it is gone
    Load {
        /// The snapshot's name
        name: String,
    },
    /// List snapshots
    List,
    /// Remove a snapshot
    Delete {
        /// The snapshot's name
        name: String,
    },
    /// Start a second cloud, with an id of its own, from a snapshot
    Fork {
        /// The snapshot's name
        name: String,
        /// The port of the second cloud; 0 takes a free one
        #[arg(long)]
        port: u16,
        /// The data directory of the second cloud: absent or empty
        #[arg(long, value_name = "DIR")]
        data_dir: PathBuf,
    },
}

#[derive(Serialize)]
struct ForkStarted {
    #[serde(flatten)]
    forked: Forked,
    endpoint: String,
    pid: u32,
}

/// Does what was asked with the cloud's snapshots.
pub async fn run(options: Options) -> Result<(), Failure> {
    let client = Client::find(&options.cloud)?;
    let json = options.cloud.output == Output::Json;
    let mut out = Terminal::stdout();
    match &options.action {
        Action::Save { name } => {
            let line: SnapshotLine = client.post(&path(name)?, &json!({})).await?;
            let text = format!("saved {} ({})", line.name, size(line.size_bytes));
            if json { out.json(&line) } else { Ok(out.line(&text)?) }
        }
        Action::Load { name } => {
            let done: Done = client.post(&format!("{}/load", path(name)?), &json!({})).await?;
            if json { out.json(&done) } else { Ok(out.line(&format!("the cloud is as it was in {name}"))?) }
        }
        Action::List => {
            let list: SnapshotList = client.get("/_yakumo/snapshots").await?;
            if json { out.json(&list) } else { Ok(table(&list).write(&mut out)?) }
        }
        Action::Delete { name } => {
            let done: Done = client.delete(&path(name)?).await?;
            if json { out.json(&done) } else { Ok(out.line(&format!("removed {name}"))?) }
        }
        Action::Fork { name, port, data_dir } => {
            let fork = Fork { data_dir: std::path::absolute(data_dir)? };
            let forked: Forked = client.post(&format!("{}/fork", path(name)?), &fork).await?;
            let started = detached::start(&forked.data_dir, *port).await?;
            let (endpoint, pid) = (started.endpoint()?.to_owned(), started.pid);
            if json {
                out.json(&ForkStarted { forked, endpoint, pid })
            } else {
                Ok(out.line(&started.ready_line)?)
            }
        }
    }
}

fn path(name: &str) -> Result<String, Failure> {
    Ok(format!("/_yakumo/snapshots/{}", segment(name)?))
}

fn table(list: &SnapshotList) -> Table {
    let mut table = Table::new(&["SNAPSHOT", "SAVED (UTC)", "SIZE"]);
    for snapshot in &list.snapshots {
        table.row(vec![
            Cell::new(&snapshot.name, Paint::Strong),
            Cell::plain(&snapshot.saved),
            Cell::plain(size(snapshot.size_bytes)),
        ]);
    }
    table
}

/// Bytes as people read them.
fn size(bytes: u64) -> String {
    let scaled = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match scaled.into_iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", bytes as f64 / unit as f64),
        None => format!("{bytes} bytes"),
    }
}

impl From<detached::NotReady> for Failure {
    fn from(error: detached::NotReady) -> Failure {
        Failure::new(Exit::Failed, format!("the second cloud did not start: {}", error.why))
            .advise(format!("see {}", error.log.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_have_units() {
        assert_eq!(
            (size(1_023).as_str(), size(1_536).as_str(), size(5 << 30).as_str()),
            ("1023 bytes", "1.5 KiB", "5.0 GiB")
        );
    }
}
