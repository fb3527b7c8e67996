//! Namespaces of its own for a process of somebody who is not root: there it is root, over networks and mounts that nobody else sees.
//!
//! Invariant: nothing of the host changes, and what is made goes with the last process in it.

use crate::error::During;
use crate::sys::{self, Forked};
use crate::{Error, namespaces};
use rustix::fs::CWD;
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, mount, mount_change, move_mount,
    open_tree,
};
use rustix::process::{Pid, WaitOptions, getegid, geteuid, waitpid};
use rustix::thread::{CapabilitySet, Gid, LinkNameSpaceType, Uid, move_into_link_name_space};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::Path;

/// Where programs keep what does not outlive the host; `ip` its namespaces.
const RUN: &str = "/run";
/// What of it each process apart has for itself.
const OWN: [&str; 2] = ["netns", "yakumo"];
/// Settings of systems that keep people from user namespaces: the file, what it holds then, and the setting's name.
const SETTINGS: [(&str, &str, &str); 3] = [
    ("/proc/sys/user/max_user_namespaces", "0", "user.max_user_namespaces"),
    ("/proc/sys/kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone"),
    (
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "kernel.apparmor_restrict_unprivileged_userns",
    ),
];

/// Whether this process rules the network that it is in: root with the rights for it, not only by name.
pub fn is_root() -> bool {
    let needed = CapabilitySet::SYS_ADMIN.union(CapabilitySet::NET_ADMIN);
    let has = rustix::thread::capabilities(None).is_ok_and(|sets| sets.effective.contains(needed));
    geteuid().is_root() && has && namespaces::own_the_network()
}

/// Moves this process, which must have one thread, into user, network and mount namespaces of its own. It is root there and has the
/// files of who it was; `/run/netns` and `/run/yakumo` are its own and empty.
///
/// # Errors
/// When the system does not allow it.
pub fn enter() -> Result<(), Error> {
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    let what = "namespaces of its own";
    sys::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS | libc::CLONE_NEWNET).during(what)?;
    // Who may set groups could leave one that takes rights away, so the kernel wants it denied first.
    for (file, text) in [
        ("setgroups", "deny".to_owned()),
        ("uid_map", format!("0 {user} 1")),
        ("gid_map", format!("0 {group} 1")),
    ] {
        fs::write(Path::new("/proc/self").join(file), text).during(what)?;
    }
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).during(what)?;
    own_run().during(RUN)?;
    sys::loopback_up().during("loopback")
}

/// A `/run` in memory. All that was in it is found under its old name.
fn own_run() -> std::io::Result<()> {
    let flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    let hosts = open_tree(CWD, RUN, flags)?;
    mount("tmpfs", RUN, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, Some(c"mode=0755"))?;
    let below = Path::new(RUN).join(".host");
    fs::create_dir(&below)?;
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    move_mount(&hosts, "", CWD, &below, flags)?;
    for entry in fs::read_dir(&below)?.flatten() {
        let name = entry.file_name();
        if OWN.iter().all(|own| name != *own) {
            std::os::unix::fs::symlink(Path::new(".host").join(&name), Path::new(RUN).join(&name))?;
        }
    }
    Ok(())
}

/// Why [`enter`] would fail, and which setting of the system is in the way, where that can be told; `None` when it works. It is tried, in a
/// copy of this process, which must have one thread.
pub fn lacking() -> Option<String> {
    let tried = attempt();
    let refused = tried.unwrap_or_else(|error| error.to_string());
    if refused.is_empty() {
        return None;
    }
    let holds = |file: &str, value: &str| fs::read_to_string(file).is_ok_and(|text| text.trim() == value);
    let setting = SETTINGS.iter().find(|(file, value, _)| holds(file, value));
    Some(setting.map_or(refused, |(_, value, name)| format!("the setting {name} is {value}")))
}

/// What a copy of this process answers that tries; nothing when it works.
fn attempt() -> std::io::Result<String> {
    let (mut reader, mut writer) = std::io::pipe()?;
    let child = match sys::fork()? {
        Forked::Parent(child) => child,
        Forked::Child => {
            let text = enter().err().map_or(String::new(), |error| error.to_string());
            let told = writer.write_all(text.as_bytes()).is_ok();
            sys::exit_now(i32::from(!told));
        }
    };
    drop(writer);
    let mut text = String::new();
    let read = reader.read_to_string(&mut text);
    let ended = Pid::from_raw(child).map(|child| waitpid(Some(child), WaitOptions::empty()));
    read?;
    match ended {
        Some(Ok(Some((_, status)))) if status.exit_status() == Some(0) => Ok(text),
        _ => Err(std::io::Error::other("the trial ended early")),
    }
}

/// Moves this process, which must have one thread, to the namespaces of a process that is apart: to a network namespace of `ip netns` there,
/// or to its own. It is root there. It does not see the mounts there.
///
/// # Errors
/// When the process has gone, is somebody else's, or there is no such network.
pub fn join(process: u32, network: Option<&str>) -> Result<(), Error> {
    let of = |path: &str| format!("/proc/{process}/{path}");
    let open = |path: String| File::open(&path).during(path);
    let user = open(of("ns/user"))?;
    let network = open(match network {
        Some(name) => of(&format!("root/run/netns/{name}")),
        None => of("ns/net"),
    })?;
    let what = "the namespaces of the networks";
    move_into_link_name_space(user.as_fd(), Some(LinkNameSpaceType::User)).during(what)?;
    move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network)).during(what)?;
    // Who is root of the host is nobody there until now.
    rustix::thread::set_thread_res_gid(Gid::ROOT, Gid::ROOT, Gid::ROOT).during(what)?;
    rustix::thread::set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT).during(what)
}
