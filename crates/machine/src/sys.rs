//! All unsafe code: the system calls that no library here wraps safely.
//!
//! Invariant: every function is safe to call for what its comment asks, and returns the kernel's error as it is.

#![allow(unsafe_code, reason = "the one place of the workspace for system calls without a safe wrapper")]

use std::ffi::{CStr, c_int, c_ulong};
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// What `fork` returned.
pub enum Forked {
    /// In the new process.
    Child,
    /// In the old one: the child's id.
    Parent(i32),
}

/// Copies this process, which must have one thread only: it is refused otherwise.
pub fn fork() -> io::Result<Forked> {
    if std::fs::read_dir("/proc/self/task")?.count() != 1 {
        return Err(io::Error::other("a process with several threads cannot be copied"));
    }
    // SAFETY: there is one thread, so no lock is held by a thread that the child lacks.
    match result(unsafe { libc::fork() })? {
        0 => Ok(Forked::Child),
        child => Ok(Forked::Parent(child)),
    }
}

/// Ends a forked child without running what its parent registered for its own end.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: it takes a number and does not return.
    unsafe { libc::_exit(code) }
}

/// Leaves namespaces for new ones. Only `CLONE_NEW…` flags.
pub fn unshare(flags: c_int) -> io::Result<()> {
    let namespaces = libc::CLONE_NEWNS
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUSER
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWNET
        | libc::CLONE_NEWCGROUP;
    if flags & !namespaces != 0 {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    // SAFETY: namespaces share no memory and no descriptors.
    result(unsafe { libc::unshare(flags) }).map(drop)
}

/// Closes every descriptor from `first` on. Only at the beginning of a program, when it has opened none itself.
pub fn close_from(first: u32) -> io::Result<()> {
    // SAFETY: nothing of this program owns these descriptors yet; they were inherited by mistake.
    result(unsafe { libc::close_range(first, u32::MAX, 0) }).map(drop)
}

/// Shows the files of a detached mount with other owners: as the user namespace maps them.
pub fn map_owners(mount: impl AsFd, namespace: impl AsFd, read_only: bool) -> io::Result<()> {
    let mut attributes: libc::mount_attr = zeroed_attributes();
    attributes.attr_set = libc::MOUNT_ATTR_IDMAP | libc::MOUNT_ATTR_NODEV;
    if read_only {
        attributes.attr_set |= libc::MOUNT_ATTR_RDONLY;
    }
    attributes.userns_fd = u64::try_from(namespace.as_fd().as_raw_fd()).map_err(io::Error::other)?;
    set_attributes(mount, &attributes)
}

/// Makes a detached mount, and nothing else of its file system, read-only.
pub fn make_read_only(mount: impl AsFd) -> io::Result<()> {
    let mut attributes = zeroed_attributes();
    attributes.attr_set = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NODEV;
    set_attributes(mount, &attributes)
}

fn zeroed_attributes() -> libc::mount_attr {
    libc::mount_attr { attr_set: 0, attr_clr: 0, propagation: 0, userns_fd: 0 }
}

fn set_attributes(mount: impl AsFd, attributes: &libc::mount_attr) -> io::Result<()> {
    // SAFETY: the path is empty and ends with a null; the structure lives and has the size that is told.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_fd().as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            std::ptr::from_ref(attributes),
            size_of::<libc::mount_attr>(),
        )
    };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Lets this thread make files as another user and group, until it is called again.
pub fn set_file_owner(id: u32) {
    // SAFETY: they take numbers; what they return is the earlier id, never an error.
    unsafe {
        libc::setfsgid(id);
        libc::setfsuid(id);
    }
}

/// Puts a filter of system calls on this thread and all that it will start. It needs `CAP_SYS_ADMIN` or no-new-privileges.
pub fn set_filter(program: &[seccompiler::sock_filter]) -> io::Result<()> {
    let len = u16::try_from(program.len()).map_err(io::Error::other)?;
    let program = libc::sock_fprog { len, filter: program.as_ptr().cast::<libc::sock_filter>().cast_mut() };
    // SAFETY: the program lives through the call and has the length that is told; both types are the kernel's `sock_filter`.
    let done = unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, std::ptr::from_ref(&program))
    };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The version of Landlock from which on files can be moved between directories that are allowed.
const LANDLOCK_REFERS: i64 = 2;

