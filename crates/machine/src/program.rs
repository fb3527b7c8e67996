//! A program that runs in a sandbox, seen from outside.

use crate::Error;
use crate::channel;
use crate::error::During;
use crate::protocol::{Answer, Ask, Exit, Size};
use crate::spec::Command;
use rustix::event::{PollFd, PollFlags, Timespec};
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// How long an init may take for an answer that needs no waiting.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// Where a program's input comes from and its output goes.
#[derive(Debug)]
pub enum Streams {
    /// Three descriptors of the caller's.
    Three {
        /// What it reads.
        input: OwnedFd,
        /// What it writes.
        output: OwnedFd,
        /// What it complains to.
        errors: OwnedFd,
    },
    /// A terminal of this size; the program's other side is [`Program::terminal`].
    Terminal(Size),
}

impl Streams {
    /// From the descriptors that came with [`crate::Request::Run`].
    pub(crate) fn from_parts(terminal: Option<Size>, descriptors: Vec<OwnedFd>) -> Result<Streams, Error> {
        match (terminal, <[OwnedFd; 3]>::try_from(descriptors)) {
            (Some(size), _) => Ok(Streams::Terminal(size)),
            (None, Ok([input, output, errors])) => Ok(Streams::Three { input, output, errors }),
            (None, Err(_)) => Err(Error::invalid("a program without a terminal needs three descriptors")),
        }
    }
}

/// A program that was started in a sandbox. Dropping it hangs the program up, unless it was started to stay.
#[derive(Debug)]
pub struct Program {
    conversation: OwnedFd,
    /// Its process id inside.
    pub process: i32,
    /// The terminal's watching side, when it has a terminal.
    pub terminal: Option<File>,
}

impl Program {
    /// Starts a program over a new connection to an init.
    pub(crate) fn start(
        conversation: OwnedFd,
        command: &Command,
        streams: Streams,
        stays: bool,
    ) -> Result<Program, Error> {
        command.check()?;
        let (terminal, descriptors) = match streams {
            Streams::Three { input, output, errors } => (None, vec![input, output, errors]),
            Streams::Terminal(size) => (Some(size), Vec::new()),
        };
        let borrowed: Vec<BorrowedFd<'_>> = descriptors.iter().map(AsFd::as_fd).collect();
        channel::send(&conversation, &Ask::Run { command: command.clone(), terminal, stays }, &borrowed)
            .during("the sandbox does not listen")?;
        // Our copies go, so that whoever reads sees the end when the program ends.
        drop(descriptors);
        match answer(&conversation, ANSWER_WITHIN)? {
            (Answer::Started(process), descriptors) => {
                let terminal = descriptors.into_iter().next().map(File::from);
                Ok(Program { conversation, process, terminal })
            }
            (Answer::Refused(error), _) => Err(error),
            _ => Err(out_of_turn()),
        }
    }

    /// Made again from what came with [`crate::Reply::Runs`].
    pub fn from_descriptors(process: i32, descriptors: Vec<OwnedFd>) -> Result<Program, Error> {
        let mut descriptors = descriptors.into_iter();
        let conversation = descriptors.next().ok_or_else(|| Error::invalid("no conversation came along"))?;
        Ok(Program { conversation, process, terminal: descriptors.next().map(File::from) })
    }

    /// The connection and the terminal, to hand them to another process.
    pub(crate) fn into_parts(self) -> (OwnedFd, i32, Option<OwnedFd>) {
        (self.conversation, self.process, self.terminal.map(OwnedFd::from))
    }

    /// Sends a signal to its process group.
    pub fn signal(&self, number: i32) -> Result<(), Error> {
        channel::send(&self.conversation, &Ask::Signal(number), &[]).during("the sandbox does not listen")
    }

    /// Tells the program's terminal that it has another size.
    pub fn resize(&self, size: Size) -> Result<(), Error> {
        let Some(terminal) = &self.terminal else {
            return Err(Error::invalid("the program has no terminal"));
        };
        let size =
            rustix::termios::Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(terminal, size).during("the terminal")
    }

    /// Waits for its end; `None` when it has not ended in time. A sandbox that ends takes its programs along: that is SIGKILL.
    pub fn wait(&self, within: Duration) -> Result<Option<Exit>, Error> {
        let until = Instant::now() + within;
        while wait_for(&self.conversation, until.saturating_duration_since(Instant::now()))? {
            match channel::receive::<Answer>(&self.conversation) {
                Ok(Some((Answer::Ended(exit), _))) => return Ok(Some(exit)),
                // The answer to a signal.
                Ok(Some(_)) => {}
                Ok(None) => return Ok(Some(Exit::Signal(libc::SIGKILL))),
                Err(error) => return Err(Error::failed("the sandbox", error)),
            }
        }
        Ok(None)
    }
}

impl AsFd for Program {
    /// Readable when there is something to `wait` for.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.conversation.as_fd()
    }
}

/// One answer, in time.
pub(crate) fn answer(conversation: &OwnedFd, within: Duration) -> Result<(Answer, Vec<OwnedFd>), Error> {
    if !wait_for(conversation, within)? {
        return Err(Error::failed("the sandbox", "its init does not answer"));
    }
    let received = channel::receive::<Answer>(conversation).during("the sandbox")?;
    received.ok_or_else(|| Error::failed("the sandbox", "it has ended"))
}

/// One question with the answer that it is done.
pub(crate) fn ask(conversation: &OwnedFd, ask: &Ask) -> Result<(), Error> {
    channel::send(conversation, ask, &[]).during("the sandbox does not listen")?;
    match answer(conversation, ANSWER_WITHIN)?.0 {
        Answer::Done => Ok(()),
        Answer::Refused(error) => Err(error),
        _ => Err(out_of_turn()),
    }
}

fn out_of_turn() -> Error {
    Error::failed("the sandbox", "it spoke out of turn")
}

/// Waits until a descriptor can be read, at most so long.
pub(crate) fn wait_for(descriptor: impl AsFd, within: Duration) -> Result<bool, Error> {
    let until = Instant::now() + within;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let left = Timespec {
            tv_sec: left.as_secs().min(1 << 30).cast_signed(),
            tv_nsec: left.subsec_nanos().into(),
        };
        match rustix::event::poll(&mut [PollFd::new(&descriptor, PollFlags::IN)], Some(&left)) {
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(Error::failed("cannot wait", error)),
        }
    }
}
