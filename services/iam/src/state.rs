//! Stored records of iam and sts, and the pure rules on them. One file per record.
//!
//! Names are unique without regard to case and shown as they were given
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>), so keys hold the folded name.

pub(crate) mod access_key;
pub(crate) mod access_report;
mod account;
mod attachment;
mod authorization_key;
mod credentials;
pub(crate) mod deletion_task;
#[cfg(test)]
mod golden;
pub(crate) mod grants;
mod group;
mod instance_profile;
pub(crate) mod last_use;
mod login_profile;
mod mfa;
mod oidc_provider;
pub(crate) mod password_policy;
pub(crate) mod policy;
mod role;
mod root;
mod saml_provider;
mod server_certificate;
mod session;
mod user;

pub(crate) use access_key::AccessKey;
pub(crate) use account::{AccountAlias, AliasOwner, CredentialReport, ReportTask, TokenPreference};
pub(crate) use attachment::{Attachment, Member, Usage};
pub(crate) use authorization_key::AuthorizationKey;
pub(crate) use credentials::{ROOT, ServiceCredential, SigningCertificate, SigningPrint, SshPublicKey};
pub(crate) use grants::{Grants, Identity};
pub(crate) use group::Group;
pub(crate) use instance_profile::InstanceProfile;
pub(crate) use login_profile::{Derived, LoginProfile};
pub(crate) use mfa::{Enabled, MfaDevice, MfaLink, MfaSeed};
pub(crate) use oidc_provider::OidcProvider;
pub(crate) use password_policy::PasswordPolicy;
pub(crate) use policy::{Policy, PolicyVersion};
pub(crate) use role::Role;
pub(crate) use root::RootUser;
pub(crate) use saml_provider::SamlProvider;
pub(crate) use server_certificate::{ServerCertificate, ServerKey};
pub(crate) use session::{Session, SessionEnd, SessionPolicies, SessionSubject};
pub(crate) use user::User;

use yakumo_aws::AccountId;
use yakumo_room::Scope;

/// The partition of every ARN here.
pub(crate) const PARTITION: &str = "aws";

/// Where an account's identities live: IAM is global.
pub(crate) fn home(account: AccountId) -> Scope {
    Scope { account: Some(account), region: None, service: "iam" }
}

/// Where what all accounts share lives: access keys and sessions are found by their id alone.
pub(crate) fn shared() -> Scope {
    Scope { account: None, region: None, service: "iam" }
}

/// A name as keys hold it.
pub(crate) fn fold(name: &str) -> String {
    name.to_lowercase()
}

/// The ARN of an IAM resource: `kind` is `user`, `group`, `role`, `policy` or `instance-profile`.
pub(crate) fn arn(account: AccountId, kind: &str, path: &str, name: &str) -> String {
    format!("arn:{PARTITION}:iam::{account}:{kind}{path}{name}")
}

/// The resource part of an ARN of this account split into its kind and the name behind the last slash.
pub(crate) fn split_arn(text: &str) -> Option<(AccountId, &str, &str)> {
    let mut fields = text.splitn(6, ':');
    let (prefix, _partition, service) = (fields.next()?, fields.next()?, fields.next()?);
    let (region, account, resource) = (fields.next()?, fields.next()?, fields.next()?);
    let (kind, path_and_name) = resource.split_once('/')?;
    let name = path_and_name.rsplit('/').next()?;
    let account = AccountId::parse(account)?;
    (prefix == "arn" && service == "iam" && region.is_empty() && !name.is_empty())
        .then_some((account, kind, name))
}
