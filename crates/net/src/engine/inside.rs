//! Doing something inside of a network namespace.

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::thread;

/// Where `ip netns` keeps namespaces.
pub const DIRECTORY: &str = "/run/netns";

/// Runs `work` on a thread of its own in a namespace. Sockets that it opens, and processes that it starts, are there.
/// The empty name is the host's own.
///
/// # Errors
/// When there is no such namespace or it may not be entered, and whatever `work` answers.
pub fn inside<T: Send>(namespace: &str, work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    if namespace.is_empty() {
        return work();
    }
    let file = File::open(Path::new(DIRECTORY).join(namespace))?;
    thread::scope(|scope| {
        let worker = scope.spawn(move || {
            // The thread ends with the work, so nothing else ever runs in the wrong namespace.
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?;
            work()
        });
        worker.join().unwrap_or_else(|_| Err(io::Error::other("the work in the namespace panicked")))
    })
}

/// Moves this thread into a namespace, for good. For a process that has one thread and is about to become another one.
///
/// # Errors
/// When there is no such namespace or it may not be entered.
pub fn enter(namespace: &str) -> io::Result<()> {
    let file = File::open(Path::new(DIRECTORY).join(namespace))?;
    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?;
    Ok(())
}
