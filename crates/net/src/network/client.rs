//! The front's end of the agent's socket.

use super::{Launch, NetworkError};
use crate::agent::{Answer, MESSAGE_BYTES_MAX, Outcome, Request, frame, receive};
use crate::change::Change;
use crate::engine::{Flows, Ranges};
use crate::{Place, SocketKind, Standing, Topology};
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdStream;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::UnixStream;
use tokio::sync::watch;

/// An agent that runs. It ends when this is dropped.
pub struct Client {
    socket: UnixStream,
    /// What it was told last.
    told: Topology,
    /// Where what stands is told.
    standing: watch::Sender<Arc<Standing>>,
    process: u32,
}

impl Client {
    /// Starts one. Its standard input is the socket; what it has to say goes to our standard error.
    pub fn start(launch: &Launch, standing: watch::Sender<Arc<Standing>>) -> Result<Client, NetworkError> {
        let (ours, theirs) = StdStream::pair()?;
        ours.set_nonblocking(true)?;
        let process = launch.start(OwnedFd::from(theirs))?;
        let socket = UnixStream::from_std(ours)?;
        Ok(Client { socket, told: Topology::default(), standing, process })
    }

    /// Its process.
    pub fn process(&self) -> u32 {
        self.process
    }

    /// Has it take up what stands.
    pub async fn open(
        &mut self,
        cloud: &str,
        ranges: Ranges,
        run: &Path,
        keeps: bool,
    ) -> Result<(), NetworkError> {
        // What an agent before it knew is past: what this one does not name does not stand.
        let open = Request::Open { cloud: cloud.to_owned(), ranges, run: run.to_owned(), keeps };
        let (outcome, standing) = self.exchange(&open).await?;
        self.tell(standing.unwrap_or_default());
        done(outcome)
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

    /// Has it tell what was counted of flows.
    pub async fn flows(&mut self) -> Result<Flows, NetworkError> {
        let (outcome, standing) = self.exchange(&Request::Flows).await?;
        standing.into_iter().for_each(|standing| self.tell(standing));
        match outcome {
            Outcome::Flows(flows) => Ok(flows),
            other => done(other).map(|()| Flows::default()),
        }
    }

    /// Has it open a socket, which does not block.
    pub async fn socket(
        &mut self,
        place: Place,
        kind: SocketKind,
        address: SocketAddr,
    ) -> Result<OwnedFd, NetworkError> {
        let (outcome, standing) = self.exchange(&Request::Socket { place, kind, address }).await?;
        standing.into_iter().for_each(|standing| self.tell(standing));
        if outcome != Outcome::Socket {
            done(outcome)?;
            return Err(io::Error::new(io::ErrorKind::InvalidData, "no socket came").into());
        }
        let passed = self.socket.async_io(Interest::READABLE, || receive(&self.socket)).await?;
        rustix::io::ioctl_fionbio(&passed, true).map_err(io::Error::from)?;
        Ok(passed)
    }

    fn tell(&self, standing: Standing) {
        self.standing.send_if_modified(|told| {
            let other = **told != standing;
            if other {
                *told = Arc::new(standing);
            }
            other
        });
    }

    async fn ask(&mut self, request: &Request) -> Result<(), NetworkError> {
        let (outcome, standing) = self.exchange(request).await?;
        standing.into_iter().for_each(|standing| self.tell(standing));
        done(outcome)
    }

    async fn exchange(&mut self, request: &Request) -> Result<(Outcome, Option<Standing>), NetworkError> {
        let bytes = serde_json::to_vec(request).map_err(io::Error::from)?;
        self.socket.write_all(&frame(&bytes)?).await?;
        let length = self.socket.read_u32().await?;
        if length > MESSAGE_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the answer is too large").into());
        }
        let mut bytes = Vec::new();
        (&mut self.socket).take(length.into()).read_to_end(&mut bytes).await?;
        let answer: Answer = serde_json::from_slice(&bytes).map_err(io::Error::from)?;
        Ok((answer.outcome, answer.standing))
    }
}

fn done(outcome: Outcome) -> Result<(), NetworkError> {
    match outcome {
        Outcome::Done => Ok(()),
        Outcome::Flows(_) => {
            Err(io::Error::new(io::ErrorKind::InvalidData, "flows that nobody asked for").into())
        }
        Outcome::Socket => {
            Err(io::Error::new(io::ErrorKind::InvalidData, "a socket that nobody asked for").into())
        }
        Outcome::Failed(why) => Err(NetworkError::Refused(why)),
    }
}
