//! IAM and STS through a real client: what is allowed beside what is refused, with AWS's texts.

mod access_advisor;
mod access_keys;
mod account_details;
mod assume_role;
mod federation_tokens;
mod keeping;
mod last_use;
mod managed;
mod oidc_providers;
mod people;
mod permissions;
mod policies;
mod provider;
mod roles;
mod saml;
mod service_linked_roles;
mod simulation;
mod users;
mod web_identity;