/// An empty set of rules for files, for all that this kernel knows of; `None` when it knows too little.
pub fn landlock_rules() -> io::Result<Option<OwnedFd>> {
    const VERSION: u32 = 1;
    let nothing = std::ptr::null::<u64>();
    // SAFETY: with this flag it reads nothing and returns a number.
    let version = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, nothing, 0usize, VERSION) };
    if version < LANDLOCK_REFERS {
        return Ok(None);
    }
    // Version 4 has networks in the second field, 6 scopes in the third: abstract sockets and signals of others.
    let scopes = if version >= 6 { 3 } else { 0 };
    let handled: [u64; 3] = [landlock_all(version), 0, scopes];
    // SAFETY: the structure is three numbers of 64 bits, which live through the call; what the kernel does not know of it is zero.
    let created = unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, handled.as_ptr(), size_of_val(&handled), 0u32)
    };
    let descriptor = result(c_int::try_from(created).map_err(io::Error::other)?)?;
    // SAFETY: a descriptor that is new is ours.
    Ok(Some(unsafe { OwnedFd::from_raw_fd(descriptor) }))
}

/// All rights on files that a version knows.
fn landlock_all(version: i64) -> u64 {
    let bits = match version {
        ..=2 => 14,
        3 | 4 => 15,
        _ => 16,
    };
    (1 << bits) - 1
}

/// Allows to read what lies at or below an open path, and to write it.
pub fn landlock_allow(rules: &OwnedFd, path: &OwnedFd, directory: bool, writes: bool) -> io::Result<()> {
    const PATH_BENEATH: c_int = 1;
    const EXECUTE_READ_LIST: u64 = 0b1101;
    const OF_FILES: u64 = (1 << 1) | (1 << 2) | 1 | (1 << 14) | (1 << 15);
    /// Nobody makes devices.
    const MAKE_DEVICES: u64 = (1 << 6) | (1 << 11);
    #[repr(C, packed)]
    struct Rule {
        allowed: u64,
        parent: c_int,
    }
    let nothing = std::ptr::null::<u64>();
    // SAFETY: with this flag it reads nothing and returns a number.
    let version = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, nothing, 0usize, 1u32) };
    let all = landlock_all(version);
    let mut allowed = if writes { all & !MAKE_DEVICES } else { EXECUTE_READ_LIST };
    if !directory {
        allowed &= OF_FILES & all;
    }
    let rule = Rule { allowed, parent: path.as_raw_fd() };
    // SAFETY: the structure has the kernel's layout and lives through the call.
    let done = unsafe {
        libc::syscall(
            libc::SYS_landlock_add_rule,
            rules.as_raw_fd(),
            PATH_BENEATH,
            std::ptr::from_ref(&rule),
            0u32,
        )
    };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Puts rules for files on this thread and all that it will start. It needs no-new-privileges.
pub fn landlock_restrict(rules: &OwnedFd) -> io::Result<()> {
    // SAFETY: it takes numbers.
    let done = unsafe { libc::syscall(libc::SYS_landlock_restrict_self, rules.as_raw_fd(), 0u32) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Blocks these signals and returns a descriptor that can be read for them.
pub fn signals(numbers: &[c_int]) -> io::Result<OwnedFd> {
    // SAFETY: the set is a plain value that `sigemptyset` fills before it is read; a descriptor that is new is ours.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for number in numbers {
            libc::sigaddset(&raw mut set, *number);
        }
        result(libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()))?;
        let descriptor = result(libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK))?;
        Ok(OwnedFd::from_raw_fd(descriptor))
    }
}

/// Blocks and ignores no signal any more, as a new program expects: `nohup` and shells hand down what they ignore.
pub fn unblock_signals() -> io::Result<()> {
    // SAFETY: the set is a plain value that `sigemptyset` fills before it is read; no handler is set.
    unsafe {
        for number in 1..libc::SIGRTMIN() {
            // Two cannot be set, and stay as they are.
            libc::signal(number, libc::SIG_DFL);
        }
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        result(libc::sigprocmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut())).map(drop)
    }
}

/// Takes one signal from what `signals` returned; `None` when there is none.
pub fn next_signal(descriptor: impl AsFd) -> Option<c_int> {
    let mut record = [0u8; size_of::<libc::signalfd_siginfo>()];
    let read = rustix::io::read(descriptor, &mut record).ok()?;
    let number = record.get(..4).filter(|_| read == record.len())?;
    Some(c_int::from_ne_bytes(number.try_into().ok()?))
}

/// Runs `before` in the child between fork and exec. It may make system calls, and must not allocate.
pub fn before_exec(command: &mut Command, before: impl FnMut() -> io::Result<()> + Send + Sync + 'static) {
    // SAFETY: the callers run in a process with one thread, so that even an allocation would find no lock held.
    unsafe { command.pre_exec(before) };
}

