//! A small process that keeps the rights which a front gives up, and starts what needs them: agents, and the scripts of the cloud's owner.
//!
//! Invariant: it starts what it was told at its own start, and nothing else. Of a front it takes a number, the cloud's id once, values of
//! variables whose names it knows, and sockets.

use crate::Error;
use crate::channel;
use crate::error::During;
use crate::spec::check_id;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;

/// What stands for the cloud's id in arguments.
pub const CLOUD: &str = "{cloud}";

/// A program that may be started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errand {
    /// Its file.
    pub program: PathBuf,
    /// Its arguments; in them [`CLOUD`] stands for the cloud's id.
    pub arguments: Vec<OsString>,
    /// What it is.
    pub kind: Kind,
}

/// What is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A process whose standard input is a socket, with which it ends.
    Agent,
    /// A program that is waited for, and killed when nobody waits any more. It writes to standard error.
    Script {
        /// The variables that it gets, in the order of their values.
        variables: Vec<String>,
        /// The variables that it does not get.
        without: Vec<String>,
    },
}

#[derive(Debug, Serialize, Deserialize)]
enum Order {
    Cloud(String),
    Run { errand: usize, values: Vec<String> },
}

#[derive(Debug, Serialize, Deserialize)]
enum News {
    Started(u32),
    Ended { code: Option<i32>, text: String },
    Failed(String),
}

/// The front's end. Clones are the same one, which ends with the last of them.
#[derive(Debug, Clone)]
pub struct Starter(Arc<OwnedFd>);

/// A program that was started.
#[derive(Debug)]
pub struct Running {
    /// Its process.
    pub process: u32,
    conversation: OwnedFd,
}

impl Starter {
    /// Starts one: `command` calls [`serve`] with its standard input. It may start these.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn begin(mut command: Command, errands: &[Errand]) -> Result<Starter, Error> {
        let what = "the starter";
        let (ours, theirs) = channel::pair().during(what)?;
        // A group of its own: Ctrl-C is for the front, with which it ends.
        command.stdin(theirs).stdout(Stdio::null()).process_group(0);
        command.spawn().during(what)?;
        drop(command);
        channel::send(&ours, &errands, &[]).during(what)?;
        Ok(Starter(Arc::new(ours)))
    }

    /// Says once which cloud it works for.
    ///
    /// # Errors
    /// When it has gone.
    pub fn name(&self, cloud: &str) -> Result<(), Error> {
        channel::send(&*self.0, &Order::Cloud(cloud.to_owned()), &[]).during("the starter")
    }

    /// Has it start one of the errands, with these values for a script's variables or this socket for an agent.
    ///
    /// # Errors
    /// When it is none of the errands, or does not start.
    pub fn run(&self, errand: usize, values: Vec<String>, socket: Option<OwnedFd>) -> Result<Running, Error> {
        let what = "the starter";
        let (ours, theirs) = channel::pair().during(what)?;
        let passed: Vec<_> =
            std::iter::once(theirs.as_fd()).chain(socket.as_ref().map(AsFd::as_fd)).collect();
        channel::send(&*self.0, &Order::Run { errand, values }, &passed).during(what)?;
        drop(passed);
        drop((theirs, socket));
        match channel::receive::<News>(&ours).during(what)? {
            Some((News::Started(process), _)) => Ok(Running { process, conversation: ours }),
            Some((News::Failed(text), _)) => Err(Error::failed(what, text)),
            Some((News::Ended { .. }, _)) | None => Err(Error::failed(what, "it has gone")),
        }
    }
}

impl Running {
    /// Waits for its end: its exit code, if it has one, and how it ended in words. It blocks.
    ///
    /// # Errors
    /// When that cannot be known any more.
    pub fn wait(self) -> Result<(Option<i32>, String), Error> {
        match channel::receive::<News>(&self.conversation).during("the starter")? {
            Some((News::Ended { code, text }, _)) => Ok((code, text)),
            _ => Err(Error::failed("the starter", "it has gone")),
        }
    }

    /// A descriptor by which the wait can be ended early: shutting it down kills a script.
    ///
    /// # Errors
    /// When there are too many descriptors.
    pub fn rope(&self) -> io::Result<Rope> {
        self.conversation.try_clone().map(Rope)
    }
}

/// Kills a script when it is dropped.
#[derive(Debug)]
pub struct Rope(OwnedFd);

impl Drop for Rope {
    fn drop(&mut self) {
        // Who has ended already needs no killing.
        let _ = rustix::net::shutdown(&self.0, rustix::net::Shutdown::Both);
    }
}

/// Serves a front until it is gone.
///
/// # Errors
/// When the socket breaks.
pub fn serve(socket: &OwnedFd) -> Result<(), Error> {
    let what = "the front";
    let Some((errands, _)) = channel::receive::<Vec<Errand>>(socket).during(what)? else { return Ok(()) };
    let (mut cloud, mut scripts): (Option<String>, Vec<JoinHandle<()>>) = (None, Vec::new());
    while let Some((order, descriptors)) = channel::receive::<Order>(socket).during(what)? {
        let (errand, values) = match order {
            Order::Cloud(id) => {
                // The first word holds: it is said before the front hears anybody.
                cloud = cloud.or(Some(id).filter(|id| check_id(id).is_ok()));
                continue;
            }
            Order::Run { errand, values } => (errand, values),
        };
        let mut descriptors = descriptors.into_iter();
        let Some(conversation) = descriptors.next() else { continue };
        match start(errands.get(errand), cloud.as_deref(), values, descriptors.next()) {
            Ok(child) => {
                let is_script = matches!(errands.get(errand), Some(Errand { kind: Kind::Script { .. }, .. }));
                let waits = std::thread::Builder::new()
                    .stack_size(128 * 1024)
                    .spawn(move || attend(child, &conversation, is_script));
                scripts.retain(|thread| !thread.is_finished());
                scripts.extend(waits.ok().filter(|_| is_script));
            }
            Err(error) => {
                channel::send(&conversation, &News::Failed(error.to_string()), &[]).ok();
            }
        }
    }
    scripts.into_iter().for_each(|thread| drop(thread.join()));
    Ok(())
}

