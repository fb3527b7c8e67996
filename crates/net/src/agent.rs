//! The host agent: the privileged process that owns the kernel's networks of one cloud.
//!
//! It is a child of `yakumo up` with one end of a socket pair as its standard input, takes only typed requests, and
//! ends with the socket. Invariant: it changes nothing but what carries the cloud's id.

use crate::change::Change;
use crate::engine::Ranges;
use crate::{Engine, Topology};
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use std::path::PathBuf;

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
}

/// What it answers.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Done.
    Done,
    /// Not done, and why.
    Failed(String),
}

/// Serves requests until the other end is gone.
///
/// # Errors
/// When the socket breaks in the middle of a message or a message is none.
pub fn serve(socket: &mut (impl Read + Write)) -> io::Result<()> {
    let mut agent = Agent::default();
    let outcome = agent.serve(socket);
    if let Some(engine) = agent.engine.as_mut().filter(|_| !agent.keeps) {
        engine.clean().map_err(io::Error::other)?;
    }
    outcome
}

#[derive(Default)]
struct Agent {
    engine: Option<Engine>,
    topology: Topology,
    keeps: bool,
}

impl Agent {
    fn serve(&mut self, socket: &mut (impl Read + Write)) -> io::Result<()> {
        while let Some(bytes) = read(socket)? {
            let answer = match self.handle(serde_json::from_slice(&bytes)?) {
                Ok(()) => Answer::Done,
                Err(why) => Answer::Failed(why),
            };
            let bytes = serde_json::to_vec(&answer)?;
            socket.write_all(&frame(&bytes)?)?;
        }
        Ok(())
    }

    fn handle(&mut self, request: Request) -> Result<(), String> {
        match request {
            Request::Open { cloud, ranges, run, keeps } => {
                self.keeps = keeps;
                let engine = Engine::open(&cloud, ranges, run).map_err(|error| error.to_string())?;
                self.engine = Some(engine);
                Ok(())
            }
            Request::Apply(change) => {
                change.apply(&mut self.topology);
                let engine = self.engine.as_mut().ok_or("nothing is open")?;
                engine.apply(&self.topology).map_err(|error| error.to_string())
            }
            Request::Clean => {
                self.topology = Topology::default();
                let engine = self.engine.as_mut().ok_or("nothing is open")?;
                engine.clean().map_err(|error| error.to_string())
            }
        }
    }
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
    use super::{Answer, Request, frame, serve};
    use std::io::{Cursor, Read, Write};

    struct Pair(Cursor<Vec<u8>>, Vec<u8>);

    impl Read for Pair {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0.read(buffer)
        }
    }

    impl Write for Pair {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.1.write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_is_no_request_ends_the_agent_and_nothing_else_happens() {
        let run = |bytes: Vec<u8>| {
            let mut pair = Pair(Cursor::new(bytes), Vec::new());
            (serve(&mut pair).is_ok(), pair.1)
        };
        assert_eq!(run(vec![]), (true, vec![]));
        assert_eq!(run(vec![255; 8]), (false, vec![]));
        assert_eq!(run(vec![0, 0, 0, 9, 1]), (false, vec![]));
        assert_eq!(run(frame(b"{\"reboot\":1}").unwrap()), (false, vec![]));
        let clean = serde_json::to_vec(&Request::Clean).unwrap();
        let (fine, answer) = run(frame(&clean).unwrap());
        let answer: Answer = serde_json::from_slice(&answer[4..]).unwrap();
        assert!(fine && answer == Answer::Failed("nothing is open".into()));
    }
}
