//! A front's handle to the sandboxes of its cloud: it asks, an agent with the rights for it does.
//!
//! Invariant: nothing runs before the first request: a cloud without instances costs nothing.

use crate::Error;
use crate::requests::{Reply, Request};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, watch};
use yakumo_agent::Launch;

/// How many requests are under way at once.
pub(crate) const REQUESTS_MAX: u32 = 128;
/// The generation of volumes that have never been replaced.
const FIRST: &str = "first";

/// Who starts sandboxes.
#[derive(Clone, Debug)]
pub enum Host {
    /// A process of its own.
    Agent {
        /// How it is started.
        launch: Launch,
        /// The directory of notes, such as `/run/yakumo`.
        run: PathBuf,
    },
    /// Nobody, because of this.
    Nobody(String),
}

/// The sandboxes of a cloud. Clones are the same sandboxes.
#[derive(Clone)]
pub struct Sandboxes(Arc<Inner>);

struct Inner {
    host: Host,
    cloud: String,
    root: PathBuf,
    keeps: bool,
    agent: Mutex<Option<imp::Agent>>,
    turns: Arc<Semaphore>,
    /// The generation of the volumes.
    generation: std::sync::Mutex<String>,
    changes: watch::Sender<u64>,
}

impl Sandboxes {
    /// The sandboxes of the cloud with this id, in a directory. `keeps` says whether they outlive the cloud, for its next start.
    pub fn new(cloud: &str, root: PathBuf, host: Host, keeps: bool) -> Sandboxes {
        if let Host::Agent { launch, .. } = &host {
            launch.name(cloud);
        }
        let (agent, turns) = (Mutex::default(), Arc::new(Semaphore::new(REQUESTS_MAX as usize)));
        let (changes, _) = watch::channel(0);
        let generation = std::sync::Mutex::new(FIRST.to_owned());
        let cloud = cloud.to_owned();
        Sandboxes(Arc::new(Inner { host, cloud, root, keeps, agent, turns, generation, changes }))
    }

