//! Access control lists and ownership: their operations, and what they allow.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html>
//!
//! Invariant: a list is one more resource policy. It never outweighs a Deny, and counts only where the bucket lets it.

pub mod given;
pub mod operations;

use crate::access::{Keys, need};
use crate::acls::given::Headers;
use crate::error;
use crate::registry::Open;
use crate::state::{Acl, Bucket, BucketPolicy, Grantee, Ownership, Version};
use serde_json::{Value, json};
use std::sync::Arc;
use yakumo_aws::{AccountId, Error, Result};
use yakumo_policy::{Attached, Document, PolicyKind};
use yakumo_room::{Ctx, Need, Resource};

/// The statements by which a list allows what it grants to others than the owner.
fn statements(acl: &Acl, bucket: &Bucket, key: Option<&str>) -> Vec<Value> {
    let ignores_public = bucket.blocks().ignore_acls;
    let grants = acl.grants.iter().filter_map(|grant| {
        let (principal, condition) = match grant.grantee {
            Grantee::Account(account) if account == acl.owner => return None,
            Grantee::Account(account) => {
                let root = format!("arn:{}:iam::{account}:root", bucket.region.partition().as_str());
                (json!({"AWS": root}), None)
            }
            Grantee::AllUsers | Grantee::AuthenticatedUsers if ignores_public => return None,
            Grantee::AllUsers => (json!("*"), None),
            Grantee::AuthenticatedUsers => {
                // An account has twelve digits; nobody has none.
                (json!("*"), Some(json!({"StringLike": {"aws:PrincipalAccount": "????????????"}})))
            }
            Grantee::LogDelivery => (json!({"Service": "logging.s3.amazonaws.com"}), None),
        };
        let actions = grant.permission.actions(key.is_some());
        if actions.is_empty() {
            return None;
        }
        let arn = bucket.arn();
        let resources = match key {
            // In a pattern of a policy these characters have meanings that they do not have in a key.
            Some(key) => {
                let key = key.replace('$', "${$}").replace('*', "${*}").replace('?', "${?}");
                vec![format!("{arn}/{key}")]
            }
            None => vec![arn.clone(), format!("{arn}/*")],
        };
        let mut statement =
            json!({"Effect": "Allow", "Principal": principal, "Action": actions, "Resource": resources});
        if let (Some(condition), Some(object)) = (condition, statement.as_object_mut()) {
            object.insert("Condition".to_owned(), condition);
        }
        Some(statement)
    });
    grants.collect()
}

/// The statements of a bucket policy; of one that does not reach an object, because it is somebody else's, those that
/// deny.
pub fn of_policy(policy: &BucketPolicy, denies_only: bool) -> Vec<Value> {
    let Ok(mut value) = serde_json::from_str::<Value>(&policy.text) else { return Vec::new() };
    let list = match value.get_mut("Statement").map(Value::take) {
        Some(Value::Array(list)) => list,
        Some(one) => vec![one],
        None => Vec::new(),
    };
    let keeps =
        |statement: &Value| !denies_only || statement.get("Effect").and_then(Value::as_str) == Some("Deny");
    list.into_iter().filter(keeps).collect()
}

fn compiled(bucket: &Bucket, id: &str, statements: Vec<Value>) -> Result<Option<Arc<Attached>>> {
    if statements.is_empty() {
        return Ok(None);
    }
    let text = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    let mut document =
        Document::parse(&text, PolicyKind::Resource { service: "s3" }).map_err(Error::internal)?;
    if let Some(policy) = &bucket.policy {
        policy.pins.hold(&mut document);
    }
    Ok(Some(Arc::new(Attached { id: id.to_owned(), holder: bucket.arn(), document: Arc::new(document) })))
}

/// What a bucket's own list allows: for whom the policy's grants do not count, and together with the whole bucket policy.
/// What the policy denies is in both. Nothing when the list grants nothing to others.
pub fn of_bucket(bucket: &Bucket) -> Result<Option<(Arc<Attached>, Arc<Attached>)>> {
    let acl = bucket.acl.as_ref().filter(|_| bucket.ownership.has_lists());
    let own = acl.map(|acl| statements(acl, bucket, None)).unwrap_or_default();
    if own.is_empty() {
        return Ok(None);
    }
    let with = |denies_only| {
        let policy = bucket.policy.as_ref().map(|policy| of_policy(policy, denies_only));
        [policy.unwrap_or_default(), own.clone()].concat()
    };
    let (alone, both) = (
        compiled(bucket, "bucket ACL", with(true))?,
        compiled(bucket, "bucket policy and ACL", with(false))?,
    );
    Ok(alone.zip(both))
}

