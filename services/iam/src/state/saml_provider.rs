//! SAML providers: identity providers whose signed assertions an account trusts.

use crate::state::PARTITION;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use yakumo_aws::{AccountId, Timestamp};
use yakumo_room::{Record, Resource};

/// A provider. Key: its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SamlProvider {
    pub account: AccountId,
    pub name: String,
    /// `SAMLSP…`.
    pub unique_id: String,
    pub created: Timestamp,
    /// The end that the metadata names, or a hundred years.
    pub valid_until: Timestamp,
    /// The metadata document as given.
    pub metadata: String,
    /// `Allowed`, when it was asked for.
    pub encryption: Option<String>,
    pub tags: BTreeMap<String, String>,
}

impl SamlProvider {
    pub(crate) fn arn_of(account: AccountId, name: &str) -> String {
        format!("arn:{PARTITION}:iam::{account}:saml-provider/{name}")
    }
}

impl Record for SamlProvider {
    const TABLE: &'static str = "saml-providers";
}

impl Resource for SamlProvider {
    const TYPE: &'static str = "AWS::IAM::SAMLProvider";

    fn id(&self) -> Vec<&str> {
        vec![&self.name]
    }

    fn arn(&self) -> String {
        SamlProvider::arn_of(self.account, &self.name)
    }

    fn tags(&self) -> &BTreeMap<String, String> {
        &self.tags
    }
}
