//! User and network namespaces, made ahead of the sandbox so that the mounts can be made for them.
//!
//! Invariant: no user of a sandbox is a user of the host, and no sandbox joins the host's network.

use crate::Error;
use crate::error::During;
use crate::place::{make_directory, try_lock};
use crate::spec::Network;
use crate::sys::{self, Forked};
use rustix::thread::LinkNameSpaceType;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// How many users a sandbox has.
pub const USERS: u32 = 65_536;
/// The first user of the first range. systemd leaves 1879048192 to 2147483647 to others, and distributions give lower ones to people.
const FIRST: u32 = 0x7000_0000;
/// How many ranges there are on a host.
const RANGES: u32 = 4096;
/// Where the ranges in use are locked, for all clouds of a host.
const CLAIMS: &str = "/run/yakumo/users";

/// The namespaces of a sandbox, and what keeps its users from being given to another one.
pub(crate) struct Namespaces {
    /// Its user namespace.
    pub user: OwnedFd,
    /// Its network namespace.
    pub network: OwnedFd,
    /// The host's user that is root inside.
    pub root: u32,
    /// Whether the network namespace is the user namespace's.
    pub rules_network: bool,
    /// Locked while the sandbox lives; none when the user namespace was there before.
    pub claim: Option<File>,
}

/// Makes or opens them. The calling process has one thread.
pub(crate) fn make(id: &str, network: &Network) -> Result<Namespaces, Error> {
    let Network::Namespace(path) = network else {
        let (root, claim) = claim(id)?;
        let (user, network) = create(root)?;
        return Ok(Namespaces { user, network, root, rules_network: true, claim: Some(claim) });
    };
    let network = File::open(path).during(path.display())?;
    refuse_host(&network)?;
    let network = OwnedFd::from(network);
    let owner = sys::owner_of(&network)
        .map_err(|error| Error::invalid(format!("{} is no network namespace: {error}", path.display())))?;
    if inode(&File::from(owner.try_clone().during("a descriptor")?))? == inode_of("/proc/self/ns/user")? {
        let (root, claim) = claim(id)?;
        let (user, _) = create(root)?;
        return Ok(Namespaces { user, network, root, rules_network: false, claim: Some(claim) });
    }
    let root = root_of(&owner)?;
    Ok(Namespaces { user: owner, network, root, rules_network: true, claim: None })
}

/// Makes a network namespace that a sandbox's root will rule, and shows it as a file, as `ip netns add` does. It is there until the
/// file is unmounted. Its users are claimed by nobody: one sandbox at a time should live in it. One that is there already is fine; one that
/// belongs to the host is not.
pub(crate) fn make_network(path: &Path) -> Result<(), Error> {
    if path.exists() {
        let there = File::open(path).during(path.display())?;
        let owner = sys::owner_of(OwnedFd::from(there)).map_err(|error| {
            Error::invalid(format!("{} is no network namespace: {error}", path.display()))
        })?;
        return match inode(&File::from(owner))? == inode_of("/proc/self/ns/user")? {
            true => Err(Error::invalid(format!("{} belongs to the host", path.display()))),
            false => Ok(()),
        };
    }
    // Where nobody has made a namespace yet the directory is not there.
    std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).during(path.display())?;
    let (root, _claim) = claim(&path.to_string_lossy())?;
    let (_, network) = create(root)?;
    File::options().write(true).create_new(true).mode(0o444).open(path).during(path.display())?;
    let source = Path::new("/proc/self/fd").join(std::os::fd::AsRawFd::as_raw_fd(&network).to_string());
    rustix::mount::mount_bind(&source, path).during(path.display())
}

/// Whether the network that this process is in belongs to its user namespace.
pub(crate) fn own_the_network() -> bool {
    let owner = File::open("/proc/self/ns/net").and_then(|network| sys::owner_of(&network));
    let owner = owner.ok().and_then(|owner| inode(&File::from(owner)).ok());
    owner.is_some() && owner == inode_of("/proc/self/ns/user").ok()
}

fn refuse_host(network: &File) -> Result<(), Error> {
    let asked = inode(network)?;
    let hosts = ["/proc/self/ns/net", "/proc/1/ns/net"];
    if hosts.iter().any(|host| inode_of(host).is_ok_and(|inode| inode == asked)) {
        return Err(Error::invalid("network: a sandbox does not join the host's network"));
    }
    Ok(())
}

fn inode_of(path: &str) -> Result<(u64, u64), Error> {
    inode(&File::open(path).during(path)?)
}

