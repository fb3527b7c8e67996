//! Replication configurations as requests give them and as answers show them.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketReplication.html>
//!
//! Invariant: nothing is accepted that would not act.

use crate::error;
use crate::registry::Registry;
use crate::replication::role_account;
use crate::state::replication::{Destination, Filter, Replication, Rule};
use crate::state::{Bucket, Versioning};
use std::collections::{BTreeMap, BTreeSet};
use yakumo_api_s3 as api;
use yakumo_aws::{AccountId, Error, Result};
use yakumo_room::{Ctx, Resource};

const RULES_MAX: usize = 1_000;
const ID_CHARS_MAX: usize = 255;

fn invalid(text: impl Into<String>) -> Error {
    Error::sender("InvalidRequest", text)
}

/// AWS: what a rule in the second form must have.
fn missing(what: &str) -> Error {
    invalid(format!(
        "{what} must be specified for this version of Cross Region Replication configuration schema. Please refer to S3 \
         Developer Guide for more information."
    ))
}

/// A bucket whose versions are not kept has nothing to replicate.
pub fn check_versioning(bucket: &Bucket) -> Result<()> {
    match bucket.versioning {
        Versioning::Enabled => Ok(()),
        _ => Err(invalid("Versioning must be 'Enabled' on the bucket to apply a replication configuration")),
    }
}

/// Reads and checks a configuration of `bucket`.
pub async fn read(ctx: &Ctx, bucket: &Bucket, given: api::ReplicationConfiguration) -> Result<Replication> {
    let is_own = role_account(&given.role) == Some(bucket.owner);
    if !is_own || ctx.world().principals.caller(&given.role).await?.is_none() {
        return Err(error::argument("Invalid Role ARN", "Role", &given.role));
    }
    if given.rules.is_empty() || given.rules.len() > RULES_MAX {
        return Err(error::malformed_xml());
    }
    check_versioning(bucket)?;
    let mut rules = Vec::with_capacity(given.rules.len());
    for one in given.rules {
        rules.push(rule(ctx, one)?);
    }
    check_together(&rules)?;
    for rule in &rules {
        check_destination(ctx, bucket, &rule.destination).await?;
    }
    Ok(Replication { role: given.role, rules })
}

fn check_together(rules: &[Rule]) -> Result<()> {
    let is_second = |rule: &Rule| rule.filter.is_some();
    if rules.iter().any(is_second) != rules.iter().all(is_second) {
        return Err(invalid("Replication rules must all be of one version of the configuration schema."));
    }
    let mut ids = BTreeSet::new();
    if let Some(rule) = rules.iter().find(|rule| !ids.insert(&rule.id)) {
        return Err(error::argument(
            "Rule Id must be unique. Found same Id for more than one rule",
            "ID",
            &rule.id,
        ));
    }
    let mut priorities = BTreeSet::new();
    if let Some(priority) = rules.iter().filter_map(|rule| rule.priority).find(|one| !priorities.insert(*one))
    {
        return Err(invalid(format!("Found duplicate priorities {priority} in the replication rules.")));
    }
    // AWS: the rules of the first form are told apart by their prefixes alone.
    let first = || rules.iter().filter(|rule| rule.filter.is_none() && rule.enabled);
    let prefix = |rule: &Rule| rule.prefix.clone().unwrap_or_default();
    for (at, one) in first().enumerate() {
        for other in first().skip(at + 1) {
            let (one, other) = (prefix(one), prefix(other));
            if one.starts_with(&other) || other.starts_with(&one) {
                return Err(invalid(format!("Found overlapping prefixes '{one}' and '{other}'")));
            }
        }
    }
    Ok(())
}

fn is_on(status: &str) -> Result<bool> {
    match status {
        "Enabled" => Ok(true),
        "Disabled" => Ok(false),
        _ => Err(error::malformed_xml()),
    }
}

