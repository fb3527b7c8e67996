//! A running cloud as its rooms see it: the ground, all rooms on it, and who is inside right now.
//!
//! A reset or a snapshot load replaces the whole world: the old one is stopped, everybody leaves, the store changes, a
//! new world is built over it. So no room ever sees its records change behind its back.

use crate::{Background, Base, Endpoints, Metadata, Organizations, Principals, Room, Witness};
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::sync::Notify;

/// All rooms of a cloud over their common ground.
pub struct World {
    /// Store, clock, ids.
    pub base: Arc<Base>,
    /// Who may ask.
    pub principals: Arc<dyn Principals>,
    /// Where accounts stand in organizations.
    pub organizations: Arc<dyn Organizations>,
    rooms: HashMap<&'static str, Room>,
    /// The rooms that have a side door.
    doors: Vec<&'static str>,
    /// Who keeps VPC endpoints.
    endpoints: Option<Arc<dyn Endpoints>>,
    /// Who tells instances about themselves.
    metadata: Option<Arc<dyn Metadata>>,
    /// Who hears of finished requests.
    witnesses: Vec<Arc<dyn Witness>>,
    inside: AtomicUsize,
    left: Notify,
    recorder: OnceLock<Box<Recorder>>,
}

type Recorder = dyn Fn(Background) + Send + Sync;

impl World {
    /// Puts rooms together.
    pub fn new(
        base: Arc<Base>,
        principals: Arc<dyn Principals>,
        organizations: Arc<dyn Organizations>,
        rooms: Vec<Room>,
    ) -> Arc<World> {
        let doors = rooms.iter().filter(|room| room.beside_door().is_some()).map(Room::name).collect();
        let witnesses = rooms.iter().filter_map(Room::heard_by).cloned().collect();
        let endpoints = rooms.iter().find_map(Room::keeps_endpoints).cloned();
        let metadata = rooms.iter().find_map(Room::tells_metadata).cloned();
        let rooms = rooms.into_iter().map(|room| (room.name(), room)).collect();
        let (inside, left) = (AtomicUsize::new(0), Notify::new());
        let recorder = OnceLock::new();
        Arc::new(World {
            base,
            principals,
            organizations,
            rooms,
            doors,
            endpoints,
            metadata,
            witnesses,
            inside,
            left,
            recorder,
        })
    }

    /// Sets who is told of every call that a service makes on its own; the first one set stays.
    pub fn set_recorder(&self, recorder: impl Fn(Background) + Send + Sync + 'static) {
        // A second one would be the same front door's.
        let _ = self.recorder.set(Box::new(recorder));
    }

    pub(crate) fn record(&self, call: Background) {
        if let Some(recorder) = self.recorder.get() {
            recorder(call);
        }
    }

    /// The room of a service, if there is one.
    pub fn room(&self, service: &str) -> Option<&Room> {
        self.rooms.get(service)
    }

    /// All rooms, in no order.
    pub fn rooms(&self) -> impl Iterator<Item = &Room> {
        self.rooms.values()
    }

    /// Who keeps VPC endpoints, if any room does.
    pub fn endpoints(&self) -> Option<&dyn Endpoints> {
        self.endpoints.as_deref()
    }

    /// Who tells instances about themselves, if any room does.
    pub fn metadata(&self) -> Option<&dyn Metadata> {
        self.metadata.as_deref()
    }

    pub(crate) fn doors(&self) -> &[&'static str] {
        &self.doors
    }

    pub(crate) fn witnesses(&self) -> &[Arc<dyn Witness>] {
        &self.witnesses
    }

    /// Comes in for one request; `None` once the world is being replaced or stopped.
    pub fn enter(self: &Arc<World>) -> Option<Visit> {
        self.inside.fetch_add(1, Ordering::SeqCst);
        let visit = Visit(self.clone());
        // Counted first, asked afterwards: `emptied` cannot miss a visitor who saw a running world.
        if self.base.is_stopping() { None } else { Some(visit) }
    }

    /// How many requests are inside.
    pub fn visitors(&self) -> usize {
        self.inside.load(Ordering::SeqCst)
    }

    /// Waits until nobody is inside. Call [`Base::stop`] first, so that nobody new comes in.
    pub async fn emptied(&self) {
        loop {
            let left = self.left.notified();
            if self.inside.load(Ordering::SeqCst) == 0 {
                return;
            }
            left.await;
        }
    }
}

/// A request's stay in a world.
pub struct Visit(Arc<World>);

impl Clone for Visit {
    fn clone(&self) -> Visit {
        // Whoever clones is inside, so the count is above zero and nobody waits for this one to come.
        self.0.inside.fetch_add(1, Ordering::SeqCst);
        Visit(self.0.clone())
    }
}

impl Deref for Visit {
    type Target = Arc<World>;

    fn deref(&self) -> &Arc<World> {
        &self.0
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if self.0.inside.fetch_sub(1, Ordering::SeqCst) == 1 && self.0.base.is_stopping() {
            self.0.left.notify_waiters();
        }
    }
}
