//! Access points: names by which a bucket is reached under a policy of their own.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points.html>

use crate::state::{BucketPolicy, PublicAccess};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use yakumo_aws::{AccountId, Region, Timestamp};
use yakumo_room::{Record, Resource};

/// An access point. Key: account, region, name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccessPoint {
    pub name: String,
    /// Whose it is; the bucket may be another account's.
    pub account: AccountId,
    pub region: Region,
    pub bucket: String,
    /// A later bucket of the same name is not reached.
    pub bucket_id: String,
    pub bucket_owner: AccountId,
    /// By which it is named where a bucket's name is wanted.
    pub alias: String,
    pub created: Timestamp,
    /// AWS: set when the access point is made, and never changed.
    pub public_access: PublicAccess,
    /// The only VPC that it is reached from, through an endpoint. AWS: as unchanging.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<BucketPolicy>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

/// Which access point an alias stands for. Key: the alias.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alias {
    pub account: AccountId,
    pub region: Region,
    pub name: String,
}

/// That a bucket has an access point. Key: the bucket's id, account, name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attachment {
    pub account: AccountId,
    pub name: String,
}

impl Record for AccessPoint {
    const TABLE: &'static str = "access-points";
}

impl Record for Alias {
    const TABLE: &'static str = "access-point-aliases";
}

impl Record for Attachment {
    const TABLE: &'static str = "attached-access-points";
}

impl Resource for AccessPoint {
    const TYPE: &'static str = "AWS::S3::AccessPoint";

    fn id(&self) -> Vec<&str> {
        vec![self.account.as_str(), self.region.as_str(), &self.name]
    }

    fn arn(&self) -> String {
        arn(self.region, self.account, &self.name)
    }

    fn tags(&self) -> &BTreeMap<String, String> {
        &self.tags
    }

    fn policy(&self) -> Option<&str> {
        self.policy.as_ref().map(|policy| policy.text.as_str())
    }
}

/// The ARN of an access point.
pub fn arn(region: Region, account: AccountId, name: &str) -> String {
    format!("arn:{}:s3:{region}:{account}:accesspoint/{name}", region.partition().as_str())
}

/// Region, account and name in the ARN of an access point. It has one ARN only: policies name it by that.
pub fn split_arn(text: &str) -> Option<(Region, AccountId, &str)> {
    let mut fields = text.splitn(6, ':').skip(3);
    let (region, account) = (Region::parse(fields.next()?)?, AccountId::parse(fields.next()?)?);
    let name = fields.next()?.strip_prefix("accesspoint/").filter(|name| !name.contains(['/', ':']))?;
    (arn(region, account, name) == text).then_some((region, account, name))
}

#[cfg(test)]
mod tests {
    use super::{arn, split_arn};

    #[test]
    fn arns_of_access_points() {
        let (region, account, name) = split_arn("arn:aws:s3:eu-west-1:111122223333:accesspoint/ap").unwrap();
        assert_eq!((region.as_str(), account.as_str(), name), ("eu-west-1", "111122223333", "ap"));
        assert_eq!(arn(region, account, name), "arn:aws:s3:eu-west-1:111122223333:accesspoint/ap");
        for other in [
            "arn:aws:s3:::bucket",
            "arn:aws:s3:eu-west-1:111122223333:accesspoint/ap/object/k",
            "arn:aws:sqs:eu-west-1:111122223333:accesspoint/ap",
            "arn:aws-cn:s3:eu-west-1:111122223333:accesspoint/ap",
            "arn:x:s3:eu-west-1:111122223333:accesspoint/ap",
            "ap",
        ] {
            assert!(split_arn(other).is_none(), "{other}");
        }
    }
}
