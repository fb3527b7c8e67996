//! Server certificates for load balancers and distributions.
//!
//! The private key is a record of its own: it never stands in the change feed, which has images of the certificate.

use crate::state::arn;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use yakumo_aws::{AccountId, Timestamp};
use yakumo_room::{Record, Resource};

/// A server certificate. Key: folded name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ServerCertificate {
    pub account: AccountId,
    /// The name as keys hold it.
    pub folded: String,
    pub name: String,
    pub path: String,
    /// `ASCA…`.
    pub unique_id: String,
    pub uploaded: Timestamp,
    /// When the certificate itself ends.
    pub expires: Timestamp,
    /// PEM, as given.
    pub body: String,
    /// PEM, as given.
    pub chain: Option<String>,
    pub tags: BTreeMap<String, String>,
}

impl Record for ServerCertificate {
    const TABLE: &'static str = "server-certificates";
}

impl Resource for ServerCertificate {
    const TYPE: &'static str = "AWS::IAM::ServerCertificate";

    fn id(&self) -> Vec<&str> {
        vec![&self.folded]
    }

    fn arn(&self) -> String {
        arn(self.account, "server-certificate", &self.path, &self.name)
    }

    fn tags(&self) -> &BTreeMap<String, String> {
        &self.tags
    }
}

/// The private key of a server certificate: written at upload, never answered. Key: folded name of the certificate.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ServerKey {
    /// PEM, as given.
    pub pem: String,
}

impl Record for ServerKey {
    const TABLE: &'static str = "server-keys";
}
