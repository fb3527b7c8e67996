//! One conversation: one connection of the library.
//!
//! Invariant: what a conversation has started is hung up when it ends, unless it was asked to stay.

use super::programs::{self, Streams};
use super::{files, serve::After};
use crate::Error;
use crate::channel;
use crate::protocol::{Answer, Ask, Exit};
use crate::sys;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A connection, and what it has started.
pub(super) struct Conversation {
    socket: OwnedFd,
    program: Option<i32>,
    stays: bool,
}

impl Conversation {
    pub fn new(socket: OwnedFd) -> Conversation {
        Conversation { socket, program: None, stays: false }
    }

    pub fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Answers one message. `first` is the first command's process.
    pub fn answer(&mut self, first: Option<i32>) -> After {
        match channel::receive::<Ask>(&self.socket) {
            Ok(Some((Ask::ShutDown, _))) => {
                self.say(&Answer::Done, &[]);
                After::ShutDown
            }
            Ok(Some((ask, descriptors))) => {
                if let Err(error) = self.act(ask, descriptors, first) {
                    self.say(&Answer::Refused(error), &[]);
                }
                After::GoOn
            }
            // Nonsense ends a conversation as its end does.
            Ok(None) | Err(_) => {
                self.hang_up();
                After::Forget
            }
        }
    }

    /// A process has ended: tells it if it is this conversation's, and whether it was.
    pub fn ended(&mut self, process: i32, exit: Exit) -> bool {
        if self.program != Some(process) {
            return false;
        }
        self.program = None;
        self.say(&Answer::Ended(exit), &[]);
        true
    }

    fn act(&mut self, ask: Ask, descriptors: Vec<OwnedFd>, first: Option<i32>) -> Result<(), Error> {
        match ask {
            Ask::Run { .. } if self.program.is_some() => Err(Error::invalid("one program to a conversation")),
            Ask::Run { command, terminal: None, stays } => {
                let Ok([input, output, errors]) = <[OwnedFd; 3]>::try_from(descriptors) else {
                    return Err(Error::invalid("a program without a terminal needs three descriptors"));
                };
                let program = programs::start(&command, Streams::Three(input, output, errors))?;
                (self.program, self.stays) = (Some(program), stays);
                self.say(&Answer::Started(program), &[]);
                Ok(())
            }
            Ask::Run { command, terminal: Some(size), stays } => {
                let (master, slave) = programs::terminal(size)?;
                let program = programs::start(&command, Streams::Terminal(slave))?;
                (self.program, self.stays) = (Some(program), stays);
                self.say(&Answer::Started(program), &[master.as_fd()]);
                Ok(())
            }
            Ask::Signal(number) => {
                let process = self.program.or(first).ok_or_else(|| Error::invalid("no program runs"))?;
                // A group that has gone has got what it was to be told.
                sys::signal(-process, number).ok();
                self.say(&Answer::Done, &[]);
                Ok(())
            }
            Ask::Put(file) => {
                files::put(&file)?;
                self.say(&Answer::Done, &[]);
                Ok(())
            }
            Ask::ShutDown => Ok(()),
        }
    }

    /// Who does not listen loses what was said; a reader that is slow must not hold up the init.
    fn say(&self, answer: &Answer, descriptors: &[BorrowedFd<'_>]) {
        channel::send(&self.socket, answer, descriptors).ok();
    }

    fn hang_up(&self) {
        if let Some(program) = self.program.filter(|_| !self.stays) {
            for number in [libc::SIGHUP, libc::SIGCONT] {
                sys::signal(-program, number).ok();
            }
        }
    }
}
