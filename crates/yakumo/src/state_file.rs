//! `yakumo-<port>.json`: how the commands of the same user find a running cloud, and its token.
//!
//! Invariant: the file is readable by its owner alone, and a file whose process is gone counts for nothing.

use crate::directories;
use crate::failure::Failure;
use rustix::process::{Pid, test_kill_process};
use serde::{Deserialize, Serialize};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What a running cloud leaves for the commands of its user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StateFile {
    /// The process.
    pub pid: i32,
    /// When that process began, in the kernel's ticks since its boot: another may have its number by now. `None` where
    /// that cannot be told.
    #[serde(default)]
    pub began: Option<u64>,
    /// `http://host:port`, as this machine reaches it.
    pub endpoint: String,
    /// The port.
    pub port: u16,
    /// The cloud's id.
    pub cloud: String,
    /// Where it is kept; `None` when it is not.
    pub data_dir: Option<PathBuf>,
    /// The control API's bearer token; `None` on loopback, where it needs none.
    pub token: Option<String>,
    /// The generated root key: access key id and secret; `None` on loopback, where `test`/`test` is root.
    pub root_key: Option<(String, String)>,
}

impl StateFile {
    /// Writes the file, in one step, for its owner alone. Gives its path.
    pub fn write(&self) -> Result<PathBuf, Failure> {
        let path = path_in(&directories::runtime()?, self.port);
        write_private(&path, &serde_json::to_vec_pretty(self).map_err(io::Error::from)?)?;
        Ok(path)
    }

    /// Whether the process still runs.
    fn is_alive(&self) -> bool {
        // EPERM would mean a process of another user, which never is the one that wrote this file.
        let runs = Pid::from_raw(self.pid).is_some_and(|pid| test_kill_process(pid).is_ok());
        runs && began(self.pid) == self.began
    }
}

/// When a process began, in ticks since the boot.
#[cfg(target_os = "linux")]
pub fn began(pid: i32) -> Option<u64> {
    yakumo_machine::Process::of(pid).map(|process| process.started)
}

/// Only Linux tells it here.
#[cfg(not(target_os = "linux"))]
pub fn began(_: i32) -> Option<u64> {
    None
}

/// Removes the file when it still is this process's.
pub fn remove(path: &Path) {
    let own = read(path).is_some_and(|state| u32::try_from(state.pid) == Ok(std::process::id()));
    if own {
        // Nothing depends on the removal: a file without its process counts for nothing.
        let _ = fs::remove_file(path);
    }
}

/// The user's running clouds, by port. An unusable runtime directory holds none.
pub fn running() -> Vec<StateFile> {
    directories::runtime().map(|directory| running_in(&directory)).unwrap_or_default()
}

fn running_in(directory: &Path) -> Vec<StateFile> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let files = entries.map(|entry| entry.path()).filter(|path| is_state_file(path));
    let mut states: Vec<StateFile> =
        files.filter_map(|path| read(&path)).filter(StateFile::is_alive).collect();
    states.sort_by_key(|state| state.port);
    states
}

fn path_in(directory: &Path, port: u16) -> PathBuf {
    directory.join(format!("yakumo-{port}.json"))
}

fn is_state_file(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let port = name.strip_prefix("yakumo-").and_then(|rest| rest.strip_suffix(".json"));
    port.is_some_and(|port| port.parse::<u16>().is_ok())
}

fn read(path: &Path) -> Option<StateFile> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = path.with_extension(format!("{}.part", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(bytes)?;
    drop(file);
    fs::rename(&part, path)
}

#[cfg(test)]
mod tests {
    use super::{StateFile, path_in, running_in, write_private};
    use std::os::unix::fs::PermissionsExt;

    fn state(port: u16, pid: i32) -> StateFile {
        StateFile {
            pid,
            began: super::began(pid),
            endpoint: format!("http://127.0.0.1:{port}"),
            port,
            cloud: "c".into(),
            data_dir: None,
            token: None,
            root_key: None,
        }
    }

    #[test]
    fn only_the_files_of_live_processes_count() {
        let directory = tempfile::tempdir().unwrap();
        let own = i32::try_from(std::process::id()).unwrap();
        // The number of a process that is gone was given to another.
        let other = StateFile { began: Some(1), ..state(4570, own) };
        for state in [state(4567, own), state(4566, own), state(4568, i32::MAX), other] {
            write_private(&path_in(directory.path(), state.port), &serde_json::to_vec(&state).unwrap())
                .unwrap();
        }
        std::fs::write(directory.path().join("yakumo-4569.json"), "{").unwrap();
        std::fs::write(directory.path().join("other.json"), serde_json::to_vec(&state(1, own)).unwrap())
            .unwrap();
        let ports: Vec<u16> = running_in(directory.path()).iter().map(|state| state.port).collect();
        assert_eq!(ports, [4566, 4567]);
    }

    #[test]
    fn nobody_else_can_read_a_state_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = path_in(directory.path(), 1);
        write_private(&path, b"{}").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
