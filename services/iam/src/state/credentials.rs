//! Credentials of users beside access keys and passwords: SSH keys, service-specific credentials, signing certificates.
//! Their keys begin with the holder's key: a user's unique id, so that a rename moves nothing, or `:root`.

use serde::{Deserialize, Serialize};
use yakumo_aws::Timestamp;
use yakumo_room::Record;

/// The key of what the root user holds: no unique id looks like it.
pub(crate) const ROOT: &str = ":root";

/// A public key of a user for CodeCommit. Key: holder, id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SshPublicKey {
    /// `APKA…`.
    pub id: String,
    /// The key as SSH's wire form in base 64.
    pub blob: String,
    pub fingerprint: String,
    pub active: bool,
    pub uploaded: Timestamp,
}

impl Record for SshPublicKey {
    const TABLE: &'static str = "ssh-public-keys";
}

/// A user name and password, or an API key, for one service. Key: holder, id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ServiceCredential {
    /// `ACCA…`.
    pub id: String,
    /// Such as `codecommit.amazonaws.com`.
    pub service: String,
    /// The user name for the service, or an API key's public part.
    pub alias: String,
    /// SHA-256 of the secret in hexadecimal: it is 256 random bits, so that nothing slower is needed.
    pub secret_sha256: String,
    pub active: bool,
    pub created: Timestamp,
    pub expires: Option<Timestamp>,
}

impl Record for ServiceCredential {
    const TABLE: &'static str = "service-credentials";
}

/// An X.509 signing certificate. Key: holder, id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SigningCertificate {
    pub id: String,
    /// PEM, as given.
    pub body: String,
    /// SHA-256 of the certificate in hexadecimal.
    pub print: String,
    pub active: bool,
    pub uploaded: Timestamp,
}

impl Record for SigningCertificate {
    const TABLE: &'static str = "signing-certificates";
}

/// Says that a signing certificate is in use in the account. Key: its fingerprint.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SigningPrint {
    pub holder: String,
}

impl Record for SigningPrint {
    const TABLE: &'static str = "signing-prints";
}