fn rule(ctx: &Ctx, given: api::ReplicationRule) -> Result<Rule> {
    // AWS: it is not supported any more: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-batch-replication-batch.html>
    if given.existing_object_replication.is_some() || (given.prefix.is_some() && given.filter.is_some()) {
        return Err(error::malformed_xml());
    }
    let delete_markers = given.delete_marker_replication.and_then(|markers| markers.status);
    let delete_markers = delete_markers.as_deref().map(is_on).transpose()?;
    let filter = given.filter.map(filter).transpose()?;
    match &filter {
        Some(_) if given.priority.is_none() => return Err(missing("Priority")),
        Some(_) if delete_markers.is_none() => return Err(missing("DeleteMarkerReplication")),
        Some(filter) if !filter.tags.is_empty() && delete_markers == Some(true) => {
            return Err(invalid(
                "Delete marker replication is not supported if any Tag filter is specified. Please refer to S3 Developer \
                 Guide for more information.",
            ));
        }
        None if given.prefix.is_none() || given.priority.is_some() || delete_markers.is_some() => {
            return Err(error::malformed_xml());
        }
        _ => {}
    }
    let criteria = given.source_selection_criteria.unwrap_or_default();
    let kms = criteria.sse_kms_encrypted_objects.map(|kms| is_on(&kms.status)).transpose()?;
    if kms == Some(true) {
        return Err(error::not_implemented("the replication of objects encrypted with KMS"));
    }
    let modifications = criteria.replica_modifications.map(|one| is_on(&one.status)).transpose()?;
    if given.priority.is_some_and(|priority| priority < 0) {
        return Err(error::malformed_xml());
    }
    let id = given.id.filter(|id| !id.is_empty()).unwrap_or_else(|| ctx.base().ids.hex(32));
    if id.chars().count() > ID_CHARS_MAX {
        return Err(error::argument("The maximum length of a rule Id is 255 characters", "ID", &id));
    }
    Ok(Rule {
        id,
        enabled: is_on(&given.status)?,
        priority: given.priority,
        prefix: given.prefix,
        filter,
        delete_markers,
        replica_modifications: modifications,
        says_no_kms: kms.is_some(),
        destination: destination(given.destination)?,
    })
}

fn filter(given: api::ReplicationRuleFilter) -> Result<Filter> {
    match (given.prefix, given.tag, given.and) {
        (prefix, None, None) => Ok(Filter { prefix, ..Filter::default() }),
        (None, Some(tag), None) => {
            Ok(Filter { tags: BTreeMap::from([(tag.key, tag.value)]), ..Filter::default() })
        }
        (None, None, Some(and)) => {
            let given = and.tags.unwrap_or_default();
            let count = given.len();
            let tags: BTreeMap<_, _> = given.into_iter().map(|tag| (tag.key, tag.value)).collect();
            if tags.len() != count {
                return Err(invalid("Duplicate Tag Keys are not allowed."));
            }
            match tags.len() + usize::from(and.prefix.is_some()) >= 2 {
                true => Ok(Filter { and: true, prefix: and.prefix, tags }),
                false => Err(error::malformed_xml()),
            }
        }
        _ => Err(error::malformed_xml()),
    }
}

fn destination(given: api::Destination) -> Result<Destination> {
    if given.encryption_configuration.is_some() {
        return Err(error::not_implemented("the encryption of replicas with KMS"));
    }
    if given.replication_time.is_some() {
        return Err(error::not_implemented("replication time control"));
    }
    let metrics = given.metrics.map(|metrics| is_on(&metrics.status)).transpose()?;
    if metrics == Some(true) {
        return Err(error::not_implemented("replication metrics"));
    }
    match given.storage_class.as_deref() {
        None
        | Some(
            "STANDARD"
            | "REDUCED_REDUNDANCY"
            | "STANDARD_IA"
            | "ONEZONE_IA"
            | "INTELLIGENT_TIERING"
            | "GLACIER_IR"
            | "GLACIER"
            | "DEEP_ARCHIVE",
        ) => {}
        Some(class) => return Err(error::not_implemented(&format!("replicas of the storage class {class}"))),
    }
    let account = given
        .account
        .as_deref()
        .map(|id| AccountId::parse(id).ok_or_else(|| error::argument("Invalid account id", "Account", id)));
    let account = account.transpose()?;
    let hands_over = match given.access_control_translation.map(|translation| translation.owner) {
        None => false,
        Some(owner) if owner == "Destination" && account.is_some() => true,
        Some(owner) if owner == "Destination" => {
            return Err(invalid("Account must be specified with AccessControlTranslation."));
        }
        Some(_) => return Err(error::malformed_xml()),
    };
    Ok(Destination {
        bucket: given.bucket,
        account,
        storage_class: given.storage_class,
        hands_over,
        says_no_metrics: metrics.is_some(),
    })
}

