//! The rooms of IAM and STS: identities, their credentials and policies, and who is behind an access key.
//!
//! One crate for both: they share records, and the front door asks the same directory who calls.
//! Invariant: no secret leaves this crate but in the answer that creates it and through [`Principals`].

mod access;
mod access_advisor;
mod access_key_last_used;
mod access_keys;
mod account_aliases;
mod account_details;
mod account_summary;
mod certificates;
mod context_keys;
mod credential_reports;
mod directory;
mod documents;
mod entities;
mod error;
mod group_policies;
mod groups;
mod holders;
mod identities;
mod instance_profile_tags;
mod instance_profiles;
mod jwt;
mod last_use;
mod login_profiles;
mod lookup;
mod managed;
mod mfa_devices;
mod oidc_providers;
mod paging;
mod password_policies;
mod policies;
mod policy_versions;
mod providers;
mod qr_code;
mod quotas;
mod role_policies;
mod roles;
mod saml;
mod saml_providers;
mod server_certificates;
mod service_linked_roles;
mod service_specific_credentials;
mod signing_certificates;
mod simulation;
mod ssh_public_keys;
mod state;
mod sts;
mod table;
mod tags;
mod totp;
mod trust_policies;
mod user_policies;
mod users;
mod virtual_mfa_devices;

use directory::Directory;
use std::sync::Arc;
use std::time::Duration;
use yakumo_room::{Base, Principals, Reconciler, Room, Tagged};

/// How long the sweep of ended sessions rests.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// How long notes of last uses wait to be written, unless somebody asks for them.
const LAST_USES_EVERY: Duration = Duration::from_secs(10);
/// How long the sweep of old reports rests.
const REPORTS_EVERY: Duration = Duration::from_secs(3_600);

/// Builds both rooms, and the directory that tells who is behind an access key.
pub fn rooms(base: &Arc<Base>) -> (Room, Room, Arc<dyn Principals>) {
    let directory = Arc::new(Directory::new(base.clone()));
    let sweep = Reconciler::new("iam.ended-sessions", SWEEP_EVERY, sts::sessions::sweep);
    let reports = Reconciler::new("iam.old-reports", REPORTS_EVERY, access_advisor::sweep);
    let noted = directory.clone();
    let last_uses = Reconciler::new("iam.last-uses", LAST_USES_EVERY, move |world| {
        let noted = noted.clone();
        async move { noted.last_uses.flush(&world.base).await }
    });
    let known = directory.clone();
    let write_reports = move |world| credential_reports::write(world, known.clone());
    let written = Reconciler::new(credential_reports::RECONCILER, SWEEP_EVERY, write_reports);
    // AWS: not users nor roles
    // (<https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_supported-resources-enforcement.html>).
    let types =
        &["instance-profile", "mfa", "oidc-provider", "policy", "saml-provider", "server-certificate"];
    let iam = table::iam(directory.clone())
        .tag_policies(Tagged { types, code: "TagPolicyException" })
        .reconciler(sweep)
        .reconciler(written)
        .reconciler(last_uses)
        .reconciler(reports)
        .resources(|ctx, action, arn| Box::pin(lookup::need_of(ctx, action, arn)));
    (iam, table::sts(directory.clone()), directory)
}
