//! All open queues, found by account, region and name; and the one lock that changes of queue records take.
//!
//! Invariant: there is at most one open queue for a stored queue, and whoever finds it sees the record as last
//! acknowledged.

use super::open::OpenQueue;
use crate::error;
use crate::state::{QueueName, QueueRecord};
use foldhash::{HashMap, HashMapExt};
use parking_lot::RwLock;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::sync::{Mutex, MutexGuard};
use yakumo_aws::{AccountId, Error, Region, Result};
use yakumo_room::{Base, Record, Scope};

/// AWS: the longest name of a queue.
const NAME_BYTES_MAX: usize = 80;

type World = HashMap<Box<str>, Arc<OpenQueue>>;

/// The room's memory.
pub struct Registry {
    base: Arc<Base>,
    open: RwLock<HashMap<(AccountId, Region), World>>,
    changing: Mutex<()>,
    /// Whether there may be message move tasks with work to do.
    pub has_moves: AtomicBool,
}

/// The right to change queue records: held by one request at a time.
pub struct Changing<'a> {
    registry: &'a Registry,
    _turn: MutexGuard<'a, ()>,
}

impl Registry {
    /// Nothing is open yet.
    pub fn new(base: Arc<Base>) -> Arc<Registry> {
        Arc::new(Registry {
            base,
            open: RwLock::new(HashMap::new()),
            changing: Mutex::default(),
            has_moves: AtomicBool::new(true),
        })
    }

    /// The ground underneath.
    pub fn base(&self) -> &Arc<Base> {
        &self.base
    }

    /// A queue by its name; QueueDoesNotExist when there is none.
    pub async fn queue(&self, account: AccountId, region: Region, name: &str) -> Result<Arc<OpenQueue>> {
        self.find(account, region, name).await?.ok_or_else(error::queue_does_not_exist)
    }

    /// A queue by its name.
    pub async fn find(
        &self,
        account: AccountId,
        region: Region,
        name: &str,
    ) -> Result<Option<Arc<OpenQueue>>> {
        match self.opened(account, region, name) {
            Some(queue) if !queue.is_stale() => Ok(Some(queue)),
            // No queue has such a name, and the store takes no keys of any length.
            None if name.len() > NAME_BYTES_MAX => Ok(None),
            _ => self.change().await.find(account, region, name).await,
        }
    }

    /// The queue that an ARN names.
    pub async fn find_arn(&self, arn: &str) -> Result<Option<Arc<OpenQueue>>> {
        match QueueName::from_arn(arn) {
            Some(name) => self.find(name.account, name.region, &name.name).await,
            None => Ok(None),
        }
    }

    /// Takes the turn to change queue records.
    pub async fn change(&self) -> Changing<'_> {
        Changing { registry: self, _turn: self.changing.lock().await }
    }

    fn opened(&self, account: AccountId, region: Region, name: &str) -> Option<Arc<OpenQueue>> {
        self.open.read().get(&(account, region))?.get(name).cloned()
    }

    async fn read(&self, account: AccountId, region: Region, name: &str) -> Result<Option<QueueRecord>> {
        let scope = Scope { account: Some(account), region: Some(region), service: "sqs" };
        let key = scope.record_key(QueueRecord::TABLE, &[name]);
        let bytes = self.base.store.get(&key).await?;
        bytes.map(|bytes| QueueRecord::from_bytes(&bytes).map_err(Error::internal)).transpose()
    }
}

impl Changing<'_> {
    /// A queue by its name, as it is now.
    pub async fn find(
        &self,
        account: AccountId,
        region: Region,
        name: &str,
    ) -> Result<Option<Arc<OpenQueue>>> {
        let registry = self.registry;
        let record = match registry.opened(account, region, name) {
            Some(queue) if !queue.is_stale() => return Ok(Some(queue)),
            Some(queue) => {
                let record = self.renew(&queue).await?;
                match record {
                    Some(record) if record.number != queue.number => Some(record),
                    Some(_) => return Ok(Some(queue)),
                    None => None,
                }
            }
            None => registry.read(account, region, name).await?,
        };
        let Some(record) = record else { return Ok(None) };
        let queue = Arc::new(OpenQueue::new(registry.base.clone(), record)?);
        let mut open = registry.open.write();
        open.entry((account, region)).or_default().insert(name.into(), queue.clone());
        Ok(Some(queue))
    }

    /// Announces a change of this queue's record: until [`Changing::renew`], and should that never come because the
    /// request failed, whoever asks for the queue waits for this turn to end and reads the record again.
    pub fn announce(&self, queue: &OpenQueue) {
        queue.set_stale();
    }

    /// Takes the queue's record in as it is stored now, and gives it.
    pub async fn renew(&self, queue: &OpenQueue) -> Result<Option<QueueRecord>> {
        let QueueName { account, region, name } = &queue.name;
        let record = self.registry.read(*account, *region, name).await?;
        queue.renew(record.clone())?;
        if record.as_ref().is_none_or(|record| record.number != queue.number) {
            let mut open = self.registry.open.write();
            if let Some(world) = open.get_mut(&(*account, *region)) {
                world.remove(&**name);
            }
        }
        Ok(record)
    }
}