/// AWS: both buckets are there and keep versions.
async fn check_destination(ctx: &Ctx, bucket: &Bucket, destination: &Destination) -> Result<()> {
    let absent = || invalid("Destination bucket must exist.");
    let name = destination.name();
    if destination.bucket != format!("arn:{}:s3:::{name}", bucket.region.partition().as_str()) {
        return Err(error::argument("Invalid bucket ARN", "Bucket", &destination.bucket));
    }
    if destination.bucket == bucket.arn() {
        return Err(invalid("Destination bucket cannot be the same as the source bucket."));
    }
    let open = match ctx.state::<Registry>().bucket(name).await {
        Err(error) if error.code == "NoSuchBucket" => return Err(absent()),
        found => found?,
    };
    if open.record.directory.is_some() {
        return Err(absent());
    }
    if destination.account.is_some_and(|account| account != open.record.owner) {
        return Err(absent());
    }
    // AWS: what is locked is replicated with its lock:
    // <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html#object-lock-managing-replication>
    match open.record.versioning {
        Versioning::Enabled if bucket.lock.is_some() && open.record.lock.is_none() => {
            Err(invalid("Destination bucket must have Object Lock enabled."))
        }
        Versioning::Enabled => Ok(()),
        _ => Err(invalid("Destination bucket must have versioning enabled.")),
    }
}

fn status(on: bool) -> String {
    if on { "Enabled" } else { "Disabled" }.to_owned()
}

/// A configuration as answers show it.
pub fn shown(replication: &Replication) -> api::ReplicationConfiguration {
    let rules = replication.rules.iter().map(shown_rule).collect();
    api::ReplicationConfiguration { role: replication.role.clone(), rules }
}

fn shown_rule(rule: &Rule) -> api::ReplicationRule {
    let kms = rule.says_no_kms.then(|| api::SseKmsEncryptedObjects { status: status(false) });
    let modifications = rule.replica_modifications.map(|on| api::ReplicaModifications { status: status(on) });
    let has_criteria = kms.is_some() || modifications.is_some();
    let criteria =
        api::SourceSelectionCriteria { sse_kms_encrypted_objects: kms, replica_modifications: modifications };
    let to = &rule.destination;
    let translation = api::AccessControlTranslation { owner: "Destination".to_owned() };
    api::ReplicationRule {
        id: Some(rule.id.clone()),
        priority: rule.priority,
        prefix: rule.prefix.clone(),
        filter: rule.filter.as_ref().map(shown_filter),
        status: status(rule.enabled),
        source_selection_criteria: has_criteria.then_some(criteria),
        delete_marker_replication: rule
            .delete_markers
            .map(|on| api::DeleteMarkerReplication { status: Some(status(on)) }),
        destination: api::Destination {
            bucket: to.bucket.clone(),
            account: to.account.map(|account| account.to_string()),
            storage_class: to.storage_class.clone(),
            access_control_translation: to.hands_over.then_some(translation),
            metrics: to.says_no_metrics.then(|| api::Metrics { status: status(false), ..Default::default() }),
            ..Default::default()
        },
        ..Default::default()
    }
}

fn shown_filter(filter: &Filter) -> api::ReplicationRuleFilter {
    let mut tags: Vec<api::Tag> =
        filter.tags.iter().map(|(key, value)| api::Tag { key: key.clone(), value: value.clone() }).collect();
    if filter.and {
        let and = api::ReplicationRuleAndOperator {
            prefix: filter.prefix.clone(),
            tags: (!tags.is_empty()).then_some(tags),
        };
        return api::ReplicationRuleFilter { and: Some(and), ..Default::default() };
    }
    api::ReplicationRuleFilter { prefix: filter.prefix.clone(), tag: tags.pop(), and: None }
}
