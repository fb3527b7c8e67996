//! Whether networks can be made here.

use crate::engine::{program, stands};
use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Why networks cannot be made by this process, in words that name what would help; `None` when they can.
pub fn lacking() -> Option<String> {
    let needs_root =
        || (!rustix::process::geteuid().is_root()).then(|| "making networks needs root".to_owned());
    missing().or_else(needs_root)
}

/// What this host has not got to make networks with, whoever asks; `None` when nothing is missing. It starts nothing: the
/// start of a cloud waits for it.
pub fn missing() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("networks are made of Linux's namespaces".to_owned());
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

/// Takes for a cloud the first of these slices of public addresses that no other cloud of this host has, for as long as the file
/// is open: after `kill -9` it is free again, once the networks of who had it do not stand any more.
///
/// # Errors
/// In words, when none is free or the directory cannot be used.
pub fn claim(run: &Path, cloud: &str, choices: &[u8]) -> Result<(u8, File), String> {
    let directory = run.join("slices");
    let failed = |error: std::io::Error| format!("{}: {error}", directory.display());
    fs::create_dir_all(&directory).map_err(failed)?;
    let mut standing = None;
    for slice in choices {
        let path = directory.join(slice.to_string());
        let open = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = open.map_err(failed)?;
        // A sweep may have removed the file between the two; then the lock is on nothing.
        let number = |meta: std::io::Result<fs::Metadata>| meta.map(|meta| meta.ino()).ok();
        if file.try_lock().is_err() || number(file.metadata()) != number(fs::metadata(&path)) {
            continue;
        }
        let mut owner = String::new();
        file.read_to_string(&mut owner).map_err(failed)?;
        // The networks of a cloud that is kept stand without it, and the host's route to these addresses is theirs.
        if !owner.is_empty() && owner != cloud && stands(run, &owner) {
            standing = Some(owner);
            continue;
        }
        file.set_len(0).and_then(|()| file.rewind()).map_err(failed)?;
        file.write_all(cloud.as_bytes()).map_err(failed)?;
        return Ok((*slice, file));
    }
    match (choices, standing) {
        ([_], Some(owner)) => Err(format!(
            "networks of the cloud {owner}, which does not run, stand on the same public addresses: `yakumo down --clean` removes them"
        )),
        ([_], None) => Err("another cloud that runs on this host has the same public addresses".to_owned()),
        (_, Some(_)) => Err(
            "clouds of this host, also some that do not run, have all public addresses: `yakumo down --clean` removes networks that stand without a cloud"
                .to_owned(),
        ),
        (_, None) => Err("the clouds that run on this host have all public addresses".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::claim;

    #[test]
    fn a_slice_is_free_when_nobody_has_it_and_nothing_of_its_owner_stands() {
        let run = tempfile::tempdir().unwrap();
        let take = |cloud: &str, choices: &[u8]| claim(run.path(), cloud, choices);
        let (slice, held) = take("one", &[3, 4]).unwrap();
        assert_eq!(slice, 3);
        // Taken by a cloud that runs.
        assert_eq!(take("two", &[3, 4]).unwrap().0, 4);
        assert!(take("two", &[3]).unwrap_err().contains("runs on this host"));
        // It was killed, and its networks stand: nobody gets them but itself.
        drop(held);
        let notes = run.path().join("one");
        std::fs::create_dir(&notes).unwrap();
        let noted = |text: &str| std::fs::write(notes.join("network.json"), text).unwrap();
        noted(r#"{"namespaces":{},"wires":{},"host":["link"],"marks":{}}"#);
        assert_eq!(take("two", &[3, 5]).unwrap().0, 5);
        assert!(take("two", &[3]).unwrap_err().contains("yakumo down --clean"));
        assert_eq!(take("one", &[3]).unwrap().0, 3);
        // What was begun may stand, and what cannot be read, too.
        noted(r#"{"namespaces":{},"wires":{},"host":null,"marks":{}}"#);
        std::fs::write(notes.join("network.at-work"), "yakumo-one-edge").unwrap();
        assert!(take("two", &[3]).is_err());
        std::fs::remove_file(notes.join("network.at-work")).unwrap();
        noted("{");
        assert!(take("two", &[3]).is_err());
        // They were removed, and only the notes are left.
        noted(r#"{"namespaces":{},"wires":{},"host":null,"marks":{}}"#);
        assert_eq!(take("two", &[3]).unwrap().0, 3);
    }
}
