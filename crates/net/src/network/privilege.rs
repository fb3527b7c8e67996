//! Whether networks can be made here.

use crate::engine::program;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Why networks cannot be made here, in words that name what would help; `None` when they can. It starts nothing: the
/// start of a cloud waits for it.
pub fn lacking() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("networks are made of Linux's namespaces".to_owned());
    }
    if !rustix::process::geteuid().is_root() {
        return Some("making networks needs root".to_owned());
    }
    if !Path::new("/proc/self/ns/net").exists() {
        return Some("this kernel has no network namespaces".to_owned());
    }
    let missing: Vec<&str> = ["ip", "nft"].into_iter().filter(|name| program(name).is_none()).collect();
    if missing.is_empty() {
        return None;
    }
    let packages: Vec<&str> =
        missing.iter().map(|name| if *name == "ip" { "iproute2" } else { "nftables" }).collect();
    Some(format!("{} missing: install {}", missing.join(" and "), packages.join(" and ")))
}

/// Takes the first of these slices of public addresses that no running cloud of this host has, for as long as the file
/// is open: after `kill -9` it is free again.
///
/// # Errors
/// In words, when none is free or the directory cannot be used.
pub fn claim(run: &Path, choices: &[u8]) -> Result<(u8, File), String> {
    let directory = run.join("slices");
    let failed = |error: std::io::Error| format!("{}: {error}", directory.display());
    fs::create_dir_all(&directory).map_err(failed)?;
    for slice in choices {
        let path = directory.join(slice.to_string());
        let file = File::create(&path).map_err(failed)?;
        // A sweep may have removed the file between the two; then the lock is on nothing.
        let number = |meta: std::io::Result<fs::Metadata>| meta.map(|meta| meta.ino()).ok();
        if file.try_lock().is_ok() && number(file.metadata()) == number(fs::metadata(&path)) {
            return Ok((*slice, file));
        }
    }
    match choices {
        [_] => Err("another cloud that runs on this host has the same public addresses".to_owned()),
        _ => Err("the clouds that run on this host have all public addresses".to_owned()),
    }
}
