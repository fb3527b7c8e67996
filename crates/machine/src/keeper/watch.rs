//! Watches a sandbox: writes its console, hears of its first command, waits for its end.

use super::console::Console;
use crate::Error;
use crate::channel;
use crate::error::During;
use crate::protocol::{Exit, Tell};
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, WaitOptions};
use std::os::fd::OwnedFd;
use std::path::Path;

/// Waits for the end of the init: how it ended, and how its first command did.
pub(super) fn until_end(
    init: i32,
    channel: &OwnedFd,
    console: OwnedFd,
    mut command: Option<Exit>,
    log: &Path,
) -> Result<(Exit, Option<Exit>), Error> {
    let id = Pid::from_raw(init).ok_or_else(|| Error::failed("the init", "it has no id"))?;
    let process = rustix::process::pidfd_open(id, PidfdFlags::empty()).during("the init")?;
    let mut log = Console::open(log)?;
    let mut buffer = vec![0; 64 * 1024];
    let (mut speaks, mut writes) = (true, true);
    loop {
        let pause = log.pause();
        let is_on = |is_on: bool| if is_on { PollFlags::IN } else { PollFlags::empty() };
        let mut waiting = vec![PollFd::new(&process, PollFlags::IN)];
        if speaks {
            waiting.push(PollFd::new(channel, PollFlags::IN));
        }
        if writes && pause.is_none() {
            waiting.push(PollFd::new(&console, is_on(true)));
        }
        let timeout = pause.map(|pause| rustix::event::Timespec {
            tv_sec: pause.as_secs().cast_signed(),
            tv_nsec: pause.subsec_nanos().into(),
        });
        match rustix::event::poll(&mut waiting, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(Error::failed("cannot wait", error)),
        }
        let ready = |index: Option<usize>| index.is_some_and(|index| !waiting[index].revents().is_empty());
        let has_ended = ready(Some(0));
        let has_spoken = ready(speaks.then_some(1));
        let has_written = ready((writes && pause.is_none()).then_some(1 + usize::from(speaks)));
        if has_spoken {
            match channel::receive::<Tell>(channel) {
                Ok(Some((Tell::Ended(exit), _))) => command = Some(exit),
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => speaks = false,
            }
        }
        if has_written {
            match rustix::io::read(&console, &mut buffer) {
                Ok(count) if count > 0 => log.write(&buffer[..count]),
                Err(Errno::INTR | Errno::AGAIN) => {}
                // All writers have gone.
                _ => writes = false,
            }
        }
        // What was written and said before the end is heard first.
        if has_ended && !has_spoken && !has_written {
            return Ok((reap(init), command));
        }
    }
}

/// Waits for the init, which has ended or was killed.
pub(super) fn reap(init: i32) -> Exit {
    let Some(id) = Pid::from_raw(init) else { return Exit::Code(1) };
    loop {
        match rustix::process::waitpid(Some(id), WaitOptions::empty()) {
            Ok(Some((_, status))) => return Exit::from_status(status.as_raw()),
            Ok(None) | Err(Errno::INTR) => {}
            Err(_) => return Exit::Code(1),
        }
    }
}
