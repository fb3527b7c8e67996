//! Buckets as decoded and compiled, so that a request does not read and parse its bucket again.
//!
//! Invariant: what is found is never older than the last acknowledged change. Every change forgets its bucket after
//! the commit; what was read before a change is not kept behind it.

use crate::access_points::Through;
use crate::error;
use crate::logging::Logs;
use crate::sealing::Wrapper;
use crate::state::{Account, Bucket, BucketPolicy, scope};
use foldhash::{HashMap, HashMapExt};
use parking_lot::RwLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use yakumo_aws::{AccountId, Error, Result};
use yakumo_policy::{Attached, Document, PolicyKind};
use yakumo_room::{Base, Ctx, Record, Resource, Tx, host_now};

/// How many buckets are kept decoded.
const KEPT_MAX: usize = 10_000;

/// A bucket with its compiled policy.
pub struct Open {
    pub record: Bucket,
    pub policy: Option<Arc<Attached>>,
    /// Whether the policy lets in everybody.
    pub is_public: bool,
    /// What the bucket's access control list allows to others: alone, and together with the policy.
    pub acl: Option<(Arc<Attached>, Arc<Attached>)>,
    /// The access point that the request came through.
    pub through: Option<Arc<Through>>,
}

/// On which day of the cloud's clock lifecycle rules were last carried out, and how often they have changed.
#[derive(Default)]
struct Turns {
    done: RwLock<Option<Turn>>,
    changes: AtomicU64,
}

/// One round of lifecycle work: the day, and the changes of rules before it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Turn(i64, u64);

/// The room's memory.
pub struct Registry {
    pub base: Arc<Base>,
    /// The cloud's key, once it was needed: see [`Wrapper::of_cloud`].
    pub wrapper: OnceLock<Arc<Wrapper>>,
    changes: AtomicU64,
    lifecycle: Turns,
    sequence: AtomicU64,
    /// Which buckets are logged.
    pub logs: Logs,
    open: RwLock<HashMap<String, Arc<Open>>>,
}

impl Registry {
    /// Nothing is open yet.
    pub fn new(base: Arc<Base>) -> Arc<Registry> {
        Arc::new(Registry {
            base,
            wrapper: OnceLock::new(),
            changes: AtomicU64::new(0),
            lifecycle: Turns::default(),
            sequence: AtomicU64::new(0),
            logs: Logs::default(),
            open: RwLock::new(HashMap::new()),
        })
    }

    /// The bucket of a name; NoSuchBucket when there is none.
    pub async fn bucket(&self, name: &str) -> Result<Arc<Open>> {
        if let Some(open) = self.open.read().get(name) {
            return Ok(open.clone());
        }
        // Rarely gone, and larger than the rest of what waits for it.
        Box::pin(self.read_bucket(name)).await
    }

    async fn read_bucket(&self, name: &str) -> Result<Arc<Open>> {
        let seen = self.changes.load(Ordering::SeqCst);
        let bytes = self.base.store.get(&scope().record_key(Bucket::TABLE, &[name])).await?;
        let bytes = bytes.ok_or_else(|| error::no_such_bucket(name))?;
        let mut record = Bucket::from_bytes(&bytes).map_err(Error::internal)?;
        record.blocked_above = self.account(record.owner).await?.public_access.unwrap_or_default();
        let open = Arc::new(open(record)?);
        let mut kept = self.open.write();
        if self.changes.load(Ordering::SeqCst) == seen {
            if kept.len() >= KEPT_MAX {
                kept.clear();
            }
            kept.insert(name.to_owned(), open.clone());
        }
        Ok(open)
    }

    /// What is set for an account as a whole.
    pub async fn account(&self, account: AccountId) -> Result<Account> {
        let bytes = self.base.store.get(&scope().record_key(Account::TABLE, &[account.as_str()])).await?;
        let found = bytes.map(|bytes| Account::from_bytes(&bytes).map_err(Error::internal)).transpose()?;
        Ok(found.unwrap_or_default())
    }

    /// Something was changed that many buckets may depend on.
    pub fn forget_all(&self) {
        let mut kept = self.open.write();
        self.changes.fetch_add(1, Ordering::SeqCst);
        kept.clear();
    }

    /// Rules were changed: they are carried out without waiting for the next day.
    pub fn lifecycle_changed(&self) {
        self.lifecycle.changes.fetch_add(1, Ordering::SeqCst);
    }

    /// The round that is due on this day, if it was not yet done.
    pub fn lifecycle_turn(&self, day: i64) -> Option<Turn> {
        let turn = Turn(day, self.lifecycle.changes.load(Ordering::SeqCst));
        (*self.lifecycle.done.read() != Some(turn)).then_some(turn)
    }

    /// A round is done.
    pub fn lifecycle_done(&self, turn: Turn) {
        *self.lifecycle.done.write() = Some(turn);
    }

    /// A number above all that were given before, those of earlier runs included: it follows the host's clock.
    pub fn next_sequence(&self) -> u64 {
        let now = u64::try_from(host_now().as_millis()).unwrap_or_default().saturating_mul(1 << 20);
        let last = self.sequence.fetch_max(now, Ordering::SeqCst);
        match last < now {
            true => now,
            false => self.sequence.fetch_add(1, Ordering::SeqCst).saturating_add(1),
        }
    }

    /// Something about this bucket was changed.
    pub fn forget(&self, name: &str) {
        let mut kept = self.open.write();
        self.changes.fetch_add(1, Ordering::SeqCst);
        kept.remove(name);
    }
}

/// A policy as the engine takes it; `holder` is the ARN of the bucket or access point that it is attached to.
pub fn compiled(policy: &BucketPolicy, id: &str, holder: String) -> Result<Arc<Attached>> {
    let kind = PolicyKind::Resource { service: crate::policies::service(&holder) };
    let mut document = Document::parse(&policy.text, kind).map_err(Error::internal)?;
    policy.pins.hold(&mut document);
    Ok(Arc::new(Attached { id: id.to_owned(), holder, document: Arc::new(document) }))
}

/// A bucket with what follows from its record.
pub fn open(record: Bucket) -> Result<Open> {
    let policy = record.policy.as_ref();
    let policy = policy.map(|policy| compiled(policy, "bucket policy", record.arn())).transpose()?;
    let is_public = record.policy.as_ref().is_some_and(|policy| crate::public::is_public(&policy.text));
    let acl = crate::acls::of_bucket(&record)?;
    Ok(Open { record, policy, is_public, acl, through: None })
}

/// The bucket within a transaction, so that it cannot go or change while something is written into it.
pub async fn present(tx: &Tx, name: &str, id: &str) -> Result<Bucket> {
    let bucket = tx.get::<Bucket>(&scope(), &[name]).await?;
    bucket.filter(|bucket| bucket.id == id).ok_or_else(|| error::no_such_bucket(name))
}

/// Reads a bucket, lets `edit` change it, and writes it back.
pub async fn edit(ctx: &Ctx, name: &str, edit: impl Fn(&mut Bucket) -> Result<()>) -> Result<Bucket> {
    let outcome = ctx
        .transact(|tx| {
            let edit = &edit;
            async move {
                let before = tx.get::<Bucket>(&scope(), &[name]).await?;
                let before = before.ok_or_else(|| error::no_such_bucket(name))?;
                let mut after = before.clone();
                edit(&mut after)?;
                tx.put_resource(&scope(), Some(&before), &after);
                Ok(after)
            }
        })
        .await;
    ctx.state::<Registry>().forget(name);
    outcome
}
