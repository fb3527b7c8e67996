//! Access control lists: who may do what with a bucket or an object beside its owner.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html>

use serde::{Deserialize, Serialize};
use yakumo_aws::AccountId;

/// To whom something is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Grantee {
    Account(AccountId),
    AllUsers,
    AuthenticatedUsers,
    LogDelivery,
}

/// What is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Permission {
    FullControl,
    Read,
    Write,
    ReadAcp,
    WriteAcp,
}

/// One grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    pub grantee: Grantee,
    pub permission: Permission,
}

/// A list, and whose the thing is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acl {
    pub owner: AccountId,
    pub grants: Vec<Grant>,
}

impl Permission {
    const NAMES: [(Permission, &'static str); 5] = [
        (Permission::FullControl, "FULL_CONTROL"),
        (Permission::Read, "READ"),
        (Permission::Write, "WRITE"),
        (Permission::ReadAcp, "READ_ACP"),
        (Permission::WriteAcp, "WRITE_ACP"),
    ];

    /// AWS's name.
    pub fn as_str(self) -> &'static str {
        Permission::NAMES.iter().find(|(one, _)| *one == self).map_or("", |(_, name)| name)
    }

    /// Reads AWS's name.
    pub fn parse(name: &str) -> Option<Permission> {
        Permission::NAMES.iter().find(|(_, known)| *known == name).map(|(one, _)| *one)
    }

    /// The actions that it allows, on a bucket or on an object.
    /// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#acl-access-policy-permission-mapping>
    pub fn actions(self, on_object: bool) -> &'static [&'static str] {
        match (self, on_object) {
            (Permission::Read, false) => {
                &["s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"]
            }
            (Permission::Write, false) => &["s3:PutObject"],
            (Permission::ReadAcp, false) => &["s3:GetBucketAcl"],
            (Permission::WriteAcp, false) => &["s3:PutBucketAcl"],
            (Permission::FullControl, false) => &[
                "s3:ListBucket",
                "s3:ListBucketVersions",
                "s3:ListBucketMultipartUploads",
                "s3:PutObject",
                "s3:GetBucketAcl",
                "s3:PutBucketAcl",
            ],
            (Permission::Read, true) => &["s3:GetObject", "s3:GetObjectVersion"],
            (Permission::Write, true) => &[],
            (Permission::ReadAcp, true) => &["s3:GetObjectAcl", "s3:GetObjectVersionAcl"],
            (Permission::WriteAcp, true) => &["s3:PutObjectAcl", "s3:PutObjectVersionAcl"],
            (Permission::FullControl, true) => &[
                "s3:GetObject",
                "s3:GetObjectVersion",
                "s3:GetObjectAcl",
                "s3:GetObjectVersionAcl",
                "s3:PutObjectAcl",
                "s3:PutObjectVersionAcl",
            ],
        }
    }
}

impl Acl {
    /// The list that a new thing has: its owner alone.
    pub fn private(owner: AccountId) -> Acl {
        let grantee = Grantee::Account(owner);
        Acl { owner, grants: vec![Grant { grantee, permission: Permission::FullControl }] }
    }

    /// Whether it grants something to everybody.
    pub fn is_public(&self) -> bool {
        let public = [Grantee::AllUsers, Grantee::AuthenticatedUsers];
        self.grants.iter().any(|grant| public.contains(&grant.grantee))
    }
}
