//! Lines on their way into files: kept until their five minutes are over, then written into the bucket.
//!
//! Invariant: lines go after the object that holds them is there; after a crash some may be delivered twice. What the
//! bucket refuses is lost, and the flow log says so.
//! Source: <https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-path.html>

use super::destination::{OWNERS, deliverer};
use super::fields::Format;
use super::{FlowLog, Layout};
use crate::nouns::{self, ALL};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use yakumo_api_s3 as s3;
use yakumo_aws::{Error, Result, Timestamp};
use yakumo_checksum::gzip;
use yakumo_room::store::{Batch, Range};
use yakumo_room::{ByteStream, Caller, Ctx, Facts, Record, World};

/// How much time a file tells of, in seconds.
const PERIOD_S: i64 = 300;
/// How many lines are kept in one record.
const LINES_MAX: usize = 2000;
/// How many records of lines are read at a time.
const PAGE: usize = 500;

/// Lines of one interval.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Lines {
    /// The flow log.
    pub log: String,
    /// Where they stand among the others: the end of their interval, and a number.
    pub place: String,
    /// When their interval ended, in seconds.
    pub end: i64,
    /// The lines.
    pub text: String,
}

impl Record for Lines {
    const TABLE: &'static str = "flow-log-lines";
}

/// Keeps the lines of an interval.
pub(super) async fn keep(world: &World, log: &FlowLog, end: i64, lines: &[String]) -> Result<()> {
    let mut batch = Batch::new();
    for (number, part) in lines.chunks(LINES_MAX).enumerate() {
        let place = format!("{end:020}-{number:06}");
        let key = log.home.scope().record_key(Lines::TABLE, &[&log.id, &place]);
        let lines = Lines { log: log.id.clone(), place, end, text: part.concat() };
        batch.put(key, lines.to_bytes());
    }
    world.base.store.commit(batch).await?;
    Ok(())
}

/// Writes the files of a flow log whose time is over.
pub(super) async fn deliver(world: &Arc<World>, log: &FlowLog, now: i64) -> Result<()> {
    loop {
        let range = Range::prefix(log.home.scope().record_key(Lines::TABLE, &[&log.id]));
        let rows = world.base.store.scan(range, PAGE).await?;
        let all = rows.iter().map(|(_, bytes)| Lines::from_bytes(bytes).map_err(Error::internal));
        let all: Vec<Lines> = all.collect::<Result<_>>()?;
        let period = |lines: &Lines| lines.end.div_euclid(PERIOD_S);
        let Some(first) = all.first().map(period).filter(|period| (period + 1) * PERIOD_S <= now) else {
            return Ok(());
        };
        let mut text = Format::parse(&log.format)?.header();
        let mut batch = Batch::new();
        for ((key, _), lines) in rows.iter().zip(&all).filter(|(_, lines)| period(lines) == first) {
            text.push_str(&lines.text);
            batch.delete(key.clone());
        }
        let failure = match put(world, log, first * PERIOD_S, text).await {
            Ok(()) => None,
            Err(error) if error.status >= 500 => return Err(error),
            Err(error) => {
                tracing::warn!(%error, log = log.id, bucket = log.bucket, "a bucket refused a flow log");
                Some("Access error".to_owned())
            }
        };
        world.base.store.commit(batch).await?;
        tell(world, log, failure).await?;
    }
}

async fn put(world: &Arc<World>, log: &FlowLog, period: i64, text: String) -> Result<()> {
    let key = key(log, Timestamp::from_secs(period), &world.base.ids.hex(8));
    let input = s3::PutObjectInput {
        bucket: log.bucket.clone(),
        key,
        acl: Some(OWNERS.to_owned()),
        body: ByteStream::from_bytes(gzip(text.as_bytes()).into()),
        content_type: Some("application/octet-stream".to_owned()),
        ..Default::default()
    };
    world.call(s3::PutObject, deliverer(log.home), log.home.region, input).await.map(drop)
}

