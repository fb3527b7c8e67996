//! What rooms are built on before there are rooms: store, clock, ids, networks, sandboxes, the authority, nudges.

use crate::{Clock, Ids, Nowhere, Outside};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{Notify, Semaphore};
use yakumo_aws::{Error, Result};
use yakumo_machine::Sandboxes;
use yakumo_net::Network;
use yakumo_store::Store;

/// How many pieces of long computation run at once.
const LABOURS_MAX: usize = 4;

/// Tells the certificate (PEM) of the authority that signs what the cloud serves over TLS; `None` where it has none.
pub type Authority = Arc<dyn Fn() -> Option<String> + Send + Sync>;

/// The ground that a cloud's rooms stand on.
pub struct Base {
    /// Everything that is kept.
    pub store: Store,
    /// The cloud's clock.
    pub clock: Clock,
    /// Identifiers and secrets.
    pub ids: Ids,
    /// The way out of the cloud.
    pub outside: Arc<dyn Outside>,
    /// The networks of the cloud: what is wanted of them, and a model that follows packets. The room that owns VPCs
    /// says what is wanted when its world begins and after each change.
    pub network: Network,
    /// The sandboxes of the cloud: where instances, functions, tasks and databases run.
    pub sandboxes: Sandboxes,
    /// Whom programs in sandboxes must trust to speak with the cloud.
    pub authority: Authority,
    nudges: Mutex<HashMap<&'static str, Arc<Notify>>>,
    stopping: AtomicBool,
    stopped: Notify,
    labour: Semaphore,
}

impl Base {
    /// Ground for a new set of rooms, without a way out, with networks that are a model, and without sandboxes.
    pub fn new(store: Store, clock: Clock, ids: Ids) -> Arc<Base> {
        Base::with_outside(
            store,
            clock,
            ids,
            Arc::new(Nowhere),
            Network::model("there is no host to make networks on"),
            Sandboxes::none("there is no host to start sandboxes on"),
            Arc::new(|| None),
        )
    }

    /// Ground for a new set of rooms that may ask for documents from outside, make networks on the host and start
    /// sandboxes there.
    pub fn with_outside(
        store: Store,
        clock: Clock,
        ids: Ids,
        outside: Arc<dyn Outside>,
        network: Network,
        sandboxes: Sandboxes,
        authority: Authority,
    ) -> Arc<Base> {
        let (nudges, stopping, stopped) = (Mutex::default(), AtomicBool::new(false), Notify::new());
        let labour = Semaphore::new(LABOURS_MAX);
        Arc::new(Base {
            store,
            clock,
            ids,
            outside,
            network,
            sandboxes,
            authority,
            nudges,
            stopping,
            stopped,
            labour,
        })
    }

    /// The bell of a reconciler.
    pub fn bell(&self, reconciler: &'static str) -> Arc<Notify> {
        self.nudges.lock().entry(reconciler).or_default().clone()
    }

    /// Wakes a reconciler soon. Ring it after the commit that gave it work.
    pub fn nudge(&self, reconciler: &'static str) {
        self.bell(reconciler).notify_one();
    }

    /// Runs a computation of milliseconds or more (a password's slow hash) apart from the threads that serve requests.
    /// Some run at once, others wait for their turn. It touches nothing but what it is given.
    ///
    /// # Errors
    /// InternalFailure when it panics.
    pub async fn labour<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let turn = self.labour.acquire().await.map_err(Error::internal)?;
        let outcome = tokio::task::spawn_blocking(work).await.map_err(Error::internal);
        drop(turn);
        outcome
    }

    /// Does a part of a reconciler's work beside the rest of it, such as waiting for one of many sandboxes. It is cut off wherever it
    /// waits when the cloud comes to an end, so it must leave nothing half done there.
    pub fn errand(self: &Arc<Base>, work: impl Future<Output = ()> + Send + 'static) {
        let base = Arc::clone(self);
        tokio::spawn(async move {
            tokio::select! {
                () = work => {}
                () = base.stopped() => {}
            }
        });
    }

    /// Tells long polls and reconcilers to come to an end.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.stopped.notify_waiters();
    }

    /// Whether the cloud is coming to an end.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Waits until the cloud comes to an end (a stop, a reset, or a snapshot that replaces it).
    pub async fn stopped(&self) {
        let stopped = self.stopped.notified();
        if !self.is_stopping() {
            stopped.await;
        }
    }
}
