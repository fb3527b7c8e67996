//! IAM and STS through a real client: what is allowed beside what is refused, with AWS's texts.

mod access_advisor;
mod access_keys;
mod account_details;
mod accounts;
mod assume_role;
mod certificates;
mod credential_reports;
mod federation_tokens;
mod keeping;
mod last_use;
mod managed;
mod mfa;
mod oidc_providers;
mod passwords;
mod people;
mod permissions;
mod policies;
mod provider;
mod quotas;
mod roles;
mod saml;
mod service_credentials;
mod service_linked_roles;
mod simulation;
mod users;
mod web_identity;
