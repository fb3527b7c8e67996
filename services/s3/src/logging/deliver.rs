//! Lines on their way to the target bucket: in batches, a minute of the cloud's clock after the first of them.
//!
//! Invariant: lines go in the commit behind the object that holds them; after a crash some may be delivered twice. What
//! the target bucket refuses is lost, as at AWS.

use crate::error;
use crate::logging::SERVICE;
use crate::logging::hear::Logged;
use crate::registry::Registry;
use crate::state::Bucket;
use crate::state::logging::{Line, Logging, Naming};
use std::sync::Arc;
use std::time::Duration;
use yakumo_api_s3 as api;
use yakumo_aws::{Error, Result, Timestamp};
use yakumo_room::store::{Batch, Pair, Range};
use yakumo_room::{ByteStream, Caller, Reconciler, Record, Resource, World};

/// The name of the reconciler.
pub const NAME: &str = "s3.access-logs";

/// How old the first line of a batch may be, in milliseconds of cloud time.
const WAIT_MS: i64 = 60_000;
/// How many lines an object has at most. As many do not wait.
const LINES_MAX: usize = 1000;

/// Delivers the lines of all buckets.
pub fn reconciler(registry: Arc<Registry>) -> Reconciler {
    Reconciler::new(NAME, Duration::from_secs(1), move |world| run(world, registry.clone()))
}

async fn run(world: Arc<World>, registry: Arc<Registry>) -> Result<()> {
    registry.logs.read(&world.base).await?;
    for (name, logged) in registry.logs.all() {
        while !world.base.is_stopping() && deliver(&world, &registry, &name, &logged).await? {}
    }
    Ok(())
}

/// Delivers one batch of a bucket's lines; whether there may be another one.
async fn deliver(world: &Arc<World>, registry: &Registry, name: &str, logged: &Logged) -> Result<bool> {
    let rows = world.base.store.scan(Range::prefix(Line::rows_of(&logged.id)), LINES_MAX).await?;
    let lines = rows.iter().map(|(_, bytes)| Line::from_bytes(bytes));
    let lines = lines.collect::<Result<Vec<_>, _>>().map_err(Error::internal)?;
    let Some(first) = lines.iter().map(|line| line.at).min() else { return Ok(false) };
    let now = world.base.clock.now();
    if first.plus_millis(WAIT_MS) > now && lines.len() < LINES_MAX {
        return Ok(false);
    }
    let source = match registry.bucket(name).await {
        Ok(open) => open,
        Err(error) if error.code == "NoSuchBucket" => {
            forget(world, &rows, |_| true).await?;
            return Ok(false);
        }
        Err(error) => return Err(error),
    };
    let Some(logging) = &source.record.logging else { return Ok(false) };
    // An object that is named by the day of what it tells has lines of one day.
    let day = first.as_secs().div_euclid(86_400);
    let is_in =
        |line: &Line| logging.naming != Naming::ByEvent || line.at.as_secs().div_euclid(86_400) == day;
    let text: String =
        lines.iter().filter(|line| is_in(line)).map(|line| format!("{}\n", line.text)).collect();
    let key = key(&source.record, logging, first, now, &world.base.ids.hex(16).to_ascii_uppercase());
    let delivered = match may_have_logs(registry, &source.record, logging).await {
        Ok(true) => put(world, &source.record, logging, key, text).await,
        Ok(false) => {
            Err(error::denied("The target bucket belongs to another account, or has a default retention"))
        }
        Err(error) => Err(error),
    };
    match delivered {
        Err(error) if error.status >= 500 => return Err(error),
        Err(error) => {
            let target = &logging.target;
            tracing::warn!(%error, bucket = name, target, "a target bucket refused an access log");
        }
        Ok(()) => {}
    }
    forget(world, &rows, is_in).await?;
    Ok(true)
}

async fn forget(world: &World, rows: &[Pair], goes: impl Fn(&Line) -> bool) -> Result<()> {
    let mut batch = Batch::new();
    for (key, bytes) in rows {
        if goes(&Line::from_bytes(bytes).map_err(Error::internal)?) {
            batch.delete(key.clone());
        }
    }
    world.base.store.commit(batch).await?;
    Ok(())
}

/// Whether the target is still a bucket of the same account that may have logs: the name may have become somebody else's
/// since it was set, or the bucket holds what comes into it.
///
/// AWS: "the source and destination buckets must be in the same AWS Region and owned by the same account":
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html>
async fn may_have_logs(registry: &Registry, source: &Bucket, logging: &Logging) -> Result<bool> {
    let target = registry.bucket(&logging.target).await?;
    let holds = target.record.lock.is_some_and(|lock| lock.default.is_some());
    Ok(target.record.owner == source.owner && target.record.region == source.region && !holds)
}

async fn put(
    world: &Arc<World>,
    source: &Bucket,
    logging: &Logging,
    key: String,
    text: String,
) -> Result<()> {
    let caller = Arc::new(Caller::service(SERVICE, &source.arn(), source.owner));
    let input = api::PutObjectInput {
        bucket: logging.target.clone(),
        key,
        body: ByteStream::from_bytes(text.into()),
        content_type: Some("text/plain".to_owned()),
        ..Default::default()
    };
    world.call(api::PutObject, caller, source.region, input).await.map(drop)
}

/// The longest key that an object of this log can have.
pub fn longest_key(source: &Bucket, logging: &Logging) -> String {
    let then = Timestamp::from_secs(0);
    key(source, logging, then, then, "0123456789ABCDEF")
}

/// `[prefix]2019-02-06-00-00-38-[unique]`, under account, region, bucket and day when the log is partitioned.
fn key(source: &Bucket, logging: &Logging, first: Timestamp, now: Timestamp, unique: &str) -> String {
    let (at, is_day) = match logging.naming {
        Naming::ByEvent => (first, true),
        _ => (now, false),
    };
    // `2019-02-06T00:00:38Z`
    let date_time = at.to_date_time();
    let (date, time) = date_time.split_once('T').unwrap_or((&date_time, ""));
    let time = time.trim_end_matches('Z').replace(':', "-");
    // AWS: "hour, minutes and seconds are set to 00 in the key" when the day is that of the event.
    let time = if is_day { "00-00-00" } else { &time };
    let prefix = &logging.prefix;
    match logging.naming {
        Naming::Unset | Naming::Simple => format!("{prefix}{date}-{time}-{unique}"),
        Naming::ByEvent | Naming::ByDelivery => {
            let place = format!("{}/{}/{}", source.owner, source.region, source.name);
            format!("{prefix}{place}/{}/{date}-{time}-{unique}", date.replace('-', "/"))
        }
    }
}
