//! Starts programs inside.
//!
//! Invariant: a program gets the three descriptors that are its own and no other, a session of its own, and the init's filters and rights
//! or fewer.

use super::users::{self, User};
use crate::Error;
use crate::protocol::Size;
use crate::spec::Command;
use crate::sys;
use rustix::pty::OpenptFlags;
use rustix::termios::Winsize;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::Stdio;

/// Where programs are looked for when the command does not say.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What a program's input and output are.
pub(super) enum Streams {
    /// Three descriptors.
    Three(OwnedFd, OwnedFd, OwnedFd),
    /// One terminal, which becomes its controlling terminal.
    Terminal(OwnedFd),
}

/// Starts it; its process id inside.
pub(super) fn start(command: &Command, streams: Streams) -> Result<i32, Error> {
    command.check()?;
    let user = users::find(command.user.as_deref())?;
    let [program, arguments @ ..] = &command.arguments[..] else {
        return Err(Error::invalid("command: it names no program"));
    };
    let mut process = std::process::Command::new(program);
    process.args(arguments).env_clear();
    process.env("PATH", PATH).env("HOME", &user.home).env("USER", &user.name);
    let has_terminal = matches!(streams, Streams::Terminal(_));
    process.env("TERM", if has_terminal { "xterm-256color" } else { "dumb" });
    process.envs(&command.environment);
    let (input, output, errors) = three(streams)?;
    process.stdin(input).stdout(output).stderr(errors);
    // The home that a user's line names need not be there.
    let home = if std::path::Path::new(&user.home).is_dir() { user.home.as_str() } else { "/" };
    let directory = command.directory.as_deref().unwrap_or(home).to_owned();
    let text = std::ffi::CString::new(directory.clone())
        .map_err(|_| Error::invalid("command: there is a null character in the directory"))?;
    sys::before_exec(&mut process, move || become_user(&user, &text, has_terminal));
    match process.spawn() {
        // It is waited for with all others; see `serve`.
        Ok(child) => i32::try_from(child.id()).map_err(|error| Error::failed("a process id", error)),
        Err(error) => Err(Error::not_started(format!("cannot start {program} in {directory}: {error}"))),
    }
}

fn three(streams: Streams) -> Result<(Stdio, Stdio, Stdio), Error> {
    match streams {
        Streams::Three(input, output, errors) => Ok((input.into(), output.into(), errors.into())),
        Streams::Terminal(terminal) => {
            let copy = || terminal.try_clone().map_err(|error| Error::failed("a descriptor", error));
            Ok((copy()?.into(), copy()?.into(), terminal.into()))
        }
    }
}

/// In the child: its session, its terminal, its user. It allocates nothing but in `set_thread_groups`, and the init has one thread.
fn become_user(user: &User, directory: &std::ffi::CStr, has_terminal: bool) -> io::Result<()> {
    use rustix::thread::{Gid, Uid};
    rustix::process::setsid()?;
    sys::unblock_signals()?;
    if has_terminal {
        rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
    }
    // When memory is short, what was started goes before the init.
    let adjusted =
        rustix::fs::open(c"/proc/self/oom_score_adj", rustix::fs::OFlags::WRONLY, rustix::fs::Mode::empty());
    if let Ok(file) = adjusted {
        // Only the order of who goes first hangs on it.
        rustix::io::write(&file, b"300").ok();
    }
    let groups: Vec<Gid> = user.groups.iter().map(|group| Gid::from_raw(*group)).collect();
    rustix::thread::set_thread_groups(&groups)?;
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    rustix::thread::set_thread_res_gid(gid, gid, gid)?;
    rustix::thread::set_thread_res_uid(uid, uid, uid)?;
    rustix::process::chdir(directory)?;
    Ok(())
}

/// A new terminal of this size: the side that watches, and the program's.
pub(super) fn terminal(size: Size) -> Result<(OwnedFd, OwnedFd), Error> {
    let master = super::open_terminal()?;
    let made = || -> rustix::io::Result<OwnedFd> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let slave = rustix::pty::ioctl_tiocgptpeer(&master, flags)?;
        let size = Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(master.as_fd(), size)?;
        Ok(slave)
    };
    let slave = made().map_err(|error| Error::failed("cannot open a terminal", error))?;
    Ok((master, slave))
}
