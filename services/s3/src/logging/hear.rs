//! Requests that were answered become lines, for the buckets that are logged.
//!
//! Invariant: which buckets are logged is known in memory, so that a request to another one costs a look into a map, and
//! nothing at all while no bucket is logged.

use crate::logging::line::{self, About};
use crate::registry::Registry;
use crate::state::logging::Line;
use crate::state::{Bucket, scope};
use crate::websites;
use foldhash::{HashMap, HashMapExt};
use parking_lot::RwLock;
use percent_encoding::percent_decode_str;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use yakumo_aws::{AccountId, Error, Region, Result};
use yakumo_room::store::{Batch, Range};
use yakumo_room::{Base, Finished, Record, Witness};

/// How many rows are read at a time.
const PAGE: usize = 500;

/// A bucket that is logged.
#[derive(Clone)]
pub struct Logged {
    pub id: String,
    pub owner: AccountId,
}

/// By which names requests have come through access points lately: region and name, to the access point's ARN and the
/// bucket behind it.
type Points = HashMap<(Region, String), (String, String)>;

/// How many such names are remembered.
const POINTS_MAX: usize = 10_000;

/// Which buckets are logged.
pub struct Logs {
    buckets: RwLock<HashMap<String, Logged>>,
    points: RwLock<Points>,
    changes: AtomicU64,
    /// Whether there may be any.
    listens: AtomicBool,
    read: AtomicBool,
}

impl Default for Logs {
    fn default() -> Logs {
        Logs {
            buckets: RwLock::new(HashMap::new()),
            points: RwLock::new(Points::new()),
            changes: AtomicU64::new(0),
            listens: AtomicBool::new(false),
            read: AtomicBool::new(false),
        }
    }
}

impl Logs {
    /// A bucket's configuration was changed.
    pub fn set(&self, bucket: &Bucket) {
        let mut buckets = self.buckets.write();
        self.changes.fetch_add(1, Ordering::SeqCst);
        match bucket.logging {
            Some(_) => {
                let logged = Logged { id: bucket.id.clone(), owner: bucket.owner };
                buckets.insert(bucket.name.clone(), logged);
            }
            None => drop(buckets.remove(&bucket.name)),
        }
        self.listens.store(!buckets.is_empty(), Ordering::SeqCst);
    }

    /// A request came through an access point. Its end is heard of later, and by its name alone.
    pub fn note_point(&self, region: Region, name: &str, arn: &str, bucket: &str) {
        let is_logged = self.listens.load(Ordering::SeqCst) && self.buckets.read().contains_key(bucket);
        if !is_logged {
            return;
        }
        let (by, to) = ((region, name.to_owned()), (arn.to_owned(), bucket.to_owned()));
        let is_known = self.points.read().get(&by) == Some(&to);
        if !is_known {
            let mut points = self.points.write();
            if points.len() >= POINTS_MAX {
                points.clear();
            }
            points.insert(by, to);
        }
    }

    /// The bucket that a request was about, and the access point that it came through.
    fn meant(&self, finished: &Finished, name: &str) -> (String, Option<String>) {
        let name = percent_decode_str(name).decode_utf8_lossy();
        let is_bucket = self.buckets.read().contains_key(&*name);
        let by = finished.region.filter(|_| !is_bucket).map(|region| (region, name.clone().into_owned()));
        match by.and_then(|by| self.points.read().get(&by).cloned()) {
            Some((arn, bucket)) => (bucket, Some(arn)),
            None => (name.into_owned(), None),
        }
    }

    /// A bucket is gone.
    pub fn forget(&self, name: &str) {
        if self.listens.load(Ordering::SeqCst) || !self.read.load(Ordering::SeqCst) {
            let mut buckets = self.buckets.write();
            self.changes.fetch_add(1, Ordering::SeqCst);
            buckets.remove(name);
        }
    }

    /// The names of the buckets that are logged.
    pub fn all(&self) -> Vec<(String, Logged)> {
        self.buckets.read().iter().map(|(name, logged)| (name.clone(), logged.clone())).collect()
    }

    /// Reads once, after a start, which buckets are logged.
    pub async fn read(&self, base: &Base) -> Result<()> {
        if self.read.load(Ordering::SeqCst) {
            return Ok(());
        }
        let seen = self.changes.load(Ordering::SeqCst);
        let mut found = HashMap::new();
        let mut range = Range::prefix(scope().key(Bucket::TABLE).build());
        loop {
            let rows = base.store.scan(range.clone(), PAGE).await?;
            for (_, bytes) in &rows {
                let bucket = Bucket::from_bytes(bytes).map_err(Error::internal)?;
                if bucket.logging.is_some() {
                    found.insert(bucket.name, Logged { id: bucket.id, owner: bucket.owner });
                }
            }
            match rows.last() {
                Some((key, _)) if rows.len() == PAGE => range = range.after(key.clone()),
                _ => break,
            }
        }
        let mut buckets = self.buckets.write();
        // What was changed meanwhile may be missing from what was read; the next run reads again.
        if self.changes.load(Ordering::SeqCst) == seen {
            self.listens.store(!found.is_empty(), Ordering::SeqCst);
            *buckets = found;
            self.read.store(true, Ordering::SeqCst);
        }
        Ok(())
    }
}

/// The room's ear.
pub struct Listener {
    base: Arc<Base>,
    registry: Arc<Registry>,
}

impl Listener {
    /// An ear that writes lines into the store.
    pub fn new(base: Arc<Base>, registry: Arc<Registry>) -> Arc<Listener> {
        Arc::new(Listener { base, registry })
    }
}

impl Witness for Listener {
    fn listens(&self, service: &str) -> bool {
        service == "s3" && self.registry.logs.listens.load(Ordering::Relaxed)
    }

    fn heard(&self, finished: &Finished) {
        let site = finished.host.split(':').next().and_then(websites::serve::named);
        let (bucket, key) = match site {
            Some((bucket, _)) => (bucket, finished.path.trim_start_matches('/')),
            None => {
                let path = finished.path.trim_start_matches('/');
                path.split_once('/').unwrap_or((path, ""))
            }
        };
        let logs = &self.registry.logs;
        let (bucket, point) = logs.meant(finished, bucket);
        let Some(logged) = logs.buckets.read().get(&bucket).cloned() else { return };
        let about = About { bucket: &bucket, owner: logged.owner, key, is_site: site.is_some(), point };
        let text = line::of(finished, &about);
        let line = Line { at: finished.at, text };
        let mut batch = Batch::new();
        batch.put(Line::row(&logged.id, self.registry.next_sequence()), line.to_bytes());
        // AWS: the log is kept on a best-effort basis: nobody waits until the line is durable.
        drop(self.base.store.enqueue(batch));
    }
}
