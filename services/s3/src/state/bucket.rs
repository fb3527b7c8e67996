//! Buckets. Their names are unique over all accounts and regions, so they are kept in no account's space.

use crate::state::lifecycle::Lifecycle;
use crate::state::{
    Acl, BucketLock, CorsRule, Directory, Logging, QueueConfiguration, Replication, Version, Website,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use yakumo_aws::{AccountId, Region, Timestamp};
use yakumo_room::{Pins, Record, Resource};

/// A bucket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    pub name: String,
    pub owner: AccountId,
    pub region: Region,
    pub created: Timestamp,
    /// Told apart from an earlier bucket of the same name: part of the keys of everything in it.
    pub id: String,
    #[serde(default)]
    pub versioning: Versioning,
    #[serde(default)]
    pub encryption: Encryption,
    #[serde(default)]
    pub lifecycle: Lifecycle,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    #[serde(default)]
    pub policy: Option<BucketPolicy>,
    #[serde(default)]
    pub public_access: Option<PublicAccess>,
    #[serde(default)]
    pub ownership: Ownership,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cors: Vec<CorsRule>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub website: Option<Website>,
    /// `None` is the owner's full control alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acl: Option<Acl>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notifications: Vec<QueueConfiguration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication: Option<Replication>,
    /// What is blocked from above the bucket: by its owner's account, and by the access point that a request came
    /// through. Known only of buckets that the registry opened, and never stored with them.
    #[serde(skip)]
    pub blocked_above: PublicAccess,
    /// Whether versions go only with a code of the root user's device; `None` when it was never said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mfa_delete: Option<bool>,
    /// Object lock. Invariant: where it is, versioning is enabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<BucketLock>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logging: Option<Logging>,
    /// Whether who asks pays, and has to say so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub requester_pays: bool,
    /// Where a directory bucket is; `None` for general purpose buckets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<Directory>,
}

/// Whether a bucket keeps versions.
/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Versioning {
    /// It never has.
    #[default]
    Never,
    /// Every write makes a version.
    Enabled,
    /// Writes replace the version `null`; what was kept stays.
    Suspended,
}

/// How what is written into a bucket is encrypted when the request does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Encryption {
    /// Shown only: without KMS there is nothing that a bucket key would save.
    pub bucket_key: bool,
    /// Whether objects with customer keys (SSE-C) are refused.
    pub blocks_customer_keys: bool,
}

/// A bucket policy: the text as given, and the unique ids of the principals that it named when it was saved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BucketPolicy {
    pub text: String,
    #[serde(default)]
    pub pins: Pins,
}

/// The four settings of a public access block.
/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicAccess {
    pub block_acls: bool,
    pub ignore_acls: bool,
    pub block_policy: bool,
    pub restrict_buckets: bool,
}

impl PublicAccess {
    /// What a new bucket has since April 2023.
    pub const ALL: PublicAccess =
        PublicAccess { block_acls: true, ignore_acls: true, block_policy: true, restrict_buckets: true };

    /// The most restrictive of both, as AWS puts the settings of account, bucket and access point together.
    pub fn and(self, other: PublicAccess) -> PublicAccess {
        PublicAccess {
            block_acls: self.block_acls || other.block_acls,
            ignore_acls: self.ignore_acls || other.ignore_acls,
            block_policy: self.block_policy || other.block_policy,
            restrict_buckets: self.restrict_buckets || other.restrict_buckets,
        }
    }
}

/// Who owns what others write, and whether access control lists count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ownership {
    /// The bucket's owner, always; lists do not count.
    #[default]
    BucketOwnerEnforced,
    /// The bucket's owner, when the writer hands it over with `bucket-owner-full-control`.
    BucketOwnerPreferred,
    /// Whoever writes it.
    ObjectWriter,
    /// As `ObjectWriter`, without being set.
    Unset,
}

impl Ownership {
    /// Whether access control lists count.
    pub fn has_lists(self) -> bool {
        self != Ownership::BucketOwnerEnforced
    }
}

impl Bucket {
    /// Whose an object in it is.
    pub fn holder_of(&self, version: &Version) -> AccountId {
        let acl = version.acl.as_ref().filter(|_| self.ownership.has_lists());
        acl.map_or(self.owner, |acl| acl.owner)
    }

    /// What is blocked here, by the bucket itself or from above.
    pub fn blocks(&self) -> PublicAccess {
        self.public_access.unwrap_or_default().and(self.blocked_above)
    }

    /// Whether there can be more than one version of an object.
    pub fn has_versions(&self) -> bool {
        self.versioning != Versioning::Never
    }
}

impl Record for Bucket {
    const TABLE: &'static str = "buckets";
}

impl Resource for Bucket {
    const TYPE: &'static str = "AWS::S3::Bucket";

    fn id(&self) -> Vec<&str> {
        vec![&self.name]
    }

    fn arn(&self) -> String {
        let (partition, region) = (self.region.partition().as_str(), self.region);
        match self.directory {
            None => format!("arn:{partition}:s3:::{}", self.name),
            Some(_) => format!("arn:{partition}:s3express:{region}:{}:bucket/{}", self.owner, self.name),
        }
    }

    fn tags(&self) -> &BTreeMap<String, String> {
        &self.tags
    }

    fn policy(&self) -> Option<&str> {
        self.policy.as_ref().map(|policy| policy.text.as_str())
    }
}
