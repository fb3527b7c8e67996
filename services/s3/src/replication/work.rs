//! Replication at work: what waits is copied by the role that the bucket's owner gave, one version after the other.
//!
//! Invariant: a version is copied only when the role is trusted and allowed at that moment, and a task goes only together
//! with the status that tells what became of it. Doing a task twice changes nothing.

use crate::access::need;
use crate::acls::need_of;
use crate::bodies::{self, Expected, Received};
use crate::happenings::{self, What};
use crate::index;
use crate::notifications::SERVICE;
use crate::registry::{Open, Registry, present};
use crate::state::replication::{Rule, Status, Task};
use crate::state::{Acl, Bucket, Content, Lock, Version, Versioning, scope};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use yakumo_api_sts as sts;
use yakumo_aws::{Error, Region, Result};
use yakumo_room::store::Range;
use yakumo_room::{Caller, Ctx, Facts, Need, Reconciler, Record, Resource, Tx, World};

/// The name of the reconciler.
pub const NAME: &str = "s3.replication";

/// How many tasks are read at a time; the roles that they need are assumed anew for each page.
const PAGE: usize = 100;
/// AWS: the shortest session of a role.
const SESSION_S: i32 = 900;

/// Replicates what waits.
pub fn reconciler(registry: Arc<Registry>) -> Reconciler {
    Reconciler::new(NAME, Duration::from_secs(2), move |world| run(world, registry.clone()))
}

/// Who acts for a bucket; `None` where the role does not trust S3, or may not even read the configuration.
type Actors = HashMap<String, Option<Arc<Caller>>>;

async fn run(world: Arc<World>, registry: Arc<Registry>) -> Result<()> {
    let mut range = Range::prefix(scope().key(Task::TABLE).build());
    loop {
        let rows = world.base.store.scan(range.clone(), PAGE).await?;
        let mut actors = Actors::new();
        for (_, bytes) in &rows {
            if world.base.is_stopping() {
                return Ok(());
            }
            let task = Task::from_bytes(bytes).map_err(Error::internal)?;
            let turn = Turn { world: &world, registry: &registry, task: &task };
            if let Err(error) = turn.take(&mut actors).await {
                // What is wrong with the cloud itself passes; the task waits for the next turn.
                tracing::warn!(%error, bucket = task.bucket, "a version waits to be replicated");
            }
        }
        match rows.last() {
            Some((key, _)) if rows.len() == PAGE => range = range.after(key.clone()),
            _ => return Ok(()),
        }
    }
}

/// A task in the hands of whoever does it.
struct Turn<'a> {
    world: &'a Arc<World>,
    registry: &'a Registry,
    task: &'a Task,
}

/// One version on its way to one destination.
struct Way<'a> {
    source: &'a Open,
    version: &'a Version,
    rule: &'a Rule,
    to: Arc<Open>,
    /// In the regions of the source and of the destination.
    at_source: Ctx,
    there: Ctx,
}

