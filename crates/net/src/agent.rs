//! The host agent: the privileged process that owns the kernel's networks of one cloud.
//!
//! It is a child of `yakumo up` with one end of a socket pair as its standard input, takes only typed requests, and
//! ends with the socket. Invariant: it changes nothing but what carries the cloud's id.

use crate::change::Change;
use crate::engine::{Flows, Ranges};
use crate::{Engine, Place, SocketKind, Standing, Topology};
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

mod passing;

pub(crate) use passing::receive;

/// The largest request or answer, in bytes.
pub const MESSAGE_BYTES_MAX: u32 = 64 * 1024 * 1024;

/// What an agent is asked.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Take up what stands of this cloud. The first request.
    Open {
        /// The cloud's id.
        cloud: String,
        /// Its public addresses.
        ranges: Ranges,
        /// The directory of notes, such as `/run/yakumo`.
        run: PathBuf,
        /// Whether networks stand when the front is gone, for its next start; else they are removed.
        keeps: bool,
    },
    /// Make the kernel equal to the topology that this leads to.
    Apply(Box<Change>),
    /// Remove everything of this cloud.
    Clean,
    /// Tell what watched interfaces sent and got since this was last asked.
    Flows,
    /// Open a socket in a place that stands; it comes after the answer.
    Socket {
        /// Where.
        place: Place,
        /// Which kind.
        kind: SocketKind,
        /// The place's own address, and the port.
        address: SocketAddr,
    },
}

/// What it answers.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// What came of it.
    pub outcome: Outcome,
    /// What stands now, when it is other than at the last answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
}

/// What came of a request.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done.
    Done,
    /// Done: this was counted.
    Flows(Flows),
    /// Done: one byte follows, with a descriptor.
    Socket,
    /// Not done, and why.
    Failed(String),
}

/// What an agent was started for. Its front asks for nothing else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bound {
    /// The cloud's id.
    pub cloud: String,
    /// The directory of notes.
    pub run: PathBuf,
    /// Whether networks stand when the front is gone.
    pub keeps: bool,
}

/// Serves requests until the other end is gone. Bound, it refuses to be opened for anything else.
///
/// # Errors
/// When the socket breaks in the middle of a message or a message is none.
pub fn serve(socket: &mut (impl Read + Write + AsFd), bound: Option<Bound>) -> io::Result<()> {
    let mut agent = Agent { bound, ..Agent::default() };
    let outcome = agent.serve(socket);
    if let Some(engine) = agent.engine.as_mut().filter(|_| !agent.keeps) {
        engine.clean().map_err(io::Error::other)?;
    }
    outcome
}

#[derive(Default)]
struct Agent {
    bound: Option<Bound>,
    engine: Option<Engine>,
    topology: Topology,
    keeps: bool,
    /// What stood at the last answer.
    told: Standing,
}

impl Agent {
    fn serve(&mut self, socket: &mut (impl Read + Write + AsFd)) -> io::Result<()> {
        while let Some(bytes) = read(socket)? {
            let (outcome, opened) = match self.handle(serde_json::from_slice(&bytes)?) {
                Ok(Done::Plain) => (Outcome::Done, None),
                Ok(Done::Flows(flows)) => (Outcome::Flows(flows), None),
                Ok(Done::Socket(opened)) => (Outcome::Socket, Some(opened)),
                Err(why) => (Outcome::Failed(why), None),
            };
            let bytes = serde_json::to_vec(&Answer { outcome, standing: self.news() })?;
            socket.write_all(&frame(&bytes)?)?;
            if let Some(opened) = opened {
                passing::send(&*socket, opened.as_fd())?;
            }
        }
        Ok(())
    }

    /// What stands, when it is other than it was.
    fn news(&mut self) -> Option<Standing> {
        let now = self.engine.as_ref().map(Engine::standing).unwrap_or_default();
        if now == self.told {
            return None;
        }
        self.told.clone_from(&now);
        Some(now)
    }

