//! The first process of a sandbox: a copy of the keeper that has moved in and given up its rights.
//!
//! Invariant: it serves nobody before all is in place; from then on it has no more rights than root inside.

mod conversation;
mod files;
mod programs;
mod serve;
mod users;

use crate::Error;
use crate::channel;
use crate::error::During;
use crate::namespaces::Namespaces;
use crate::place::{Place, Plan};
use crate::protocol::Tell;
use crate::root::{self, Owners};
use crate::{rights, sys};
use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use rustix::termios::{OptionalActions, OutputModes};
use rustix::thread::LinkNameSpaceType;
use std::os::fd::{AsFd, OwnedFd};

/// What an init is made of.
pub(crate) struct Setup<'a> {
    pub plan: &'a Plan,
    pub place: &'a Place,
    pub namespaces: Namespaces,
    /// The channel to the keeper.
    pub keeper: OwnedFd,
    /// Where conversations come from.
    pub listener: OwnedFd,
}

/// The console: what the first command and `/dev/console` write to.
pub(crate) struct Console {
    master: OwnedFd,
    /// Kept open, so that the keeper never sees the last writer leave.
    slave: OwnedFd,
}

/// Sets up and serves until the sandbox ends; what it returns is the process's exit code.
pub(crate) fn run(setup: Setup<'_>) -> i32 {
    match start(&setup) {
        Ok(service) => service.run(),
        Err(error) => {
            // When the keeper has gone, so has who would read it.
            channel::send(&setup.keeper, &Tell::Failed(error), &[]).ok();
            1
        }
    }
}

fn start<'a>(setup: &'a Setup<'a>) -> Result<serve::Service<'a>, Error> {
    // The keeper says go when this process is in its control groups.
    channel::receive::<()>(&setup.keeper)
        .during("the keeper")?
        .ok_or_else(|| Error::failed("the keeper", "gone"))?;
    move_in(setup)?;
    let signals =
        sys::signals(&[libc::SIGCHLD, libc::SIGTERM, libc::SIGINT, libc::SIGHUP]).during("signals")?;
    rights::drop_all_others(setup.plan)?;
    rustix::process::umask(Mode::from_raw_mode(0o022));
    setup.plan.spec.files.iter().try_for_each(files::put)?;
    files::trust(&setup.plan.spec.authorities)?;
    let console = console()?;
    let mut service = serve::Service::new(setup, signals, console)?;
    service.start_first()?;
    channel::send(&setup.keeper, &Tell::Ready, &[service.console.master.as_fd()]).during("the keeper")?;
    Ok(service)
}

/// From the host's namespaces into the sandbox's.
fn move_in(setup: &Setup<'_>) -> Result<(), Error> {
    let namespaces = &setup.namespaces;
    let others = libc::CLONE_NEWNS | libc::CLONE_NEWUTS | libc::CLONE_NEWIPC | libc::CLONE_NEWCGROUP;
    sys::unshare(others).during("cannot make namespaces")?;
    rustix::thread::move_into_link_name_space(namespaces.network.as_fd(), Some(LinkNameSpaceType::Network))
        .during("cannot join the network namespace")?;
    open_network();
    let user = namespaces.user.try_clone().during("a descriptor")?;
    let owners = Owners { namespace: user, root: namespaces.root };
    root::enter(setup.plan, setup.place, &owners)?;
    rustix::thread::move_into_link_name_space(owners.namespace.as_fd(), Some(LinkNameSpaceType::User))
        .during("cannot join the user namespace")
}

/// Low ports and echo sockets for everybody in this network: who is in it is the whole machine, and on a machine root may do both.
fn open_network() {
    let settings = [("ip_unprivileged_port_start", "0"), ("ping_group_range", "0 2147483647")];
    for (name, value) in settings {
        // A kernel without the setting has not the possibility; nothing else depends on it.
        std::fs::write(format!("/proc/sys/net/ipv4/{name}"), value).ok();
    }
}

fn console() -> Result<Console, Error> {
    let master = open_terminal()?;
    let slave = rustix::pty::ioctl_tiocgptpeer(
        &master,
        OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC,
    )
    .during("the console")?;
    let mut modes = rustix::termios::tcgetattr(&slave).during("the console")?;
    // Lines as programs write them, and no echo of what nobody types.
    modes.output_modes.remove(OutputModes::OPOST);
    modes.local_modes.remove(rustix::termios::LocalModes::ECHO);
    rustix::termios::tcsetattr(&slave, OptionalActions::Now, &modes).during("the console")?;
    Ok(Console { master, slave })
}

/// A new terminal of the sandbox: the side that watches.
fn open_terminal() -> Result<OwnedFd, Error> {
    // Not /dev/ptmx, which root inside may have replaced.
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let master = rustix::fs::open("/dev/pts/ptmx", flags, Mode::empty()).during("cannot open a terminal")?;
    rustix::pty::unlockpt(&master).during("cannot open a terminal")?;
    Ok(master)
}
