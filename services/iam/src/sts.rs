//! The Security Token Service: temporary credentials, and who am I. It shares iam's records.

pub(crate) mod assume_role;
pub(crate) mod assume_role_with_saml;
pub(crate) mod assume_role_with_web_identity;
pub(crate) mod authorization_messages;
pub(crate) mod caller_identity;
pub(crate) mod federation;
pub(crate) mod federation_tokens;
pub(crate) mod provider_claims;
pub(crate) mod session_policies;
pub(crate) mod session_tokens;
pub(crate) mod sessions;