    fn handle(&mut self, request: Request) -> Result<Done, String> {
        match request {
            Request::Open { cloud, ranges, run, keeps } => {
                if self.engine.is_some() {
                    return Err("it is open".to_owned());
                }
                let asked = Bound { cloud: cloud.clone(), run: run.clone(), keeps };
                if !is_cloud(&cloud)
                    || !ranges.are_ours()
                    || self.bound.as_ref().is_some_and(|bound| *bound != asked)
                {
                    return Err("it works for another cloud".to_owned());
                }
                self.keeps = keeps;
                let engine = Engine::open(&cloud, ranges, run).map_err(|error| error.to_string())?;
                self.engine = Some(engine);
                Ok(Done::Plain)
            }
            Request::Apply(change) => {
                change.apply(&mut self.topology);
                let engine = self.engine.as_mut().ok_or("nothing is open")?;
                engine.apply(&self.topology).map_err(|error| error.to_string())?;
                Ok(Done::Plain)
            }
            Request::Clean => {
                self.topology = Topology::default();
                let engine = self.engine.as_mut().ok_or("nothing is open")?;
                engine.clean().map_err(|error| error.to_string())?;
                Ok(Done::Plain)
            }
            Request::Flows => {
                let engine = self.engine.as_mut().ok_or("nothing is open")?;
                engine.flows().map(Done::Flows).map_err(|error| error.to_string())
            }
            Request::Socket { place, kind, address } => {
                let engine = self.engine.as_ref().ok_or("nothing is open")?;
                engine.socket(&place, kind, address).map(Done::Socket).map_err(|error| error.to_string())
            }
        }
    }
}

/// Whether it can stand in the kernel's names.
fn is_cloud(id: &str) -> bool {
    (1..=8).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// What was done.
enum Done {
    Plain,
    Flows(Flows),
    Socket(OwnedFd),
}

/// A message with its length in front of it.
pub(crate) fn frame(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let length = u32::try_from(bytes.len()).ok().filter(|length| *length <= MESSAGE_BYTES_MAX);
    let length =
        length.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the message is too large"))?;
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend_from_slice(bytes);
    Ok(framed)
}

/// Reads a message; `None` when the other end is gone.
fn read(socket: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match socket.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let length = u32::from_be_bytes(length);
    if length > MESSAGE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the message is too large"));
    }
    let mut bytes = Vec::new();
    socket.take(length.into()).read_to_end(&mut bytes)?;
    if bytes.len() == usize::try_from(length).unwrap_or(usize::MAX) {
        Ok(Some(bytes))
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

#[cfg(test)]
mod tests {
    use super::{Agent, Answer, Bound, Outcome, Request, frame, serve};
    use crate::engine::Ranges;
    use std::io::{Read, Write};
    use std::net::Shutdown;
    use std::os::unix::net::UnixStream;

    #[test]
    fn what_is_no_request_ends_the_agent_and_nothing_else_happens() {
        let run = |bytes: Vec<u8>| {
            let (mut ours, mut theirs) = UnixStream::pair().unwrap();
            ours.write_all(&bytes).unwrap();
            ours.shutdown(Shutdown::Write).unwrap();
            let fine = serve(&mut theirs, None).is_ok();
            // Closing it with something unread would be an error for us.
            theirs.shutdown(Shutdown::Write).unwrap();
            let mut answer = Vec::new();
            ours.read_to_end(&mut answer).unwrap();
            (fine, answer)
        };
        assert_eq!(run(vec![]), (true, vec![]));
        assert_eq!(run(vec![255; 8]), (false, vec![]));
        assert_eq!(run(vec![0, 0, 0, 9, 1]), (false, vec![]));
        assert_eq!(run(frame(b"{\"reboot\":1}").unwrap()), (false, vec![]));
        let clean = serde_json::to_vec(&Request::Clean).unwrap();
        let (fine, answer) = run(frame(&clean).unwrap());
        let answer: Answer = serde_json::from_slice(&answer[4..]).unwrap();
        assert!(fine && answer.outcome == Outcome::Failed("nothing is open".into()));
    }

    #[test]
    fn an_agent_works_for_its_cloud_alone() {
        let own = Bound { cloud: "c1".into(), run: "/nowhere/run".into(), keeps: false };
        let open = |cloud: &str, run: &str, ranges| Request::Open {
            cloud: cloud.into(),
            ranges,
            run: run.into(),
            keeps: false,
        };
        let ranges = Ranges::new("c1", 0);
        let whole = Ranges { v4: crate::Cidr::ALL_V4, ..ranges };
        for (bound, wrong) in [
            (Some(own.clone()), open("c2", "/nowhere/run", ranges)),
            (Some(own), open("c1", "/etc", ranges)),
            (None, open("../../c", "/nowhere/run", ranges)),
            (None, open("c1", "/nowhere/run", whole)),
        ] {
            let mut agent = Agent { bound, ..Agent::default() };
            assert_eq!(agent.handle(wrong).err().as_deref(), Some("it works for another cloud"));
        }
    }
}
