//! The front's end of the agent's socket.

use super::NetworkError;
use crate::Topology;
use crate::agent::{Answer, MESSAGE_BYTES_MAX, Request, frame};
use crate::change::Change;
use crate::engine::Ranges;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// An agent that runs. It ends when this is dropped.
pub struct Client {
    socket: UnixStream,
    /// What it was told last.
    told: Topology,
    // Reaped by the runtime when it has ended.
    _child: tokio::process::Child,
}

impl Client {
    /// Starts one. Its standard input is the socket; what it has to say goes to our standard error.
    pub fn start(program: &Path, arguments: &[String]) -> Result<Client, NetworkError> {
        let (ours, theirs) = StdStream::pair()?;
        ours.set_nonblocking(true)?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(OwnedFd::from(theirs)).stdout(Stdio::null());
        // A group of its own: Ctrl-C is for the front, and the agent ends what it is at when the socket is gone.
        command.process_group(0);
        let child = tokio::process::Command::from(command).spawn()?;
        Ok(Client { socket: UnixStream::from_std(ours)?, told: Topology::default(), _child: child })
    }

    /// Has it take up what stands.
    pub async fn open(
        &mut self,
        cloud: &str,
        ranges: Ranges,
        run: &Path,
        keeps: bool,
    ) -> Result<(), NetworkError> {
        self.ask(&Request::Open { cloud: cloud.to_owned(), ranges, run: run.to_owned(), keeps }).await
    }

    /// Has it make the kernel equal to a topology.
    pub async fn apply(&mut self, topology: &Topology) -> Result<(), NetworkError> {
        let change = Change::between(&self.told, topology);
        self.told.clone_from(topology);
        self.ask(&Request::Apply(Box::new(change))).await
    }

    /// Has it remove everything.
    pub async fn clean(&mut self) -> Result<(), NetworkError> {
        self.told = Topology::default();
        self.ask(&Request::Clean).await
    }

    async fn ask(&mut self, request: &Request) -> Result<(), NetworkError> {
        let bytes = serde_json::to_vec(request).map_err(io::Error::from)?;
        self.socket.write_all(&frame(&bytes)?).await?;
        let length = self.socket.read_u32().await?;
        if length > MESSAGE_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the answer is too large").into());
        }
        let mut bytes = Vec::new();
        (&mut self.socket).take(length.into()).read_to_end(&mut bytes).await?;
        match serde_json::from_slice(&bytes).map_err(io::Error::from)? {
            Answer::Done => Ok(()),
            Answer::Failed(why) => Err(NetworkError::Refused(why)),
        }
    }
}