fn start(
    errand: Option<&Errand>,
    cloud: Option<&str>,
    values: Vec<String>,
    socket: Option<OwnedFd>,
) -> io::Result<Child> {
    let wrong = || io::Error::new(io::ErrorKind::InvalidInput, "it is not to start that");
    let errand = errand.ok_or_else(wrong)?;
    let mut command = Command::new(&errand.program);
    for argument in &errand.arguments {
        match argument.to_str().filter(|text| text.contains(CLOUD)) {
            Some(text) => command.arg(text.replace(CLOUD, cloud.ok_or_else(wrong)?)),
            None => command.arg(argument),
        };
    }
    match &errand.kind {
        Kind::Agent => command.stdin(socket.ok_or_else(wrong)?).stdout(Stdio::null()),
        Kind::Script { variables, without } => {
            if variables.len() != values.len() {
                return Err(wrong());
            }
            for name in without {
                command.env_remove(name);
            }
            command.envs(variables.iter().zip(values)).stdin(Stdio::null()).stdout(io::stderr())
        }
    };
    command.process_group(0).spawn()
}

/// Tells that a program runs, and that it has ended; a script ends with who waits for it.
fn attend(mut child: Child, conversation: &OwnedFd, is_script: bool) {
    channel::send(conversation, &News::Started(child.id()), &[]).ok();
    let process = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let ends = process.and_then(|process| pidfd_open(process, PidfdFlags::empty()).ok());
    if let Some(ends) = ends.filter(|_| is_script) {
        let mut watched =
            [PollFd::new(&ends, PollFlags::IN), PollFd::new(conversation, PollFlags::IN | PollFlags::RDHUP)];
        while matches!(poll(&mut watched, None), Err(rustix::io::Errno::INTR)) {}
        if watched[0].revents().is_empty() {
            child.kill().ok();
        }
    }
    let told = |status: ExitStatus| News::Ended { code: status.code(), text: status.to_string() };
    if let Ok(status) = child.wait() {
        channel::send(conversation, &told(status), &[]).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::{CLOUD, Errand, Kind, Starter, serve};
    use crate::channel;
    use std::io::Read;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;
    use std::sync::Arc;

    fn shell(text: &str, kind: Kind) -> Errand {
        let arguments = ["-c", text, CLOUD].map(Into::into).to_vec();
        Errand { program: "/bin/sh".into(), arguments, kind }
    }

    fn script(text: &str) -> Errand {
        shell(text, Kind::Script { variables: vec!["WORD".into()], without: vec!["HOME".into()] })
    }

    /// A starter in a thread of this process.
    fn starter(errands: &[Errand]) -> (Starter, std::thread::JoinHandle<()>) {
        let (ours, theirs) = channel::pair().unwrap();
        channel::send(&ours, &errands, &[]).unwrap();
        let serving = std::thread::spawn(move || serve(&theirs).unwrap());
        (Starter(Arc::new(ours)), serving)
    }

    #[test]
    fn it_starts_what_it_knows_and_nothing_else() {
        let errands = [
            shell("echo \"I am $0\" >&0", Kind::Agent),
            script("[ \"$WORD\" = yes ] && [ -z \"$HOME\" ] && [ \"$0\" = c1 ] || exit 3"),
            script("sleep 1000"),
        ];
        let (starter, serving) = starter(&errands);
        let word = |word: &str| vec![word.to_owned()];
        assert!(starter.run(1, word("yes"), None).is_err(), "nobody has said which cloud");
        starter.name("../c").unwrap();
        assert!(starter.run(1, word("yes"), None).is_err());
        starter.name("c1").unwrap();
        starter.name("c2").unwrap();
        assert_eq!(starter.run(1, word("yes"), None).unwrap().wait().unwrap().0, Some(0));
        assert_eq!(starter.run(1, word("no"), None).unwrap().wait().unwrap().0, Some(3));
        for wrong in
            [starter.run(3, vec![], None), starter.run(0, vec![], None), starter.run(1, vec![], None)]
        {
            assert!(wrong.unwrap_err().message.contains("not to start that"));
        }
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let agent = starter.run(0, vec![], Some(OwnedFd::from(theirs))).unwrap();
        let mut text = String::new();
        ours.read_to_string(&mut text).unwrap();
        assert_eq!(text, "I am c1\n");
        assert!(agent.process > 0);
        // A script ends with whom it works for, and so the starter's own end waits for nothing.
        let sleeping = starter.run(2, word(""), None).unwrap();
        let rope = sleeping.rope().unwrap();
        drop(rope);
        assert!(sleeping.wait().is_err());
        let sleeping = starter.run(2, word(""), None).unwrap();
        drop((sleeping, starter));
        serving.join().unwrap();
    }
}
