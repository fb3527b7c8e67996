//! Block files: sparse files with an ext4 file system, mounted through loop devices. They hold a limit truly.
//!
//! Invariant: a loop device frees itself with its last mount, so none is left over, however a sandbox ends.

use crate::Error;
use crate::error::During;
use crate::spec::DISK_BYTES_MIN;
use crate::sys;
use rustix::mount::MountFlags;
use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::process::{Command, Stdio};

/// How often another loop device is tried when somebody was faster.
const ATTEMPTS: usize = 64;

/// Makes a file with an empty file system of `bytes`; its root directory belongs to root. It takes place only as it is written to.
pub fn create(path: &Path, bytes: u64) -> Result<(), Error> {
    if bytes < DISK_BYTES_MIN {
        return Err(Error::invalid("a file system of less than 16 MiB has no room for itself"));
    }
    let mut options = File::options();
    let file = options.write(true).create_new(true).mode(0o600).open(path).during(path.display())?;
    let made = file.set_len(bytes).during(path.display()).and_then(|()| {
        // Nothing is kept back for root, and what needs not be written now is written when it is used.
        let options =
            ["-q", "-F", "-m", "0", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard,root_owner=0:0"];
        run("mkfs.ext4", options.iter().map(OsStr::new).chain([path.as_os_str()]), &[0])
    });
    if made.is_err() {
        // What is half made is of no use; the first error is the one to tell.
        std::fs::remove_file(path).ok();
    }
    made
}

/// Makes an existing file system larger, while it is not mounted. Smaller is refused.
pub fn grow(path: &Path, bytes: u64) -> Result<(), Error> {
    let file = File::options().write(true).open(path).during(path.display())?;
    let now = file.metadata().during(path.display())?.len();
    if bytes < now {
        return Err(Error::invalid(format!("{} cannot shrink from {now} to {bytes} bytes", path.display())));
    }
    if bytes == now {
        return Ok(());
    }
    file.set_len(bytes).during(path.display())?;
    fit(path)
}

/// Whether the file system is clearly smaller than its file: it could not grow when the file did, because it was mounted.
fn is_small(path: &Path) -> Result<bool, Error> {
    // The superblock of ext4 begins at 1024: blocks at 4 and (high half) at 0x150, the size of a block at 24.
    let mut superblock = [0; 1024];
    let file = File::open(path).during(path.display())?;
    file.read_exact_at(&mut superblock, 1024).during(path.display())?;
    let number = |at: usize| {
        let bytes = superblock.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        u64::from(u32::from_le_bytes(bytes.unwrap_or_default()))
    };
    let blocks = number(4) | number(0x150) << 32;
    let bytes = blocks.saturating_mul(1024 << number(24).min(6));
    Ok(file.metadata().during(path.display())?.len().saturating_sub(bytes) >= DISK_BYTES_MIN)
}

/// Makes the file system of a block file as large as the file, while it is not mounted.
pub(crate) fn fit(path: &Path) -> Result<(), Error> {
    // 1: errors were corrected, as after a crash of the host.
    run("e2fsck", [OsStr::new("-fp"), path.as_os_str()], &[0, 1])?;
    run("resize2fs", [path.as_os_str()], &[0])
}

/// Copies a block file, holes as holes; where the file system can, both share what is the same. While a sandbox writes to it, the copy
/// is of no certain moment: stop the sandbox or detach the volume first.
pub fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    copy_open(&File::open(from).during(from.display())?, to)
}

/// The same of one that is open.
pub(crate) fn copy_open(source: &File, to: &Path) -> Result<(), Error> {
    let size = source.metadata().during(to.display())?.len();
    let mut options = File::options();
    let target = options.write(true).create_new(true).mode(0o600).open(to).during(to.display())?;
    let copied = match rustix::fs::ioctl_ficlone(&target, source) {
        Ok(()) => Ok(()),
        Err(_) => copy_data(source, &target, size).during(to.display()),
    };
    if copied.is_err() {
        // Half a copy is of no use; the first error is the one to tell.
        std::fs::remove_file(to).ok();
    }
    copied
}

/// Whether copies in the directory of `trial`, a file that is not there, share their bytes with a file.
pub(crate) fn shares(source: &File, trial: &Path) -> Result<bool, Error> {
    let mut options = File::options();
    let file = options.write(true).create_new(true).mode(0o600).open(trial).during(trial.display())?;
    let shares = rustix::fs::ioctl_ficlone(&file, source).is_ok();
    std::fs::remove_file(trial).during(trial.display())?;
    Ok(shares)
}

