//! Background work: makes so what handlers wrote as wanted.
//!
//! A reconciler takes no input, is idempotent, does not retry inside, and reads what to do from the store. It runs when
//! nudged and periodically, so a lost nudge only costs time.

use crate::World;
use futures_util::future::BoxFuture;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use yakumo_aws::Result;

type Run = dyn Fn(Arc<World>) -> BoxFuture<'static, Result<()>> + Send + Sync;

/// One kind of background work of a room.
pub struct Reconciler {
    /// Its name, unique in the cloud: `sqs.message-move-tasks`.
    pub name: &'static str,
    /// How long it rests, in host time, when nobody nudges it.
    pub every: Duration,
    /// Whether it runs as well when a sandbox has ended.
    pub follows_sandboxes: bool,
    run: Box<Run>,
}

impl Reconciler {
    /// Background work that `run` does once each time it is called.
    pub fn new<F, R>(name: &'static str, every: Duration, run: R) -> Reconciler
    where
        R: Fn(Arc<World>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<()>> + Send + 'static,
    {
        Reconciler { name, every, follows_sandboxes: false, run: Box::new(move |world| Box::pin(run(world))) }
    }

    /// The same, which also runs when a sandbox has ended.
    pub fn follows_sandboxes(self) -> Reconciler {
        Reconciler { follows_sandboxes: true, ..self }
    }

    /// Does the work once.
    pub async fn run(&self, world: Arc<World>) -> Result<()> {
        (self.run)(world).await
    }
}
