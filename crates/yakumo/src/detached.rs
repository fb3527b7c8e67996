//! Starts a cloud that lives on when this command has ended.

use crate::ready_line;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// How long a cloud may take until it is ready; a large store needs a while to open.
const READY_TIMEOUT: Duration = Duration::from_secs(60);
/// What it has to say goes to this file in its data directory.
const LOG: &str = "yakumo.log";

/// A cloud that was started.
#[derive(Debug)]
pub struct Started {
    /// Its process.
    pub pid: u32,
    /// What it printed when it was ready.
    pub ready_line: String,
}

impl Started {
    /// Where it answers.
    pub fn endpoint(&self) -> Result<&str, NotReady> {
        ready_line::endpoint(&self.ready_line)
            .ok_or_else(|| NotReady { why: "it was not understood".into(), log: LOG.into() })
    }
}

/// Why a cloud did not get ready.
#[derive(Debug)]
pub struct NotReady {
    /// In a few words.
    pub why: String,
    /// Where it said more.
    pub log: PathBuf,
}

/// Starts `yakumo up` on a data directory and waits until it is ready.
pub async fn start(data_dir: &Path, port: u16) -> Result<Started, NotReady> {
    let log = data_dir.join(LOG);
    let not_ready = |why: String| NotReady { why, log: log.clone() };
    let mut child = spawn(data_dir, port, &log).map_err(|error| not_ready(error.to_string()))?;
    let pid = child.id().unwrap_or_default();
    let stdout = child.stdout.take().ok_or_else(|| not_ready("it has no stdout".into()))?;
    let mut lines = BufReader::new(stdout).lines();
    match tokio::time::timeout(READY_TIMEOUT, lines.next_line()).await {
        Ok(Ok(Some(ready_line))) => Ok(Started { pid, ready_line }),
        Ok(Ok(None)) => Err(not_ready("it ended".into())),
        Ok(Err(error)) => Err(not_ready(error.to_string())),
        Err(_) => {
            // It is ours and nobody waits for it any more.
            let _ = child.kill().await;
            Err(not_ready(format!("it was not ready within {} s", READY_TIMEOUT.as_secs())))
        }
    }
}

fn spawn(data_dir: &Path, port: u16, log: &Path) -> io::Result<tokio::process::Child> {
    let log = OpenOptions::new().create(true).append(true).open(log)?;
    let mut command = std::process::Command::new(std::env::current_exe()?);
    command.arg("up").arg("--port").arg(port.to_string()).arg("--data-dir").arg(data_dir);
    // What names another place or address in the environment is meant for the first cloud.
    for name in [
        "YAKUMO_EPHEMERAL",
        "YAKUMO_STORE",
        "YAKUMO_READY_DIR",
        "YAKUMO_CLOCK",
        "GATEWAY_LISTEN",
        "PERSISTENCE",
    ] {
        command.env_remove(name);
    }
    // A group of its own: Ctrl-C in this terminal is not meant for it.
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).process_group(0);
    Command::from(command).spawn()
}
