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
    scripts: &[PathBuf],
    variables: &[(&str, String)],
    hooks: &Hooks,
    mut tell: impl FnMut(String),
) {
    hooks.found(scripts.iter().map(|script| name(script)));
    for (index, script) in scripts.iter().enumerate() {
        hooks.report(index, ScriptState::Running);
        let state = match run_one(script, variables).await {
            Ok(status) if status.success() => ScriptState::Successful,
            Ok(status) => {
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

async fn run_one(script: &Path, variables: &[(&str, String)]) -> io::Result<std::process::ExitStatus> {
    let mut command = Command::new(script);
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    // They would win over the credentials that are set.
    command.env_remove("AWS_PROFILE").env_remove("AWS_SESSION_TOKEN");
    command.stdin(Stdio::null()).stdout(Stdio::from(io::stderr())).stderr(Stdio::inherit());
    // When the cloud stops, a script has nothing more to talk to.
    command.kill_on_drop(true).status().await
}

#[cfg(test)]
mod tests {
    use super::{find, run};
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
        run(&scripts, &[("WHO", "me".to_owned())], &hooks, |text| told.push(text)).await;
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