fn copy_data(source: &File, target: &File, size: u64) -> std::io::Result<()> {
    use rustix::fs::SeekFrom;
    target.set_len(size)?;
    let mut at = 0;
    while at < size {
        let begin = match rustix::fs::seek(source, SeekFrom::Data(at)) {
            // Nothing but a hole is left.
            Err(rustix::io::Errno::NXIO) => break,
            other => other?,
        };
        let end = rustix::fs::seek(source, SeekFrom::Hole(begin))?;
        let (mut from, mut to) = (begin, begin);
        while from < end {
            let length = usize::try_from(end - from).unwrap_or(usize::MAX).min(1 << 30);
            match rustix::fs::copy_file_range(source, Some(&mut from), target, Some(&mut to), length) {
                Ok(0) => return Err(std::io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                // Two kinds of file systems: the bytes come through here.
                Err(rustix::io::Errno::XDEV) => (from, to) = carry(source, target, from, end)?,
                Err(error) => return Err(error.into()),
            }
        }
        at = end;
    }
    Ok(())
}

/// Copies bytes through this process; where it has come to in both.
fn carry(source: &File, target: &File, begin: u64, end: u64) -> std::io::Result<(u64, u64)> {
    let (mut at, mut buffer) = (begin, vec![0; 1 << 20]);
    while at < end {
        let length = usize::try_from(end - at).unwrap_or(usize::MAX).min(buffer.len());
        let Some(part) = buffer.get_mut(..length) else { break };
        source.read_exact_at(part, at)?;
        target.write_all_at(part, at)?;
        at += part.len() as u64;
    }
    Ok((at, at))
}

/// Mounts a block file on a directory.
pub(crate) fn mount(path: &Path, target: &Path, read_only: bool) -> Result<(), Error> {
    let _turn = turn(path)?;
    let device = match attached(path) {
        Some(device) => device,
        None => {
            if !read_only && is_small(path)? {
                fit(path)?;
            }
            attach(path, read_only)?
        }
    };
    mount_device(&device.0, target, read_only).during(path.display())
    // The device's descriptor is closed here: the mount holds it now.
}

/// Mounts a loop device that has a file.
pub(crate) fn mount_device(device: &str, target: &Path, read_only: bool) -> Result<(), Error> {
    let mut flags = MountFlags::NODEV;
    if read_only {
        flags |= MountFlags::RDONLY;
    }
    let mounted = rustix::mount::mount(device, target, "ext4", flags, None::<&std::ffi::CStr>);
    mounted.during("cannot mount the file system")
}

/// Waits until nobody else mounts or copies a block file; nobody does while the file is open.
pub(crate) fn turn(path: &Path) -> Result<File, Error> {
    // Not the descriptor that a loop device gets: that one would hold the lock as long as the device lives.
    let file = File::open(path).during(path.display())?;
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).during(path.display())?;
    Ok(file)
}

/// The loop device that has the file already, open, if one has: through two devices, two mounts would destroy each other's data.
pub(crate) fn attached(path: &Path) -> Option<(String, File)> {
    let path = path.canonicalize().ok()?;
    for entry in std::fs::read_dir("/sys/block").ok()?.flatten() {
        let has_it = || {
            let text = std::fs::read_to_string(entry.path().join("loop/backing_file")).unwrap_or_default();
            Path::new(text.trim_end_matches('\n')) == path
        };
        if !has_it() {
            continue;
        }
        let name = format!("/dev/{}", entry.file_name().to_string_lossy());
        let Ok(device) = File::options().read(true).write(true).open(&name) else { continue };
        // An open device keeps its file: if it has it now, it stays so.
        if has_it() {
            return Some((name, device));
        }
    }
    None
}

/// A loop device with the file in it, and its open descriptor, which keeps it from being freed.
fn attach(path: &Path, read_only: bool) -> Result<(String, File), Error> {
    let file = File::options().read(true).write(!read_only).open(path).during(path.display())?;
    let control = File::options().read(true).write(true).open("/dev/loop-control");
    let control = control.map_err(|error| Error::unsupported(format!("no loop devices here: {error}")))?;
    for _ in 0..ATTEMPTS {
        let number = sys::free_loop(&control).during("no loop device is free")?;
        let name = format!("/dev/loop{number}");
        let Ok(device) = File::options().read(true).write(!read_only).open(&name) else { continue };
        match sys::attach_loop(&device, file.as_raw_fd(), read_only) {
            Ok(()) => return Ok((name, device)),
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {}
            Err(error) => return Err(Error::failed(format_args!("cannot attach {}", path.display()), error)),
        }
    }
    Err(Error::failed("cannot get a loop device", "others were faster each time"))
}

/// Runs one of the tools of e2fsprogs.
pub(crate) fn run<'a>(
    tool: &str,
    arguments: impl IntoIterator<Item = &'a OsStr>,
    fine: &[i32],
) -> Result<(), Error> {
    let mut command = Command::new(tool);
    command.args(arguments).stdin(Stdio::null()).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    let output = command.output().map_err(|error| Error::unsupported(format!("{tool}: {error}")))?;
    if output.status.code().is_some_and(|code| fine.contains(&code)) {
        return Ok(());
    }
    Err(Error::failed(tool, String::from_utf8_lossy(&output.stderr).trim()))
}