impl Turn<'_> {
    fn ctx(&self, caller: Arc<Caller>, region: Region) -> Result<Ctx> {
        let visit = self.world.enter().ok_or_else(|| Error::internal("the cloud is stopping"))?;
        Ok(Ctx::question(visit, "s3", caller, region, Facts::internal(self.world.base.ids.uuid())))
    }

    async fn bucket(&self, name: &str) -> Result<Option<Arc<Open>>> {
        match self.registry.bucket(name).await {
            Ok(open) => Ok(Some(open)),
            Err(error) if error.code == "NoSuchBucket" => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn take(&self, actors: &mut Actors) -> Result<()> {
        let task = self.task;
        let found = self.bucket(&task.bucket).await?.filter(|open| open.record.id == task.bucket_id);
        let Some(source) = found else {
            let nobody = Arc::new(Caller::anonymous());
            return self.drop_task(&self.ctx(nobody, Region::US_EAST_1)?).await;
        };
        let bucket = &source.record;
        let service = Arc::new(Caller::service(SERVICE, &bucket.arn(), bucket.owner));
        let own = self.ctx(service.clone(), bucket.region)?;
        let Some(version) = index::version(&own, bucket, &task.key, &task.version_id).await? else {
            return self.drop_task(&own).await;
        };
        let replication = bucket.replication.as_ref();
        let rules = replication.map(|replication| replication.of(&version)).unwrap_or_default();
        let actor = match actors.get(&bucket.id) {
            Some(actor) => actor.clone(),
            None => {
                let actor = self.assume(&source, service).await?;
                actors.insert(bucket.id.clone(), actor.clone());
                actor
            }
        };
        let mut has_failed = rules.is_empty();
        for rule in rules {
            let done = match &actor {
                Some(actor) => self.send(&source, &version, rule, actor).await?,
                None => false,
            };
            has_failed |= !done;
        }
        self.settle(&own, bucket, if has_failed { Status::Failed } else { Status::Completed }).await
    }

    /// Assumes the role of a bucket's configuration, as S3.
    async fn assume(&self, source: &Open, service: Arc<Caller>) -> Result<Option<Arc<Caller>>> {
        let Some(replication) = &source.record.replication else { return Ok(None) };
        let wanted = sts::AssumeRoleInput {
            role_arn: replication.role.clone(),
            role_session_name: "s3-replication".to_owned(),
            duration_seconds: Some(SESSION_S),
            ..Default::default()
        };
        let region = source.record.region;
        let assumed = match self.world.call(sts::AssumeRole, service, region, wanted).await {
            Ok(assumed) => assumed,
            Err(error) if error.status >= 500 => return Err(error),
            Err(error) => {
                tracing::info!(%error, role = replication.role, "the role of a replication was not assumed");
                return Ok(None);
            }
        };
        let Some(key) = assumed.credentials.map(|credentials| credentials.access_key_id) else {
            return Ok(None);
        };
        let Some(found) = self.world.principals.credentials(&key).await? else { return Ok(None) };
        let ctx = self.ctx(found.caller.clone(), region)?;
        let reads = need(&ctx, source, "s3:GetReplicationConfiguration", None, Vec::new());
        Ok(ctx.ask(reads).decision.allowed.then(|| found.caller.clone()))
    }

    /// Takes a version to one destination; false where it may not or cannot go there.
    async fn send(&self, source: &Open, version: &Version, rule: &Rule, actor: &Arc<Caller>) -> Result<bool> {
        let Some(to) = self.bucket(rule.destination.name()).await? else { return Ok(false) };
        let is_his = rule.destination.account.is_none_or(|account| account == to.record.owner);
        let at_source = self.ctx(actor.clone(), source.record.region)?;
        let there = self.ctx(actor.clone(), to.record.region)?;
        let way = Way { source, version, rule, to, at_source, there };
        // AWS: what a bucket with object lock holds goes only where it can be held.
        let can_hold = way.to.record.lock.is_some() || source.record.lock.is_none();
        if !is_his || !can_hold || way.to.record.versioning != Versioning::Enabled || !way.is_allowed()? {
            return Ok(false);
        }
        let known = index::version(&way.there, &way.to.record, &version.key, version.shown_id()).await?;
        let body = match &version.content {
            // DIFFERS: AWS also copies what is encrypted with a customer's key.
            Some(content) if content.customer.is_some() => return Ok(false),
            Some(content) if known.is_none() && !self.task.is_change => self.body(content).await?,
            _ => Vec::new(),
        };
        let outcome = way.write(self.task, &body).await;
        if !matches!(outcome, Ok(Written::New)) {
            for received in body {
                received.abandon(&self.world.base).await;
            }
        }
        outcome.map(|written| written != Written::Not)
    }

    /// Receives a body a second time, piece after piece, so that each replica has its own.
    async fn body(&self, content: &Content) -> Result<Vec<Received>> {
        let (mut at, mut copies) = (0, Vec::new());
        for piece in &content.pieces {
            let range = at..at + piece.size_bytes;
            at = range.end;
            let stream = bodies::read(self.registry, content, range, None).await?;
            copies.push(bodies::receive(self.registry, stream, Expected::default()).await?);
        }
        Ok(copies)
    }

    async fn is_same(&self, tx: &Tx) -> Result<bool> {
        let bytes = tx.raw().get(&self.task.row()).await?;
        Ok(bytes.is_some_and(|bytes| *bytes == *self.task.to_bytes()))
    }

    async fn drop_task(&self, ctx: &Ctx) -> Result<()> {
        ctx.transact(|tx| async move {
            if self.is_same(&tx).await? {
                tx.raw().delete(self.task.row());
            }
            Ok(())
        })
        .await
    }

    /// Tells what became of the version. One that was changed meanwhile has another task, and keeps waiting.
    async fn settle(&self, ctx: &Ctx, bucket: &Bucket, status: Status) -> Result<()> {
        let task = self.task;
        let outcome = ctx
            .transact(|tx| async move {
                if !self.is_same(&tx).await? {
                    return Ok(());
                }
                tx.raw().delete(task.row());
                let bucket = present(&tx, &bucket.name, &bucket.id).await?;
                let found = index::version_in(&tx, &bucket, &task.key, &task.version_id).await?;
                if let Some(mut version) = found
                    && version.replication != Some(Status::Replica)
                {
                    version.replication = Some(status);
                    tx.raw().put(version.row(&bucket.id), version.to_bytes());
                }
                Ok(())
            })
            .await;
        match outcome {
            Err(error) if error.code == "NoSuchBucket" => self.drop_task(ctx).await,
            outcome => outcome,
        }
    }
}

/// What came of writing a replica.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    New,
    /// It was there, or nothing is left to be written.
    Done,
    Not,
}

