//! The volumes of a cloud as a whole: saved at one moment, and replaced.
//!
//! Invariant: while they are replaced, no request of before is under way and none comes in between.

use crate::Error;
use crate::requests::Request;
use crate::sandboxes::{REQUESTS_MAX, Sandboxes};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;

/// File systems that stand still until they are copied, or until this is dropped.
pub struct Held {
    heard: UnixStream,
    saving: JoinHandle<Result<(), Error>>,
}

impl Held {
    /// Copies them; they go on then.
    ///
    /// # Errors
    /// Of the host's file system.
    pub async fn copy(mut self) -> Result<(), Error> {
        // Who has ended meanwhile says why.
        self.heard.write_all(b"g").ok();
        self.saving.await.map_err(|error| Error::failed("saving the disks", error))?
    }
}

/// That nobody else asks for anything, until it is dropped.
pub struct Alone(OwnedSemaphorePermit);

impl Sandboxes {
    /// Lets all volumes stand still, so that they can be copied into a directory, which is there and empty.
    ///
    /// # Errors
    /// When there is no room for the copies, or nobody to ask.
    pub async fn hold(&self, to: &Path) -> Result<Held, Error> {
        let failed = |error| Error::failed("saving the disks", error);
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        let (sandboxes, request) = (self.clone(), Request::SaveVolumes { to: to.to_owned() });
        let saving =
            tokio::spawn(
                async move { sandboxes.ask_with(request, vec![OwnedFd::from(theirs)]).await.map(drop) },
            );
        let mut ear = ours.try_clone().map_err(failed)?;
        let listen = move || matches!(ear.read(&mut [0; 1]), Ok(1));
        let are_still = tokio::task::spawn_blocking(listen).await.unwrap_or(false);
        let held = Held { heard: ours, saving };
        if are_still {
            return Ok(held);
        }
        held.copy().await?;
        Err(Error::failed("saving the disks", "nobody has waited for the copies"))
    }

    /// Makes volumes ready, those that lie in a directory or none, in the place of those that are there: [`Sandboxes::settle`] with the same
    /// generation puts them there. What runs meanwhile is not touched.
    ///
    /// # Errors
    /// When there is no room for the copies, or nobody to ask.
    pub async fn bring(&self, from: Option<PathBuf>, generation: &str) -> Result<(), Error> {
        self.place(from, self.root().join(format!("next-{generation}")), generation).await
    }

    /// Makes the volumes of another machine, in its directory, which has never been opened.
    ///
    /// # Errors
    /// As [`Sandboxes::bring`].
    pub async fn found(&self, machine: &Path, from: PathBuf, generation: &str) -> Result<(), Error> {
        self.place(Some(from), machine.join("volumes"), generation).await
    }

    async fn place(&self, from: Option<PathBuf>, to: PathBuf, generation: &str) -> Result<(), Error> {
        let generation = generation.to_owned();
        self.ask(Request::PlaceVolumes { from, to, generation }).await.map(drop)
    }

    /// Gives up what was made ready and will not be put in its place.
    ///
    /// # Errors
    /// When there is nobody to ask: the next agent removes it.
    pub async fn give_up(&self) -> Result<(), Error> {
        self.ask(Request::Settle { generation: self.generation() }).await.map(drop)
    }

    /// Waits until nothing is under way, and lets nothing begin.
    ///
    /// # Errors
    /// When the sandboxes are at their end.
    pub async fn alone(&self) -> Result<Alone, Error> {
        self.turns(REQUESTS_MAX).await.map(Alone)
    }

    /// Ends all sandboxes and puts the volumes of a generation in their place. When that fails, nothing else is done before it was tried
    /// again and has not.
    ///
    /// # Errors
    /// When a sandbox does not end.
    pub async fn settle(&self, alone: Alone, generation: &str) -> Result<(), Error> {
        self.set_generation(generation);
        let settled =
            self.talk(Request::Settle { generation: generation.to_owned() }, Vec::new(), None).await;
        drop(alone.0);
        settled.map(drop)
    }
}
