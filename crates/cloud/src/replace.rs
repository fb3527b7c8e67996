//! Replaces everything in the cloud: a reset, or a snapshot that is loaded.
//!
//! The old world stops and empties first, so no request ever runs over records that change behind its back. Disks change with the
//! records: those that are to come lie ready before, which generation is right is written with the records, and a start after a
//! `kill -9` finds by it what is to be done.

use crate::outside::Internet;
use crate::start::{authority, start_reconcilers};
use crate::{Cloud, kept, services};
use std::path::{Path, PathBuf};
use std::time::Duration;
use yakumo_room::{Base, Clock, Ids};
use yakumo_store::{Pair, StoreError};

/// How long work on sandboxes that is under way may take to end: one that starts may need two minutes.
const ALONE_WITHIN: Duration = Duration::from_secs(180);

/// Why the cloud was not replaced.
#[derive(Debug, thiserror::Error)]
pub enum ReplaceError {
    /// The store's reason.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The reason is with the disks.
    #[error(transparent)]
    Disks(#[from] yakumo_machine::Error),
    /// Work on sandboxes goes on and on.
    #[error("work on instances has not ended for three minutes; nothing was changed")]
    Busy,
}

/// What becomes of the disks of instances.
#[derive(Debug)]
pub(crate) enum Disks {
    /// They stay as they are.
    Stay,
    /// There are none.
    None,
    /// They are those that lie in a directory.
    From(PathBuf),
}

impl Cloud {
    /// Removes everything. The clock goes on with real time.
    pub async fn reset(&self) -> Result<(), ReplaceError> {
        self.replace(Disks::None, async |pairs| self.store.reset_to(pairs).await).await
    }

    /// Goes back to a snapshot.
    pub(crate) async fn load(&self, records: &Path, disks: Disks) -> Result<(), ReplaceError> {
        self.replace(disks, async |pairs| self.store.load_with(records, pairs).await.map(drop)).await
    }

    /// Stops the present world, lets `work` change the store, which gets these pairs as well, and builds a new world over what is there
    /// then. The new world is built even when `work` fails: it then stands on what `work` left.
    async fn replace(
        &self,
        disks: Disks,
        work: impl AsyncFnOnce(Vec<Pair>) -> Result<(), StoreError>,
    ) -> Result<(), ReplaceError> {
        let generation = self.bring(disks).await?;
        let mut reconcilers = self.reconcilers.lock().await;
        let old = self.world();
        old.base.stop();
        reconcilers.shutdown().await;
        old.emptied().await;
        let outcome = self.replace_content(generation.as_deref(), work).await;
        if outcome.is_err() && generation.is_some() {
            // The first error is the one to tell.
            self.sandboxes.give_up().await.ok();
        }
        let kept = self.keep_what_stays().await;
        let course = kept::course(&self.store).await.unwrap_or_default();
        let clock = course.map_or_else(Clock::default, Clock::with_course);
        let ids = Ids::new(self.config.seed);
        let base = Base::with_outside(
            self.store.clone(),
            clock,
            ids,
            Internet::new(),
            self.network.clone(),
            self.sandboxes.clone(),
            authority(&self.tls),
        );
        self.network.set_plugs(kept::plugs(&self.store).await.unwrap_or_default());
        // Without what the rooms keep in memory there is no world: the old one stays, stopped.
        let world = services::world(base).await?;
        self.front.witness(&world);
        *reconcilers = start_reconcilers(&world);
        self.front.replace_world(world);
        outcome?;
        Ok(kept?)
    }

    /// Makes the disks ready that are to come, while everything goes on. Their generation, when there are or were any.
    async fn bring(&self, disks: Disks) -> Result<Option<String>, ReplaceError> {
        let from = match disks {
            Disks::Stay => return Ok(None),
            Disks::None if !self.sandboxes.stand() => return Ok(None),
            Disks::None => None,
            Disks::From(path) => Some(path),
        };
        let generation = Ids::new(None).hex(16);
        self.sandboxes.bring(from, &generation).await?;
        Ok(Some(generation))
    }

    async fn replace_content(
        &self,
        generation: Option<&str>,
        work: impl AsyncFnOnce(Vec<Pair>) -> Result<(), StoreError>,
    ) -> Result<(), ReplaceError> {
        let Some(generation) = generation else { return Ok(work(Vec::new()).await?) };
        let alone = tokio::time::timeout(ALONE_WITHIN, self.sandboxes.alone()).await;
        let alone = alone.map_err(|_| ReplaceError::Busy)??;
        // From here on it is done: what a kill interrupts, the next start finishes.
        work(vec![kept::disks_pair(generation)]).await?;
        Ok(self.sandboxes.settle(alone, generation).await?)
    }

    /// The generated root key and the public addresses belong to this cloud, not to what is in it: they outlive a reset
    /// and a load.
    async fn keep_what_stays(&self) -> Result<(), StoreError> {
        kept::keep_slice(&self.store, self.slice, self.network.ranges()).await?;
        match self.root_key() {
            Some(key) => kept::keep_root_key(&self.store, key).await,
            None => Ok(()),
        }
    }
}