/// An action on an object that is there: its own list has a say, and it may be somebody else's than the bucket's owner.
pub fn need_of(
    ctx: &Ctx,
    open: &Open,
    version: Option<&Version>,
    action: &'static str,
    key: &str,
    keys: Keys,
) -> Result<Need> {
    let mut need = need(ctx, open, action, Some(key), keys);
    let bucket = &open.record;
    let acl = version.and_then(|version| version.acl.as_ref()).filter(|_| bucket.ownership.has_lists());
    let Some(acl) = acl else { return Ok(need) };
    let is_foreign = acl.owner != bucket.owner;
    let shut_out = crate::access::is_shut_out(ctx, open);
    let mut all =
        bucket.policy.as_ref().map(|policy| of_policy(policy, is_foreign || shut_out)).unwrap_or_default();
    all.extend(statements(acl, bucket, Some(key)));
    need.owner = acl.owner;
    need.policy = compiled(bucket, "bucket policy and object ACL", all)?;
    Ok(need)
}

/// What a request that writes an object asks for beside `s3:PutObject`, when it gives the object a list. Who may write by
/// the bucket's own list may give what is written a list too: it will be the writer's.
pub fn needs_list(ctx: &Ctx, open: &Open, headers: &Headers, key: &str) -> Result<Option<Need>> {
    let bucket = &open.record;
    if !headers.is_given() || !bucket.ownership.has_lists() {
        return Ok(None);
    }
    let mut need = need(ctx, open, "s3:PutObjectAcl", Some(key), headers.keys());
    if let Some(acl) = bucket.acl.as_ref().filter(|_| open.acl.is_some()) {
        let shut_out = crate::access::is_shut_out(ctx, open);
        let policy = bucket.policy.as_ref().map(|policy| of_policy(policy, shut_out));
        let mut all = policy.unwrap_or_default();
        let own = json!(statements(acl, bucket, None)).to_string();
        let own = own.replace("\"s3:PutObject\"", "\"s3:PutObject\",\"s3:PutObjectAcl\"");
        all.extend(serde_json::from_str::<Vec<Value>>(&own).map_err(Error::internal)?);
        need.policy = compiled(bucket, "bucket policy and ACL", all)?;
    }
    Ok(Some(need))
}

/// The list of a new object, and whose it is; `None` where that is the bucket's owner alone.
pub fn of_new(ctx: &Ctx, bucket: &Bucket, headers: &Headers) -> Result<Option<Acl>> {
    if !bucket.ownership.has_lists() {
        return Ok(None);
    }
    // DIFFERS: what nobody in particular writes belongs to the bucket's owner; AWS has an account for nobody.
    let writer = ctx.caller().principal.account.unwrap_or(bucket.owner);
    let hands_over = headers.canned.as_deref() == Some("bucket-owner-full-control")
        && bucket.ownership == Ownership::BucketOwnerPreferred;
    let owner = if hands_over { bucket.owner } else { writer };
    let acl = headers.read(owner, Some(bucket.owner))?.unwrap_or_else(|| Acl::private(owner));
    check_public(ctx, bucket, &acl, "s3:PutObject")?;
    Ok((acl != Acl::private(bucket.owner)).then_some(acl))
}

/// AWS: BlockPublicAcls refuses lists that grant something to everybody:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html>
pub fn check_public(ctx: &Ctx, bucket: &Bucket, acl: &Acl, action: &str) -> Result<()> {
    if !acl.is_public() || !bucket.blocks().block_acls {
        return Ok(());
    }
    let (who, arn) = (&ctx.caller().principal.arn, bucket.arn());
    let text = format!(
        "User: {who} is not authorized to perform: {action} on resource: \"{arn}\" because public ACLs are prevented \
         by the BlockPublicAcls setting in S3 Block Public Access."
    );
    Err(Error::sender("AccessDenied", text).with_status(403))
}

/// What a bucket without lists answers to whoever sets one.
pub fn not_supported() -> Error {
    Error::sender("AccessControlListNotSupported", "The bucket does not allow ACLs")
}

/// What a bucket whose owner is enforced cannot have.
pub fn not_with_enforced() -> Error {
    let text = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting";
    Error::sender("InvalidBucketAclWithObjectOwnership", text)
}

/// Reads an ownership setting.
pub fn ownership(name: &str) -> Result<Ownership> {
    match name {
        "BucketOwnerEnforced" => Ok(Ownership::BucketOwnerEnforced),
        "BucketOwnerPreferred" => Ok(Ownership::BucketOwnerPreferred),
        "ObjectWriter" => Ok(Ownership::ObjectWriter),
        _ => Err(error::malformed_xml()),
    }
}

/// The list of a new bucket.
pub fn of_new_bucket(headers: &Headers, owner: AccountId, ownership: Ownership) -> Result<Option<Acl>> {
    let acl = headers.read(owner, None)?.filter(|acl| *acl != Acl::private(owner));
    match &acl {
        Some(_) if !ownership.has_lists() => Err(not_with_enforced()),
        Some(acl) if acl.is_public() => {
            let text = "Bucket cannot have public ACLs set with BlockPublicAccess enabled";
            Err(Error::sender("InvalidBucketAclWithBlockPublicAccessError", text))
        }
        _ => Ok(acl),
    }
}
