//! Replaces everything in the cloud: a reset, or a snapshot that is loaded.
//!
//! The old world stops and empties first, so no request ever runs over records that change behind its back.

use crate::outside::Internet;
use crate::start::{authority, start_reconcilers};
use crate::{Cloud, kept, services};
use std::future::Future;
use yakumo_room::{Base, Clock, Ids};
use yakumo_store::StoreError;

impl Cloud {
    /// Removes everything. The clock goes on with real time.
    pub async fn reset(&self) -> Result<(), StoreError> {
        self.replace(self.store.reset()).await
    }

    /// Stops the present world, lets `work` change the store, and builds a new world over what is there then. The new
    /// world is built even when `work` fails: it then stands on what `work` left.
    pub async fn replace(
        &self,
        work: impl Future<Output = Result<(), StoreError>>,
    ) -> Result<(), StoreError> {
        let mut reconcilers = self.reconcilers.lock().await;
        let old = self.world();
        old.base.stop();
        reconcilers.shutdown().await;
        old.emptied().await;
        let outcome = work.await;
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
        outcome.and(kept)
    }

    /// The generated root key and the public addresses belong to this cloud, not to what is in it: they outlive a reset
    /// and a load.
    async fn keep_what_stays(&self) -> Result<(), StoreError> {
        kept::keep_slice(&self.store, self.slice).await?;
        match self.root_key() {
            Some(key) => kept::keep_root_key(&self.store, key).await,
            None => Ok(()),
        }
    }
}
