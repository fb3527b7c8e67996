//! Installs a Debian package when this user may.

use std::process::Command;

/// Whether the package could be installed: only root on a system with apt can.
pub fn install(package: &str) -> bool {
    println!("installing {package} with apt-get, if that can be done here");
    let apt = |arguments: &[&str]| {
        let status =
            Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive").status();
        status.is_ok_and(|status| status.success())
    };
    apt(&["update", "-qq"]) && apt(&["install", "-y", "-qq", package])
}
