//! How a bucket's objects are replicated to others, and what waits to be.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-add-config.html>

use crate::state::Version;
use crate::state::version::scope;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use yakumo_aws::AccountId;
use yakumo_room::Record;

/// A bucket's configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Replication {
    /// The ARN of the role that S3 assumes.
    pub role: String,
    pub rules: Vec<Rule>,
}

/// Which objects go where.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rule {
    pub id: String,
    pub enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// The prefix of a rule in the first form, which has no filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_markers: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replica_modifications: Option<bool>,
    /// That objects encrypted with KMS are left out was said, and not only meant.
    pub says_no_kms: bool,
    pub destination: Destination,
}

/// Which objects a rule is about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// Whether it was given as `And`.
    pub and: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

/// Where to, and as what.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Destination {
    /// The bucket's ARN.
    pub bucket: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
    /// Whether replicas belong to the destination bucket's owner.
    pub hands_over: bool,
    /// That no metrics are wanted was said, and not only meant.
    pub says_no_metrics: bool,
}

/// What became of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    Pending,
    Completed,
    Failed,
    /// It came from another bucket.
    Replica,
}

/// A version that waits to be replicated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    pub bucket: String,
    pub bucket_id: String,
    pub key: String,
    pub order: u64,
    pub version_id: String,
    /// Whether it is there already, and only its tags or its list have changed.
    pub is_change: bool,
    /// Whether it is its lock that has changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_lock: bool,
    /// Tells apart two changes of one version.
    pub number: u64,
}

impl Record for Task {
    const TABLE: &'static str = "replications";
}

impl Task {
    /// Its row: a bucket's keys one after the other, a version's making before its changes.
    pub fn row(&self) -> Bytes {
        let key = scope().key(Task::TABLE).text(&self.bucket_id).text(&self.key);
        // A change of the lock waits beside other changes, so that none makes the others forgotten.
        let kind = if self.is_lock { 2 } else { u64::from(self.is_change) };
        key.u64(self.order).u64(kind).build()
    }
}

impl Status {
    /// The header `x-amz-replication-status`.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Pending => "PENDING",
            Status::Completed => "COMPLETED",
            Status::Failed => "FAILED",
            Status::Replica => "REPLICA",
        }
    }
}

impl Destination {
    /// The bucket's name.
    pub fn name(&self) -> &str {
        self.bucket.rsplit(':').next().unwrap_or_default()
    }
}

impl Rule {
    /// Whether it is about this version.
    pub fn is_about(&self, version: &Version) -> bool {
        let (prefix, tags) = match &self.filter {
            Some(filter) => (&filter.prefix, Some(&filter.tags)),
            None => (&self.prefix, None),
        };
        // AWS: rules of the first form replicate delete markers, others when they say so:
        // <https://docs.aws.amazon.com/AmazonS3/latest/userguide/delete-marker-replication.html>
        let takes_marker = self.filter.is_none() || self.delete_markers == Some(true);
        let has = |(name, value): (&String, &String)| version.tags.get(name) == Some(value);
        self.enabled
            && version.key.starts_with(prefix.as_deref().unwrap_or_default())
            && (version.content.is_some() || takes_marker)
            && tags.is_none_or(|tags| tags.iter().all(has))
    }
}

impl Replication {
    /// The rules by which a version is replicated: for each destination the one of the highest priority.
    pub fn of(&self, version: &Version) -> Vec<&Rule> {
        let mut chosen: Vec<&Rule> = Vec::new();
        for rule in self.rules.iter().filter(|rule| rule.is_about(version)) {
            match chosen.iter_mut().find(|other| other.destination.bucket == rule.destination.bucket) {
                Some(other) if rule.priority > other.priority => *other = rule,
                Some(_) => {}
                None => chosen.push(rule),
            }
        }
        // AWS: what is changed about a replica goes back only where that is wanted:
        // <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-for-metadata-changes.html>
        if version.replication == Some(Status::Replica) {
            chosen.retain(|rule| rule.replica_modifications == Some(true));
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::{Destination, Filter, Replication, Rule, Status};
    use crate::state::Version;
    use yakumo_aws::Timestamp;

    fn version(key: &str, tags: &[(&str, &str)]) -> Version {
        let json = serde_json::json!({
            "key": key, "order": 1, "modified": Timestamp::from_secs(0),
            "content": {"size_bytes": 0, "etag": "", "pieces": [], "headers": {}},
            "tags": tags.iter().copied().collect::<std::collections::BTreeMap<_, _>>(),
        });
        serde_json::from_value(json).unwrap()
    }

    fn rule(id: &str, prefix: &str, to: &str, priority: i32) -> Rule {
        Rule {
            id: id.to_owned(),
            enabled: true,
            priority: Some(priority),
            filter: Some(Filter { prefix: Some(prefix.to_owned()), ..Filter::default() }),
            destination: Destination { bucket: format!("arn:aws:s3:::{to}"), ..Destination::default() },
            ..Rule::default()
        }
    }

    #[test]
    fn each_destination_has_its_rule_of_the_highest_priority() {
        let mut tagged = rule("tagged", "", "two", 5);
        tagged.filter.as_mut().unwrap().tags.insert("a".to_owned(), "b".to_owned());
        let off = Rule { enabled: false, ..rule("off", "", "three", 9) };
        let rules = vec![rule("low", "", "one", 1), rule("high", "x/", "one", 2), tagged, off];
        let replication = Replication { role: String::new(), rules };
        let check = |version: &Version, expected: &[&str]| {
            let found: Vec<_> = replication.of(version).iter().map(|rule| rule.id.as_str()).collect();
            assert_eq!(found, expected, "{}", version.key);
        };
        check(&version("x/k", &[]), &["high"]);
        check(&version("k", &[]), &["low"]);
        check(&version("k", &[("a", "b"), ("c", "d")]), &["low", "tagged"]);
        check(&version("k", &[("a", "c")]), &["low"]);
        let replica = Version { replication: Some(Status::Replica), ..version("k", &[]) };
        check(&replica, &[]);
        let marker = Version { content: None, ..version("k", &[]) };
        check(&marker, &[]);
    }

    #[test]
    fn delete_markers_follow_the_form_of_the_rule() {
        let marker = Version { content: None, ..version("k", &[]) };
        let first = Rule { filter: None, prefix: Some(String::new()), ..rule("r", "", "one", 1) };
        assert!(first.is_about(&marker));
        let second = rule("r", "", "one", 1);
        assert!(!second.is_about(&marker) && second.is_about(&version("k", &[])));
        assert!(Rule { delete_markers: Some(true), ..second }.is_about(&marker));
    }
}