/// Says in the flow log whether its last file was delivered.
async fn tell(world: &Arc<World>, log: &FlowLog, failure: Option<String>) -> Result<()> {
    if log.failure == failure {
        return Ok(());
    }
    let Some(visit) = world.enter() else { return Ok(()) };
    let caller =
        Caller::service("ec2.amazonaws.com", &log.home.arn("vpc-flow-log", &log.id), log.home.account);
    let facts = Facts::internal(world.base.ids.uuid());
    let ctx = Ctx::question(visit, "ec2", Arc::new(caller), log.home.region, facts);
    ctx.transact(|tx| {
        let failure = failure.clone();
        async move {
            let all: Vec<FlowLog> = tx.list(&log.home.scope(), &[&log.id], None, ALL).await?;
            if let Some(before) = all.into_iter().find(|known| known.id == log.id) {
                nouns::put(&tx, Some(&before), &FlowLog { failure, ..before.clone() });
            }
            Ok(())
        }
    })
    .await
}

/// `folder/AWSLogs/ACCOUNT/vpcflowlogs/REGION/2018/06/20/ACCOUNT_vpcflowlogs_REGION_fl-1_20180620T1620Z_fe123456.log.gz`.
fn key(log: &FlowLog, period: Timestamp, unique: &str) -> String {
    let (account, region) = (log.home.account, log.home.region);
    let Layout { hive, hourly } = log.layout.unwrap_or_default();
    // `2018-06-20T16:20:00Z`
    let text = period.to_date_time();
    let (date, time) = text.split_once('T').unwrap_or((&text, ""));
    let parts: Vec<&str> = date.split('-').chain(time.split(':')).collect();
    let part = |at: usize| parts.get(at).copied().unwrap_or_default();
    let (year, month, day, hour, minute) = (part(0), part(1), part(2), part(3), part(4));
    let mut folders = vec![log.folder.clone(), "AWSLogs".to_owned()];
    let mut add =
        |name: &str, value: String| folders.push(if hive { format!("{name}={value}") } else { value });
    add("aws-account-id", account.to_string());
    add("aws-service", "vpcflowlogs".to_owned());
    add("aws-region", region.to_string());
    add("year", year.to_owned());
    add("month", month.to_owned());
    add("day", day.to_owned());
    if hourly {
        add("hour", hour.to_owned());
    }
    folders.retain(|folder| !folder.is_empty());
    let stamp = format!("{year}{month}{day}T{hour}{minute}Z");
    format!("{}/{account}_vpcflowlogs_{region}_{}_{stamp}_{unique}.log.gz", folders.join("/"), log.id)
}

#[cfg(test)]
mod tests {
    use super::key;
    use crate::flow_logs::{FlowLog, Layout};
    use crate::nouns::Home;
    use yakumo_aws::{AccountId, Region, Timestamp};

    #[test]
    fn files_are_named_as_aws_names_them() {
        let mut log = FlowLog {
            id: "fl-1".into(),
            home: Home { account: AccountId::DEFAULT, region: Region::US_EAST_1 },
            resource: "vpc-1".into(),
            traffic: "ALL".into(),
            bucket: "logs".into(),
            folder: "a/b".into(),
            destination: "arn:aws:s3:::logs/a/b".into(),
            format: super::super::fields::DEFAULT.into(),
            interval_s: 60,
            layout: None,
            created: Timestamp::from_millis(0),
            failure: None,
            token: None,
            tags: Default::default(),
        };
        // 2018-06-20T16:20:00Z
        let at = Timestamp::from_secs(1_529_511_600);
        let file = "000000000000_vpcflowlogs_us-east-1_fl-1_20180620T1620Z_fe123456.log.gz";
        assert_eq!(
            key(&log, at, "fe123456"),
            format!("a/b/AWSLogs/000000000000/vpcflowlogs/us-east-1/2018/06/20/{file}")
        );
        log.folder.clear();
        log.layout = Some(Layout { hive: true, hourly: true });
        let folders = "AWSLogs/aws-account-id=000000000000/aws-service=vpcflowlogs/aws-region=us-east-1/year=2018/month=06/day=20/hour=16";
        assert_eq!(key(&log, at, "fe123456"), format!("{folders}/{file}"));
    }
}
