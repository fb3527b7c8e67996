//! OpenID Connect providers: issuers of web identity tokens that an account trusts.

use crate::state::PARTITION;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use yakumo_aws::{AccountId, Timestamp};
use yakumo_room::{Record, Resource};

/// A provider. Key: its URL without `https://`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct OidcProvider {
    pub account: AccountId,
    /// The issuer's URL without `https://`, otherwise as it was given.
    pub url: String,
    pub created: Timestamp,
    pub client_ids: Vec<String>,
    pub thumbprints: Vec<String>,
    pub tags: BTreeMap<String, String>,
}

impl OidcProvider {
    /// The ARN of the provider of an issuer (its URL without `https://`).
    pub(crate) fn arn_of(account: AccountId, url: &str) -> String {
        format!("arn:{PARTITION}:iam::{account}:oidc-provider/{url}")
    }
}

impl Record for OidcProvider {
    const TABLE: &'static str = "oidc-providers";
}

impl Resource for OidcProvider {
    const TYPE: &'static str = "AWS::IAM::OIDCProvider";

    fn id(&self) -> Vec<&str> {
        vec![&self.url]
    }

    fn arn(&self) -> String {
        OidcProvider::arn_of(self.account, &self.url)
    }

    fn tags(&self) -> &BTreeMap<String, String> {
        &self.tags
    }
}
