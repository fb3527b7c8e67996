//! The bucket of a flow log: whether the service that delivers logs may write there, and the policy that lets it.
//!
//! Invariant: nothing is written but by that service's own permission, which the bucket's policy gives.
//! Source: <https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-permissions.html>

use super::FlowLog;
use crate::error;
use crate::nouns::Home;
use serde_json::{Value, json};
use std::sync::Arc;
use yakumo_api_ec2::{DestinationOptionsRequest, UnsuccessfulItemError};
use yakumo_api_s3 as s3;
use yakumo_aws::{Error, Result};
use yakumo_policy::{Attached, Document, PolicyKind};
use yakumo_room::{Caller, Ctx, Facts, Need};

/// What AWS calls files of lines.
pub(crate) const PLAIN: &str = "plain-text";
/// The service that writes logs into buckets.
const DELIVERY: &str = "delivery.logs.amazonaws.com";
/// The ACL that it writes with.
pub(super) const OWNERS: &str = "bucket-owner-full-control";
/// A folder's name that AWS keeps for itself.
const RESERVED: &str = "AWSLogs";

/// Reads `arn:aws:s3:::bucket/folder/`: the bucket and the folder.
pub(super) fn parse(text: Option<&str>) -> Result<(String, String)> {
    let text = text.ok_or_else(|| error::missing_parameter("LogDestination"))?;
    let path = text.split_once(":s3:::").filter(|(partition, _)| partition.starts_with("arn:"));
    let path = path.map(|(_, path)| path).filter(|path| !path.is_empty());
    let invalid = || error::invalid_value(text, "LogDestination", "It is not the ARN of a bucket.");
    let (bucket, folder) = path.map(|path| path.split_once('/').unwrap_or((path, ""))).ok_or_else(invalid)?;
    let folder = folder.trim_matches('/');
    if bucket.is_empty() || folder.split('/').any(|part| part == RESERVED) {
        return Err(invalid());
    }
    Ok((bucket.to_owned(), folder.to_owned()))
}

/// Checks how the files are to be.
pub(super) fn layout(options: Option<&DestinationOptionsRequest>) -> Result<Option<super::Layout>> {
    let Some(options) = options else { return Ok(None) };
    if options.file_format.as_deref().is_some_and(|format| format != PLAIN) {
        return Err(error::not_implemented("flow logs as Parquet files"));
    }
    let layout = super::Layout {
        hive: options.hive_compatible_partitions.unwrap_or_default(),
        hourly: options.per_hour_partition.unwrap_or_default(),
    };
    Ok(Some(layout))
}

/// The caller that delivers: its source is the account's logs in the region.
pub(super) fn deliverer(home: Home) -> Arc<Caller> {
    Arc::new(Caller::service(DELIVERY, &source(home), home.account))
}

fn source(home: Home) -> String {
    let partition = home.region.partition().as_str();
    format!("arn:{partition}:logs:{}:{}:*", home.region, home.account)
}

/// Whether logs can be delivered. Where the bucket's policy does not let the service in, it is made so, with the
/// permissions of who asks.
/// AWS: "If the user creating the flow log owns the bucket and has PutBucketPolicy and GetBucketPolicy permissions for the
/// bucket, we automatically attach the following policy to the bucket."
pub(super) async fn open(ctx: &Ctx, log: &FlowLog) -> Result<Option<UnsuccessfulItemError>> {
    let item =
        |text: String| Some(UnsuccessfulItemError { code: Some("400".to_owned()), message: Some(text) });
    let looks = match may_look(ctx, log).await {
        Ok(()) => true,
        Err(error) if error.code == "NoSuchBucket" => {
            return Ok(item(format!("LogDestination: {} does not exist", log.bucket)));
        }
        Err(error) if error.status >= 500 => return Err(error),
        Err(_) => false,
    };
    match let_in(ctx, log, looks).await {
        Ok(()) => Ok(None),
        Err(error) if error.status >= 500 => Err(error),
        Err(_) => Ok(item(format!(
            "Access Denied for LogDestination: {}. Please check LogDestination permission",
            log.bucket
        ))),
    }
}

/// AWS: the service looks at the bucket's ACL before it delivers.
async fn may_look(ctx: &Ctx, log: &FlowLog) -> Result<()> {
    let input = s3::GetBucketAclInput { bucket: log.bucket.clone(), ..Default::default() };
    ctx.call(s3::GetBucketAcl, deliverer(log.home), input).await.map(drop)
}