/// Sends a signal to every process that this one may reach but itself and the first.
pub fn signal_all(number: c_int) {
    // SAFETY: it takes numbers.
    unsafe { libc::kill(-1, number) };
}

/// Sends a signal to a process or, with a negative id, to a process group.
pub fn signal(process: i32, number: c_int) -> io::Result<()> {
    // SAFETY: it takes numbers.
    result(unsafe { libc::kill(process, number) }).map(drop)
}

/// Waits for any child that has ended; its id and its raw status, or `None` when no child has ended.
pub fn reap() -> io::Result<Option<(i32, c_int)>> {
    let mut status = 0;
    // SAFETY: the status is ours to write.
    let child = result(unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) })?;
    Ok((child != 0).then_some((child, status)))
}

/// Switches loopback of the current network namespace on.
pub fn loopback_up() -> io::Result<()> {
    let socket = rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::DGRAM, None)?;
    // SAFETY: the request is a plain structure, filled with zeros, then with a name of two letters and flags.
    unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        for (to, from) in request.ifr_name.iter_mut().zip(CStr::to_bytes(c"lo")) {
            *to = libc::c_char::from_ne_bytes([*from]);
        }
        request.ifr_ifru.ifru_flags = libc::IFF_UP as libc::c_short;
        result(libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request)).map(drop)
    }
}

/// The user namespace that owns a namespace.
pub fn owner_of(namespace: impl AsFd) -> io::Result<OwnedFd> {
    const NS_GET_USERNS: c_ulong = 0xb701;
    // SAFETY: the request takes no argument; a descriptor that is new is ours.
    unsafe {
        let descriptor = result(libc::ioctl(namespace.as_fd().as_raw_fd(), NS_GET_USERNS))?;
        Ok(OwnedFd::from_raw_fd(descriptor))
    }
}

/// The number of a loop device that is free now.
pub fn free_loop(control: impl AsFd) -> io::Result<c_int> {
    const LOOP_CTL_GET_FREE: c_ulong = 0x4c82;
    // SAFETY: the request takes no argument.
    result(unsafe { libc::ioctl(control.as_fd().as_raw_fd(), LOOP_CTL_GET_FREE) })
}

/// Attaches a file to a loop device that frees itself when it is no longer used.
pub fn attach_loop(device: impl AsFd, file: RawFd, read_only: bool) -> io::Result<()> {
    const LOOP_CONFIGURE: c_ulong = 0x4c0a;
    const READ_ONLY: u32 = 1;
    const AUTOCLEAR: u32 = 4;
    /// `struct loop_config`: descriptor, block size, `struct loop_info64` of 232 bytes with the flags at 52, reserved.
    #[repr(C)]
    struct Configuration {
        file: u32,
        block_size: u32,
        before_flags: [u8; 52],
        flags: u32,
        after_flags: [u8; 176],
        reserved: [u64; 8],
    }
    let configuration = Configuration {
        file: u32::try_from(file).map_err(io::Error::other)?,
        block_size: 0,
        before_flags: [0; 52],
        flags: AUTOCLEAR | if read_only { READ_ONLY } else { 0 },
        after_flags: [0; 176],
        reserved: [0; 8],
    };
    const { assert!(size_of::<Configuration>() == 304, "the kernel's struct loop_config") };
    // SAFETY: the structure has the kernel's layout and lives through the call.
    result(unsafe {
        libc::ioctl(device.as_fd().as_raw_fd(), LOOP_CONFIGURE, std::ptr::from_ref(&configuration))
    })
    .map(drop)
}

/// Tells a loop device that its file has another size.
pub fn resize_loop(device: impl AsFd) -> io::Result<()> {
    const LOOP_SET_CAPACITY: c_ulong = 0x4c07;
    // SAFETY: the request takes no argument.
    result(unsafe { libc::ioctl(device.as_fd().as_raw_fd(), LOOP_SET_CAPACITY) }).map(drop)
}

/// Lets a file system write out all that it has and wait with everything else, or go on.
pub fn freeze(directory: impl AsFd, still: bool) -> io::Result<()> {
    const FIFREEZE: c_ulong = 0xc004_5877;
    const FITHAW: c_ulong = 0xc004_5878;
    let request = if still { FIFREEZE } else { FITHAW };
    // SAFETY: the kernel reads and writes nothing through the argument.
    result(unsafe { libc::ioctl(directory.as_fd().as_raw_fd(), request, 0) }).map(drop)
}

fn result(returned: c_int) -> io::Result<c_int> {
    if returned < 0 { Err(io::Error::last_os_error()) } else { Ok(returned) }
}
