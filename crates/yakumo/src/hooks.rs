//! Runs the scripts of `ready.d`: executable files, in the order of their names, one after the other.
//!
//! A script that fails is reported and does not stop the next one. What scripts write goes to stderr: stdout holds
//! the ready line alone.

use rustix::fs::{Access, access};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::Command;
use yakumo_cloud::control::{Hooks, ScriptState};

/// What a script's environment tells of the cloud, beside what it has anyway.
pub const VARIABLES: [&str; 5] =
    ["AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_REGION"];
/// They would win over the credentials that are set.
pub const WITHOUT: [&str; 2] = ["AWS_PROFILE", "AWS_SESSION_TOKEN"];

/// Who runs scripts.
pub enum Runner {
    /// This process.
    Here,
    /// Another one, which has the rights of who started the cloud. The scripts' place among its errands begins there.
    #[cfg(target_os = "linux")]
    Starter {
        /// It.
        starter: yakumo_machine::starter::Starter,
        /// The number of the first script.
        first: usize,
    },
}

/// The scripts of these directories. A directory that is absent has none.
pub fn find(directories: &[PathBuf]) -> io::Result<Vec<PathBuf>> {
    let mut scripts = Vec::new();
    for directory in directories {
        match fs::read_dir(directory) {
            // What stands in the way of a data directory is the store's to tell.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
            Err(error) => {
                return Err(io::Error::new(error.kind(), format!("{}: {error}", directory.display())));
            }
            Ok(entries) => {
                let mut own = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<PathBuf>>>()?;
                own.retain(|path| is_script(path));
                own.sort();
                scripts.extend(own);
            }
        }
    }
    Ok(scripts)
}

fn is_script(path: &Path) -> bool {
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}

/// Runs the scripts with these variables added to their environment, and keeps `hooks` up to date. `tell` hears of
/// failures.
pub async fn run(
    runner: &Runner,
    scripts: &[PathBuf],
    variables: &[(&str, String)],
    hooks: &Hooks,
    mut tell: impl FnMut(String),
) {
    hooks.found(scripts.iter().map(|script| name(script)));
    for (index, script) in scripts.iter().enumerate() {
        hooks.report(index, ScriptState::Running);
        let ended = match runner {
            Runner::Here => run_one(script, variables).await,
            #[cfg(target_os = "linux")]
            Runner::Starter { starter, first } => run_there(starter, first + index, variables).await,
        };
        let state = match ended {
            Ok(None) => ScriptState::Successful,
            Ok(Some(status)) => {
                tell(format!("{} failed: {status}", script.display()));
                ScriptState::Error
            }
            Err(error) => {
                tell(format!("{} cannot be run: {error}", script.display()));
                ScriptState::Error
            }
        };
        hooks.report(index, state);
    }
    hooks.complete();
}

fn name(script: &Path) -> String {
    script.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Runs a script; how it failed, if it did.
async fn run_one(script: &Path, variables: &[(&str, String)]) -> io::Result<Option<String>> {
    let mut command = Command::new(script);
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    for name in WITHOUT {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).stdout(Stdio::from(io::stderr())).stderr(Stdio::inherit());
    // When the cloud stops, a script has nothing more to talk to.
    let status = command.kill_on_drop(true).status().await?;
    Ok((!status.success()).then(|| status.to_string()))
}

/// The same by somebody else.
#[cfg(target_os = "linux")]
async fn run_there(
    starter: &yakumo_machine::starter::Starter,
    errand: usize,
    variables: &[(&str, String)],
) -> io::Result<Option<String>> {
    let values = variables.iter().map(|(_, value)| value.clone()).collect();
    let running = starter.run(errand, values, None).map_err(io::Error::other)?;
    // When the cloud stops, a script has nothing more to talk to.
    let _rope = running.rope()?;
    let ended = tokio::task::spawn_blocking(move || running.wait()).await.map_err(io::Error::other)?;
    let (code, text) = ended.map_err(io::Error::other)?;
    Ok((code != Some(0)).then_some(text))
}

#[cfg(test)]
mod tests {
    use super::{Runner, find, run};
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use yakumo_cloud::control::{Hooks, ScriptState};

    fn script(directory: &Path, name: &str, text: &str, mode: u32) {
        fs::write(directory.join(name), text).unwrap();
        fs::set_permissions(directory.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    #[tokio::test]
    async fn scripts_run_in_order_and_a_failure_does_not_stop_the_next() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        script(path, "20-fails", "#!/bin/sh\nexit 3\n", 0o755);
        script(path, "10-writes", "#!/bin/sh\necho \"$WHO\" > \"$(dirname \"$0\")/out\"\n", 0o755);
        script(
            path,
            "30-reads",
            "#!/bin/sh\nread -r who < \"$(dirname \"$0\")/out\" && [ \"$who\" = me ]\n",
            0o755,
        );
        script(path, "40-not-executable", "#!/bin/sh\nexit 1\n", 0o644);
        let scripts = find(&[path.join("absent"), path.to_owned()]).unwrap();
        let (hooks, mut told) = (Hooks::default(), Vec::new());
        run(&Runner::Here, &scripts, &[("WHO", "me".to_owned())], &hooks, |text| told.push(text)).await;
        let (states, completed) = hooks.read();
        let expected = [
            ("10-writes", ScriptState::Successful),
            ("20-fails", ScriptState::Error),
            ("30-reads", ScriptState::Successful),
        ];
        assert_eq!(states, expected.map(|(name, state)| (name.to_owned(), state)));
        assert!(completed && told.len() == 1 && told[0].contains("20-fails"), "{told:?}");
    }
}
