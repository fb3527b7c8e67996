//! The Security Token Service: temporary credentials, and who am I. It shares iam's records.

pub(crate) mod assume_role;
pub(crate) mod caller_identity;
pub(crate) mod session_tokens;
pub(crate) mod sessions;
