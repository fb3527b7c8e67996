//! The host's programs that make networks: `ip` and `nft`.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where administrators' programs are, which the path of a person or a service often leaves out.
const SYSTEM: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// The file of a program, on the path or among the system's; `None` when it is not installed.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(SYSTEM.map(PathBuf::from));
    places.map(|place| place.join(name)).find(|file| file.is_file())
}

/// A command of a program. When it is not installed, running it says so.
pub fn command(name: &str) -> Command {
    Command::new(program(name).as_deref().unwrap_or(Path::new(name)))
}

#[cfg(test)]
mod tests {
    use super::program;

    #[test]
    fn what_is_installed_is_found() {
        assert!(program("sh").is_some_and(|file| file.is_absolute()));
        assert_eq!(program("no-such-program-anywhere"), None);
    }
}
