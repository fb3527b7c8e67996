//! The busybox image: the host's statically linked busybox under all its names.

use super::{directory, file, link};
use crate::Error;
use crate::error::During;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

/// Where it is looked for.
const PLACES: &[&str] = &["/bin/busybox", "/usr/bin/busybox", "/sbin/busybox", "/usr/sbin/busybox"];

/// A busybox of the host.
#[derive(Debug, Hash)]
pub(super) struct Program {
    path: PathBuf,
    changed: Option<SystemTime>,
}

/// The host's, if it has one that needs no library.
pub(super) fn find() -> Result<Program, Error> {
    for path in PLACES.iter().map(PathBuf::from) {
        if let Ok(bytes) = fs::read(&path)
            && is_static(&bytes)
        {
            let changed = fs::metadata(&path).and_then(|metadata| metadata.modified()).ok();
            return Ok(Program { path, changed });
        }
    }
    Err(Error::unsupported("this host has no statically linked busybox (Debian: busybox-static)"))
}

/// Whether no program header of a 64-bit little-endian ELF file asks for an interpreter.
fn is_static(bytes: &[u8]) -> bool {
    const INTERPRETER: u32 = 3;
    let number = |at: usize, size: usize| -> Option<u64> {
        let mut all = [0; 8];
        all.get_mut(..size)?.copy_from_slice(bytes.get(at..at.checked_add(size)?)?);
        Some(u64::from_le_bytes(all))
    };
    let headers = || -> Option<bool> {
        let (at, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
        for index in 0..count {
            let header = usize::try_from(at.checked_add(index * size)?).ok()?;
            if number(header, 4)? == u64::from(INTERPRETER) {
                return Some(false);
            }
        }
        Some(true)
    };
    bytes.starts_with(b"\x7fELF\x02\x01") && headers().unwrap_or(false)
}

/// Writes the image.
pub(super) fn build(root: &Path, program: &Program) -> Result<(), Error> {
    let content = fs::read(&program.path).during(program.path.display())?;
    file(&root.join("bin/busybox"), &content, 0o755)?;
    let list = Command::new(&program.path).arg("--list").stdin(Stdio::null()).env_clear().output();
    let list = list.during(program.path.display())?.stdout;
    for name in String::from_utf8_lossy(&list).lines() {
        if name != "busybox" && !name.is_empty() && !name.contains('/') {
            link("busybox", &root.join("bin").join(name))?;
        }
    }
    link("bin", &root.join("sbin"))?;
    directory(&root.join("usr"), 0o755)?;
    link("../bin", &root.join("usr/bin"))?;
    link("../bin", &root.join("usr/sbin"))?;
    let made = [
        ("passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"),
        ("group", "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n"),
        ("hosts", "127.0.0.1 localhost\n::1 localhost\n"),
        (
            "os-release",
            "PRETTY_NAME=\"yakumo busybox image\"\nNAME=\"yakumo busybox image\"\nID=yakumo-busybox\n",
        ),
        ("profile", "export PATH=/bin\n"),
    ];
    made.iter().try_for_each(|(name, content)| file(&root.join("etc").join(name), content.as_bytes(), 0o644))
}

#[cfg(test)]
mod tests {
    use super::is_static;

    #[test]
    fn programs_without_an_interpreter_are_static() {
        let program = |kind: u8| {
            let mut bytes = vec![0; 120];
            bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
            (bytes[32], bytes[54], bytes[56], bytes[64]) = (64, 56, 1, kind);
            bytes
        };
        assert!(is_static(&program(1)));
        assert!(!is_static(&program(3)));
        assert!(!is_static(&program(1)[..64]));
        assert!(!is_static(b"#!/bin/sh\n"));
    }
}