/// Adds to the bucket's policy what the service lacks. Who may not read that policy relies on what is in it.
async fn let_in(ctx: &Ctx, log: &FlowLog, looks: bool) -> Result<()> {
    let input = s3::GetBucketPolicyInput { bucket: log.bucket.clone(), ..Default::default() };
    let before = match ctx.call(s3::GetBucketPolicy, ctx.caller().clone(), input).await {
        Ok(output) => output.policy,
        Err(error) if error.code == "NoSuchBucketPolicy" => None,
        Err(error) if error.status < 500 && looks => {
            tracing::debug!(%error, log = log.id, "the bucket's policy cannot be read by who made the flow log");
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let writes = before.as_deref().is_some_and(|policy| may_write(ctx, log, policy));
    if looks && writes {
        return Ok(());
    }
    let policy = with_delivery(before.as_deref(), log, looks, writes)?;
    let input = s3::PutBucketPolicyInput { bucket: log.bucket.clone(), policy, ..Default::default() };
    ctx.call(s3::PutBucketPolicy, ctx.caller().clone(), input).await?;
    may_look(ctx, log).await
}

/// Whether a bucket's policy lets the service write the files.
fn may_write(ctx: &Ctx, log: &FlowLog, policy: &str) -> bool {
    let kind = PolicyKind::Resource { service: "s3" };
    let Ok(document) = Document::parse(policy, kind) else { return false };
    let Some(visit) = ctx.world().enter() else { return false };
    let facts = Facts::internal(ctx.facts().request_id.clone());
    let asking = Ctx::question(visit, "s3", deliverer(log.home), log.home.region, facts);
    let document = Arc::new(document);
    let policy = Attached { id: log.bucket.clone(), holder: bucket_arn(log), document };
    let mut need = Need::new("s3:PutObject", format!("{}/file.log.gz", folder_arn(log)), log.home.account);
    need.policy = Some(Arc::new(policy));
    need.keys.put("s3:x-amz-acl", OWNERS);
    asking.ask(need).decision.allowed
}

fn bucket_arn(log: &FlowLog) -> String {
    format!("arn:{}:s3:::{}", log.home.region.partition().as_str(), log.bucket)
}

/// Below which all files are.
fn folder_arn(log: &FlowLog) -> String {
    let folder = if log.folder.is_empty() { String::new() } else { format!("{}/", log.folder) };
    let hive = if log.layout.is_some_and(|layout| layout.hive) { "aws-account-id=" } else { "" };
    format!("{}/{folder}{RESERVED}/{hive}{}", bucket_arn(log), log.home.account)
}

/// A bucket's policy with the statements that let the service in, as far as it lacks them.
fn with_delivery(before: Option<&str>, log: &FlowLog, looks: bool, writes: bool) -> Result<String> {
    let fresh = || json!({ "Version": "2012-10-17", "Id": "AWSLogDeliveryWrite20150319", "Statement": [] });
    let mut policy: Value = match before {
        Some(text) => serde_json::from_str(text).map_err(Error::internal)?,
        None => fresh(),
    };
    let Some(fields) = policy.as_object_mut() else {
        return Err(error::invalid_parameter_value("The bucket policy is none"));
    };
    let mut statements = match fields.remove("Statement") {
        Some(Value::Array(all)) => all,
        Some(one) => vec![one],
        None => Vec::new(),
    };
    // Names of statements are unique in a policy.
    let names: Vec<String> =
        statements.iter().filter_map(|one| Some(one.get("Sid")?.as_str()?.to_owned())).collect();
    let name = |name: &str| {
        let others = (1..).map(|number| format!("{name}{number}"));
        std::iter::once(name.to_owned()).chain(others).find(|name| !names.contains(name))
    };
    let of = |more: Value| {
        let mut equals = json!({ "aws:SourceAccount": log.home.account.to_string() });
        if let (Some(equals), Value::Object(more)) = (equals.as_object_mut(), more) {
            equals.extend(more);
        }
        json!({ "StringEquals": equals, "ArnLike": { "aws:SourceArn": source(log.home) } })
    };
    if !writes {
        statements.push(json!({
            "Sid": name("AWSLogDeliveryWrite"),
            "Effect": "Allow",
            "Principal": { "Service": DELIVERY },
            "Action": "s3:PutObject",
            "Resource": format!("{}/*", folder_arn(log)),
            "Condition": of(json!({ "s3:x-amz-acl": OWNERS })),
        }));
    }
    if !looks {
        statements.push(json!({
            "Sid": name("AWSLogDeliveryAclCheck"),
            "Effect": "Allow",
            "Principal": { "Service": DELIVERY },
            "Action": "s3:GetBucketAcl",
            "Resource": bucket_arn(log),
            "Condition": of(json!({})),
        }));
    }
    fields.insert("Statement".to_owned(), Value::Array(statements));
    Ok(policy.to_string())
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn destinations_are_buckets_and_folders() {
        let read = |text| parse(Some(text)).ok();
        let pair = |bucket: &str, folder: &str| Some((bucket.to_owned(), folder.to_owned()));
        assert_eq!(read("arn:aws:s3:::logs"), pair("logs", ""));
        assert_eq!(read("arn:aws:s3:::logs/a/b/"), pair("logs", "a/b"));
        for text in [
            "",
            "logs",
            "arn:aws:s3:::",
            "arn:aws:s3:::/a",
            "arn:aws:logs:us-east-1:0:log-group:a",
            "arn:aws:s3:::logs/AWSLogs/",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(parse(None).expect_err("nothing").code, "MissingParameter");
    }
}
