//! Where a user's clouds live on this machine: data, and the small state files of running clouds.
//! Source: <https://specifications.freedesktop.org/basedir-spec/latest/>

use crate::failure::{Exit, Failure};
use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::PathBuf;

/// `$XDG_DATA_HOME/yakumo`, or `~/.local/share/yakumo`.
pub fn data() -> Result<PathBuf, Failure> {
    if let Some(base) = absolute("XDG_DATA_HOME") {
        return Ok(base.join("yakumo"));
    }
    let home = absolute("HOME").ok_or_else(|| {
        Failure::usage(
            "there is no home directory to keep the cloud in: neither XDG_DATA_HOME nor HOME is set",
        )
        .advise("yakumo up --data-dir DIR, or yakumo up --ephemeral")
    })?;
    Ok(home.join(".local/share/yakumo"))
}

/// The directory of state files: `$XDG_RUNTIME_DIR`, else a directory of this user alone under the temporary one.
pub fn runtime() -> Result<PathBuf, Failure> {
    if let Some(directory) = absolute("XDG_RUNTIME_DIR").filter(|directory| directory.is_dir()) {
        return Ok(directory);
    }
    let uid = rustix::process::getuid().as_raw();
    private(std::env::temp_dir().join(format!("yakumo-{uid}")), uid)
}

/// Makes the directory for this user alone. State files hold tokens, so a directory that somebody else could have
/// made, or can look into, is refused.
fn private(directory: PathBuf, uid: u32) -> Result<PathBuf, Failure> {
    let unusable = |why: String| {
        Failure::new(Exit::Failed, format!("{} cannot hold state files: {why}", directory.display()))
            .advise("set XDG_RUNTIME_DIR to a directory of your own")
    };
    match fs::DirBuilder::new().mode(0o700).create(&directory) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(unusable(error.to_string()));
        }
        _ => {}
    }
    let found = fs::symlink_metadata(&directory).map_err(|error| unusable(error.to_string()))?;
    if !found.is_dir() || found.uid() != uid || found.mode() & 0o077 != 0 {
        return Err(unusable("it does not belong to you alone".to_owned()));
    }
    Ok(directory)
}

/// A directory from the environment. Relative ones are to be ignored, says the specification.
fn absolute(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute())
}