fn inode(file: &File) -> Result<(u64, u64), Error> {
    let metadata = file.metadata().during("a namespace")?;
    Ok((metadata.dev(), metadata.ino()))
}

/// A range of users that no other sandbox of this host has.
fn claim(id: &str) -> Result<(u32, File), Error> {
    make_directory(Path::new(CLAIMS))?;
    let begin = id.bytes().fold(0u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    for offset in 0..RANGES {
        let range = begin.wrapping_add(offset) % RANGES;
        let path = Path::new(CLAIMS).join(range.to_string());
        let open = File::options().write(true).create(true).truncate(false).mode(0o600).open(&path);
        if let Some(lock) = try_lock(open.during(path.display())?)? {
            return Ok((FIRST + range * USERS, lock));
        }
    }
    Err(Error::failed("no users are left", "4096 sandboxes run on this host"))
}

/// A new user namespace, and a new network namespace that it owns with loopback up.
fn create(root: u32) -> Result<(OwnedFd, OwnedFd), Error> {
    let (mut ready, mut child_ready) = std::io::pipe().during("a pipe")?;
    let (mut child_done, done) = std::io::pipe().during("a pipe")?;
    let child = match sys::fork().during("cannot start a process")? {
        Forked::Parent(child) => child,
        Forked::Child => {
            drop(done);
            let made = sys::unshare(libc::CLONE_NEWUSER)
                .and_then(|()| sys::unshare(libc::CLONE_NEWNET))
                .and_then(|()| sys::loopback_up());
            let code = made.err().map_or(0, |error| error.raw_os_error().unwrap_or(libc::EIO));
            // If the parent has gone there is nobody to tell; it stays until the parent has opened its namespaces.
            child_ready.write_all(&code.to_ne_bytes()).ok();
            child_done.read_exact(&mut [0]).ok();
            sys::exit_now(0);
        }
    };
    drop((child_ready, child_done));
    let made = open_namespaces(&mut ready, child, root);
    drop(done);
    if let Some(id) = rustix::process::Pid::from_raw(child) {
        // It ends by itself; that it cannot be waited for would only mean that it has been.
        rustix::process::waitpid(Some(id), rustix::process::WaitOptions::empty()).ok();
    }
    made
}

fn open_namespaces(ready: &mut impl Read, child: i32, root: u32) -> Result<(OwnedFd, OwnedFd), Error> {
    let mut code = [0; 4];
    ready.read_exact(&mut code).during("cannot make a user namespace")?;
    let code = i32::from_ne_bytes(code);
    if code != 0 {
        let error = std::io::Error::from_raw_os_error(code);
        return Err(Error::unsupported(format!("no user namespace can be made here: {error}")));
    }
    for map in ["uid_map", "gid_map"] {
        let path = format!("/proc/{child}/{map}");
        std::fs::write(&path, format!("0 {root} {USERS}\n")).during(path)?;
    }
    let open = |kind: &str| File::open(format!("/proc/{child}/ns/{kind}")).during("a namespace");
    Ok((open("user")?.into(), open("net")?.into()))
}

/// The host's user that is root in a user namespace.
fn root_of(namespace: &OwnedFd) -> Result<u32, Error> {
    let (mut reader, mut writer) = std::io::pipe().during("a pipe")?;
    let child = match sys::fork().during("cannot start a process")? {
        Forked::Parent(child) => child,
        Forked::Child => {
            use std::os::fd::AsFd;
            // Read from inside, the map tells the numbers of the namespace above, which is the host's.
            let map =
                rustix::thread::move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::User))
                    .ok()
                    .and_then(|()| std::fs::read_to_string("/proc/self/uid_map").ok());
            writer.write_all(map.unwrap_or_default().as_bytes()).ok();
            sys::exit_now(0);
        }
    };
    drop(writer);
    let mut map = String::new();
    reader.read_to_string(&mut map).during("cannot read a user namespace's map")?;
    if let Some(id) = rustix::process::Pid::from_raw(child) {
        rustix::process::waitpid(Some(id), rustix::process::WaitOptions::empty()).ok();
    }
    let numbers: Vec<u32> = map.split_whitespace().filter_map(|number| number.parse().ok()).collect();
    match numbers[..] {
        [0, root, count] if root != 0 && count >= USERS => Ok(root),
        _ => Err(Error::invalid("network: the users of the namespace's owner are not 65536 from 0 on")),
    }
}