    /// Says which generation of volumes is to be in place, as it was kept. Before the first request.
    pub fn set_generation(&self, generation: &str) {
        generation.clone_into(&mut self.0.generation.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn generation(&self) -> String {
        self.0.generation.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The machine's directory. It is there when there is, or was, a sandbox.
    pub fn root(&self) -> &Path {
        &self.0.root
    }

    /// None can be started, because of this.
    pub fn none(reason: &str) -> Sandboxes {
        Sandboxes::new("none", PathBuf::new(), Host::Nobody(reason.to_owned()), false)
    }

    /// Why no sandbox can be started; `None` when they can.
    pub fn unavailable(&self) -> Option<&str> {
        match &self.0.host {
            Host::Nobody(reason) => Some(reason),
            Host::Agent { .. } => None,
        }
    }

    /// Whether there may be any, from this start of the cloud or an earlier one.
    pub fn stand(&self) -> bool {
        self.unavailable().is_none() && self.0.root.join("sandboxes").exists()
    }

    /// Says that a sandbox has ended, by a number that changes. It may say so too often.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// Asks for something. Requests run beside each other; those of one sandbox should come one after another.
    ///
    /// # Errors
    /// [`crate::Kind::Unsupported`] when there is nobody to ask, [`crate::Kind::Gone`] when the agent ended before it answered; else what
    /// [`Request`] says.
    pub async fn ask(&self, request: Request) -> Result<Reply, Error> {
        self.ask_with(request, Vec::new()).await.map(|(reply, _)| reply)
    }

    /// Asks for something that takes or gives descriptors.
    ///
    /// # Errors
    /// As [`Sandboxes::ask`].
    pub async fn ask_with(
        &self,
        request: Request,
        descriptors: Vec<OwnedFd>,
    ) -> Result<(Reply, Vec<OwnedFd>), Error> {
        if let Some(reason) = self.unavailable() {
            return Err(Error::unsupported(reason));
        }
        let turn = self.turns(1).await?;
        self.talk(request, descriptors, Some(turn)).await
    }

    /// So many of the requests that may be under way at once.
    pub(crate) async fn turns(&self, number: u32) -> Result<OwnedSemaphorePermit, Error> {
        let turns = Arc::clone(&self.0.turns).acquire_many_owned(number).await;
        turns.map_err(|error| Error::failed("the sandboxes", error))
    }

    /// The turn is over when the agent has answered, also when nobody waits for that any more.
    pub(crate) async fn talk(
        &self,
        request: Request,
        descriptors: Vec<OwnedFd>,
        turn: Option<OwnedSemaphorePermit>,
    ) -> Result<(Reply, Vec<OwnedFd>), Error> {
        let conversation = self.conversation().await?;
        let talk = move || {
            let said = imp::talk(&conversation, &request, descriptors);
            drop(turn);
            said
        };
        tokio::task::spawn_blocking(talk).await.map_err(|error| Error::failed("the sandbox agent", error))?
    }

    /// A conversation with the agent, which is started when it is not there.
    async fn conversation(&self) -> Result<OwnedFd, Error> {
        let mut agent = self.0.agent.lock().await;
        if let Some(conversation) = agent.as_ref().and_then(|agent| agent.conversation().ok()) {
            return Ok(conversation);
        }
        let inner = Arc::clone(&self.0);
        let start = move || {
            let generation = Sandboxes(Arc::clone(&inner)).generation();
            let opening = (&*inner.cloud, &*inner.root, inner.keeps, generation);
            imp::Agent::start(&inner.host, opening, &inner.changes)
        };
        let started = tokio::task::spawn_blocking(start).await;
        let started = started.map_err(|error| Error::failed("the sandbox agent", error))??;
        let conversation = started.conversation()?;
        *agent = Some(started);
        Ok(conversation)
    }

    /// Ends the agent. Sandboxes that are kept run on; the others end and are removed before this returns.
    pub async fn close(&self) {
        let agent = self.0.agent.lock().await.take();
        if let Some(agent) = agent {
            // A task that panicked has dropped the agent as well.
            tokio::task::spawn_blocking(move || agent.end()).await.ok();
        }
    }
}

#[cfg(target_os = "linux")]
mod imp {
    use super::Host;
    use crate::Error;
    use crate::agent::{Answer, Ended, OPENS_WITHIN, Opening};
    use crate::channel;
    use crate::error::During;
    use crate::machine::Report;
    use crate::program::wait_for;
    use crate::requests::{Reply, Request};
    use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
    use std::path::Path;
    use tokio::sync::watch;

    /// An agent that runs. It ends when this is dropped.
    pub(super) struct Agent {
        socket: OwnedFd,
    }

    impl Agent {
        pub(super) fn start(
            host: &Host,
            (cloud, root, keeps, generation): (&str, &Path, bool, String),
            changes: &watch::Sender<u64>,
        ) -> Result<Agent, Error> {
            let Host::Agent { launch, run } = host else {
                return Err(Error::unsupported("there is nobody to start sandboxes"));
            };
            let (ours, theirs) = channel::pair().during("the sandbox agent")?;
            launch.start(theirs).during("the sandbox agent")?;
            let agent = Agent { socket: ours };
            let (root, cloud, run) = (root.to_owned(), cloud.to_owned(), run.clone());
            let opening = Opening { root, cloud, run, keeps, generation: Some(generation) };
            channel::send(&agent.socket, &opening, &[]).map_err(gone)?;
            if !wait_for(&agent.socket, OPENS_WITHIN)? {
                return Err(Error::failed("the sandbox agent", "it does not answer"));
            }
            let report = channel::receive::<Result<Report, Error>>(&agent.socket).map_err(gone)?;
            report.ok_or_else(|| gone("it has ended"))?.0?;
            let (ends, changes) = (agent.socket.try_clone().during("the sandbox agent")?, changes.clone());
            let listen = move || {
                while let Ok(Some((Ended(_), _))) = channel::receive::<Ended>(&ends) {
                    changes.send_modify(|number| *number = number.wrapping_add(1));
                }
                // Nobody tells of ends any more: look, and so start the next agent.
                changes.send_modify(|number| *number = number.wrapping_add(1));
            };
            std::thread::Builder::new().name("sandboxes".to_owned()).spawn(listen).during("a thread")?;
            Ok(agent)
        }

        pub(super) fn conversation(&self) -> Result<OwnedFd, Error> {
            let (ours, theirs) = channel::pair().during("the sandbox agent")?;
            channel::send(&self.socket, &(), &[theirs.as_fd()]).map_err(gone)?;
            Ok(ours)
        }

        /// It has ended when nobody has the other end of the socket any more.
        pub(super) fn end(self) {
            rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Write).ok();
            while let Ok(Some(_)) = channel::receive::<Ended>(&self.socket) {}
        }
    }

    pub(super) fn talk(
        conversation: &OwnedFd,
        request: &Request,
        descriptors: Vec<OwnedFd>,
    ) -> Result<(Reply, Vec<OwnedFd>), Error> {
        let borrowed: Vec<BorrowedFd<'_>> = descriptors.iter().map(AsFd::as_fd).collect();
        channel::send(conversation, request, &borrowed).map_err(gone)?;
        drop(descriptors);
        let answer = channel::receive::<Answer>(conversation).map_err(gone)?;
        let (answer, descriptors) = answer.ok_or_else(|| gone("it has ended"))?;
        answer.map(|reply| (reply, descriptors))
    }

    /// When its socket fails, it does not live any more.
    fn gone(why: impl std::fmt::Display) -> Error {
        Error::gone("the sandbox agent", why)
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use super::Host;
    use crate::Error;
    use crate::requests::{Reply, Request};
    use std::os::fd::OwnedFd;
    use std::path::Path;
    use tokio::sync::watch;

    pub(super) struct Agent;

    impl Agent {
        pub(super) fn start(
            _: &Host,
            _: (&str, &Path, bool, String),
            _: &watch::Sender<u64>,
        ) -> Result<Agent, Error> {
            Err(Error::unsupported("sandboxes are made of Linux's namespaces"))
        }

        pub(super) fn conversation(&self) -> Result<OwnedFd, Error> {
            Err(Error::unsupported("sandboxes are made of Linux's namespaces"))
        }

        pub(super) fn end(self) {}
    }

    pub(super) fn talk(_: &OwnedFd, _: &Request, _: Vec<OwnedFd>) -> Result<(Reply, Vec<OwnedFd>), Error> {
        Err(Error::unsupported("sandboxes are made of Linux's namespaces"))
    }
}
