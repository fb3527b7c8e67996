//! What the front door holds between requests: the world behind it, the router, caches, and the memory of requests.

use crate::journal::Journal;
use crate::metrics::Metrics;
use crate::signature::SigningKeys;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use tokio::sync::{Semaphore, watch};
use yakumo_room::{Credentials, Visit, World};
use yakumo_wire::router::Router;

use crate::body::Body;

/// Whom the front door trusts without asking the iam room, and how much it reads.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether `test` and 12-digit access keys are root users. Only true when bound to loopback.
    pub static_root_keys: bool,
    /// The root key that was generated for a cloud that other hosts can reach.
    pub root_key: Option<Arc<Credentials>>,
    /// The largest body, in bytes, of an operation that does not stream.
    pub body_bytes_max: usize,
    /// How many bytes the bodies of all requests together may hold; what comes above waits for its turn.
    pub bodies_bytes_max: usize,
}

/// Answers what is not AWS: health, control, metrics.
pub trait Control: Send + Sync {
    /// Answers a request whose path begins with `/_yakumo/`, `/_localstack/` or is `/metrics`.
    fn handle(
        &self,
        head: http::request::Parts,
        body: Bytes,
        remote: SocketAddr,
    ) -> BoxFuture<'static, http::Response<Body>>;
}

/// The front door of one cloud.
pub struct Front {
    /// The last requests.
    pub journal: Journal,
    /// Counters.
    pub metrics: Metrics,
    /// One permit for each KiB that large bodies may hold.
    pub(crate) bodies: Semaphore,
    pub(crate) settings: Settings,
    pub(crate) router: &'static Router,
    pub(crate) signing_keys: SigningKeys,
    pub(crate) control: OnceLock<Arc<dyn Control>>,
    world: watch::Sender<Arc<World>>,
}

impl Front {
    /// A front door before a world.
    pub fn new(world: Arc<World>, router: &'static Router, settings: Settings) -> Arc<Front> {
        let front = Arc::new(Front {
            journal: Journal::default(),
            metrics: Metrics::default(),
            bodies: Semaphore::new(settings.bodies_bytes_max / 1024),
            settings,
            router,
            signing_keys: SigningKeys::default(),
            control: OnceLock::new(),
            world: watch::Sender::new(world),
        });
        front.witness(&front.world());
        front
    }

    /// Remembers the calls that the services of a world make on their own.
    pub fn witness(self: &Arc<Front>, world: &World) {
        let front = Arc::downgrade(self);
        world.set_recorder(move |call| {
            if let Some(front) = front.upgrade() {
                front.journal.push(call.into());
            }
        });
    }

    /// Sets who answers control requests; the first one set stays.
    pub fn set_control(&self, control: Arc<dyn Control>) {
        // A second control is a mistake in `cloud` that its first test would find.
        let _ = self.control.set(control);
    }

    /// The present world.
    pub fn world(&self) -> Arc<World> {
        self.world.borrow().clone()
    }

    /// An id for a request that has just arrived.
    pub(crate) fn request_id(&self) -> Arc<str> {
        self.world.borrow().base.ids.uuid().into()
    }

    /// Puts a new world behind the door; requests that waited for it go on.
    pub fn replace_world(&self, world: Arc<World>) {
        self.world.send_replace(world);
    }

    /// Enters the present world; waits while one is being replaced. `None` when the cloud is coming to its end.
    pub(crate) async fn enter(&self) -> Option<Visit> {
        if let Some(visit) = self.world.borrow().enter() {
            return Some(visit);
        }
        let mut worlds = self.world.subscribe();
        let running = worlds.wait_for(|world| !world.base.is_stopping());
        let world =
            tokio::time::timeout(std::time::Duration::from_secs(30), running).await.ok()?.ok()?.clone();
        world.enter()
    }
}