impl Way<'_> {
    /// Whether the role may do it, on both sides.
    /// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html>
    fn is_allowed(&self) -> Result<bool> {
        let (key, version) = (self.version.key.as_str(), self.version);
        let from = |action| need_of(&self.at_source, self.source, Some(version), action, key, Vec::new());
        let to = |action| need(&self.there, &self.to, action, Some(key), Vec::new());
        if version.content.is_none() {
            return Ok(may(&self.there, to("s3:ReplicateDelete")));
        }
        let mut replicate = to("s3:ReplicateObject");
        replicate.keys.put("s3:x-amz-server-side-encryption", "AES256");
        let has_tags = !version.tags.is_empty();
        let hands_over = self.rule.destination.hands_over;
        // AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html#object-lock-managing-replication>
        let (is_retained, is_holding) = (version.lock.retention.is_some(), version.lock.legal_hold.is_some());
        Ok(may(&self.at_source, from("s3:GetObjectVersionForReplication")?)
            && may(&self.at_source, from("s3:GetObjectVersionAcl")?)
            && (!has_tags || may(&self.at_source, from("s3:GetObjectVersionTagging")?))
            && (!is_retained || may(&self.at_source, from("s3:GetObjectRetention")?))
            && (!is_holding || may(&self.at_source, from("s3:GetObjectLegalHold")?))
            && may(&self.there, replicate)
            && (!has_tags || may(&self.there, to("s3:ReplicateTags")))
            && (!hands_over || may(&self.there, to("s3:ObjectOwnerOverrideToBucketOwner"))))
    }

    async fn write(&self, task: &Task, body: &[Received]) -> Result<Written> {
        let to = &self.to.record;
        happenings::transact(&self.there, to, |tx| async move {
            let source = present(&tx, &self.source.record.name, &self.source.record.id).await?;
            let bucket = match present(&tx, &to.name, &to.id).await {
                Err(error) if error.code == "NoSuchBucket" => return Ok(Written::Not),
                found => found?,
            };
            let fresh = index::version_in(&tx, &source, &task.key, &task.version_id).await?;
            let Some(fresh) = fresh else { return Ok(Written::Done) };
            let known = index::version_in(&tx, &bucket, &task.key, &task.version_id).await?;
            // What never came there, or is there no more, has nothing that could be changed.
            if known.is_none() && task.is_change {
                return Ok(Written::Not);
            }
            let mut replica = self.replica(task, fresh, known.as_ref(), &source, &bucket, body);
            if known.is_none() {
                index::hold_new(&bucket, &mut replica, self.there.now());
            }
            let row = replica.row(&bucket.id);
            if bucket.versioning != Versioning::Enabled
                || (known.is_none() && tx.raw().get(&row).await?.is_some())
            {
                return Ok(Written::Not);
            }
            tx.raw().put(row, replica.to_bytes());
            if known.is_some() {
                return Ok(Written::Done);
            }
            body.iter().for_each(|received| received.keep(&tx));
            let what = if replica.content.is_some() { What::Put } else { What::DeleteMarkerCreated };
            happenings::note(&tx, &self.there, &bucket, what, &replica);
            Ok(Written::New)
        })
        .await
    }

    /// The list of a replica. AWS: it belongs to the owner of what it was made from, unless it is handed over or lists do not
    /// count. What is there stays whose it is: it follows the list of its source only where both have one owner.
    fn list(
        &self,
        of_source: Option<Acl>,
        known: Option<&Version>,
        source: &Bucket,
        bucket: &Bucket,
    ) -> Option<Acl> {
        let hands_over = self.rule.destination.hands_over || !bucket.ownership.has_lists();
        let Some(known) = known else {
            let is_foreign = source.owner != bucket.owner;
            let made = of_source.or_else(|| is_foreign.then(|| Acl::private(source.owner)));
            return made.filter(|_| !hands_over);
        };
        let owner = known.acl.as_ref().map_or(bucket.owner, |acl| acl.owner);
        of_source.filter(|acl| acl.owner == owner && !hands_over).or_else(|| known.acl.clone())
    }

    /// The replica of a version: with its id, its date and all that is said of it, but a body of its own.
    fn replica(
        &self,
        task: &Task,
        mut version: Version,
        known: Option<&Version>,
        source: &Bucket,
        bucket: &Bucket,
        body: &[Received],
    ) -> Version {
        let destination = &self.rule.destination;
        let known_content = known.and_then(|known| known.content.as_ref());
        if let Some(content) = &mut version.content {
            content.upload = None;
        }
        match (&mut version.content, known_content) {
            (Some(content), Some(known)) => {
                content.pieces.clone_from(&known.pieces);
                content.headers.storage_class.clone_from(&known.headers.storage_class);
            }
            (Some(content), None) => {
                content.pieces = body.iter().filter_map(Received::piece).collect();
                if let Some(class) = &destination.storage_class {
                    content.headers.storage_class = Some(class.clone()).filter(|class| class != "STANDARD");
                }
            }
            _ => {}
        }
        version.acl = self.list(version.acl, known, source, bucket);
        // What holds a replica is its own from the beginning on: it follows what is set later, and nothing shortens it.
        version.lock = match known {
            Some(known) if task.is_lock => known.lock.following(version.lock, self.there.now()),
            Some(known) => known.lock,
            None if bucket.lock.is_some() => version.lock,
            None => Lock::default(),
        };
        version.restore = known.and_then(|known| known.restore);
        version.replication = known.map_or(Some(Status::Replica), |known| known.replication);
        version
    }
}

fn may(ctx: &Ctx, need: Need) -> bool {
    ctx.ask(need).decision.allowed
}
