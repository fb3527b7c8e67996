//! The init's loop: conversations, ended processes, shutting down.
//!
//! Invariant: it waits in one place, and without a clock unless it shuts down; an idle sandbox costs no processor time.

use super::conversation::Conversation;
use super::programs::{self, Streams};
use super::{Console, Setup};
use crate::Error;
use crate::channel;
use crate::error::During;
use crate::protocol::{Exit, REBOOT, Tell};
use crate::spec::Lifetime;
use crate::sys;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::net::SocketFlags;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// The most conversations at once; further ones wait.
const CONVERSATIONS_MAX: usize = 256;

/// How long programs may take to end when somebody inside shuts down.
const PATIENCE: Duration = Duration::from_secs(10);

/// What follows a message.
pub(super) enum After {
    GoOn,
    /// The conversation is over.
    Forget,
    ShutDown,
}

/// An init at work.
pub(crate) struct Service<'a> {
    setup: &'a Setup<'a>,
    signals: OwnedFd,
    pub(super) console: Console,
    conversations: Vec<Conversation>,
    first: Option<i32>,
    is_shutting_down: bool,
    /// When those are killed that have not ended: set when the shutdown was asked for inside, where nobody else is patient.
    until: Option<Instant>,
    /// What the process returns at its end.
    code: i32,
}

impl<'a> Service<'a> {
    pub(super) fn new(
        setup: &'a Setup<'a>,
        signals: OwnedFd,
        console: Console,
    ) -> Result<Service<'a>, Error> {
        Ok(Service {
            setup,
            signals,
            console,
            conversations: Vec::new(),
            first: None,
            is_shutting_down: false,
            until: None,
            code: 0,
        })
    }

    /// Starts the first command on the console.
    pub(super) fn start_first(&mut self) -> Result<(), Error> {
        let Some(command) = &self.setup.plan.spec.command else { return Ok(()) };
        let slave = || self.console.slave.try_clone().during("the console");
        self.first = Some(programs::start(command, Streams::Three(slave()?, slave()?, slave()?))?);
        Ok(())
    }

    /// Serves until the sandbox ends; the exit code.
    pub(crate) fn run(mut self) -> i32 {
        loop {
            self.wait();
            while let Some(number) = sys::next_signal(&self.signals) {
                if number != libc::SIGCHLD && number != libc::SIGHUP {
                    // Linux gives init SIGINT for Ctrl-Alt-Delete, and inits take it for a reboot.
                    self.code = if number == libc::SIGINT { REBOOT } else { 0 };
                    self.until = Some(Instant::now() + PATIENCE);
                    self.shut_down();
                }
            }
            if let Some(code) = self.reap() {
                return code;
            }
        }
    }

    /// Waits for anything, and serves conversations.
    fn wait(&mut self) {
        let accepts = self.conversations.len() < CONVERSATIONS_MAX;
        let mut waiting = vec![PollFd::new(&self.signals, PollFlags::IN)];
        waiting.extend(
            self.conversations.iter().map(|one| PollFd::from_borrowed_fd(one.socket(), PollFlags::IN)),
        );
        if accepts {
            waiting.push(PollFd::new(&self.setup.listener, PollFlags::IN));
        }
        let left = self.until.map(|until| until.saturating_duration_since(Instant::now()));
        let left = left.map(|left| Timespec {
            tv_sec: left.as_secs().min(60).cast_signed(),
            tv_nsec: left.subsec_nanos().into(),
        });
        if rustix::event::poll(&mut waiting, left.as_ref()).is_err() {
            return;
        }
        if self.until.is_some_and(|until| until <= Instant::now()) {
            self.until = None;
            sys::signal_all(libc::SIGKILL);
        }
        let ready: Vec<bool> = waiting.iter().map(|one| !one.revents().is_empty()).collect();
        let comes = accepts && ready.last() == Some(&true);
        let speaks = ready.into_iter().skip(1).chain(std::iter::repeat(false));
        let mut shuts_down = false;
        let first = self.first;
        let conversations = std::mem::take(&mut self.conversations).into_iter().zip(speaks);
        for (mut conversation, speaks) in conversations {
            match if speaks { conversation.answer(first) } else { After::GoOn } {
                After::Forget => continue,
                After::ShutDown => shuts_down = true,
                After::GoOn => {}
            }
            self.conversations.push(conversation);
        }
        if comes
            && let Ok(socket) =
                rustix::net::accept_with(&self.setup.listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)
        {
            self.conversations.push(Conversation::new(socket));
        }
        if shuts_down {
            self.shut_down();
        }
    }

    /// Asks every process to end. The init ends when none is left; who is patient no longer kills it.
    fn shut_down(&mut self) {
        self.is_shutting_down = true;
        for number in [libc::SIGTERM, libc::SIGCONT, libc::SIGHUP] {
            sys::signal_all(number);
        }
    }

    /// Takes leave of all processes that have ended; the exit code if that is the end.
    fn reap(&mut self) -> Option<i32> {
        loop {
            match sys::reap() {
                Ok(Some((process, status))) => {
                    if let Some(code) = self.ended(process, Exit::from_status(status)) {
                        return Some(code);
                    }
                }
                Ok(None) => return None,
                // No process is left.
                Err(_) => return self.is_shutting_down.then_some(self.code),
            }
        }
    }

    fn ended(&mut self, process: i32, exit: Exit) -> Option<i32> {
        if self.first == Some(process) {
            self.first = None;
            // Without a keeper there is nobody to tell; it ends then.
            channel::send(self.setup.keeper.as_fd(), &Tell::Ended(exit), &[]).ok();
            return (self.setup.plan.spec.lifetime == Lifetime::WithCommand).then(|| exit.code());
        }
        for conversation in &mut self.conversations {
            if conversation.ended(process, exit) {
                break;
            }
        }
        None
    }
}
