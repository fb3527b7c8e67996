//! Who asks: credentials, the principal behind them, and the policies that bind it.
//!
//! `Principals` is the seam to the iam room. Its answers are never older than the last acknowledged change, so that a
//! revocation acts on the next request.

use crate::Ctx;
use futures_util::future::BoxFuture;
use std::fmt;
use std::sync::Arc;
use yakumo_aws::{AccountId, Region, Result, Timestamp};
use yakumo_policy::{Attached, Principal};

/// A secret access key. It never shows itself in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps the text of a secret access key.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The secret itself: for signatures, and for the one answer that shows it to its owner.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What an access key id stands for.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// `AKIA…` of a user, `ASIA…` of a session, or a static root key.
    pub access_key_id: String,
    /// What the signature must have been made with.
    pub secret: Secret,
    /// The token that must come with temporary credentials; `None` for long-term keys.
    pub session_token: Option<String>,
    /// `false` when the key's status is `Inactive`.
    pub active: bool,
    /// When temporary credentials end, in cloud time.
    pub expires: Option<Timestamp>,
    /// Whom they belong to.
    pub caller: Arc<Caller>,
}

/// A principal together with everything that decides what it may do.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Name, kind and ARN, as policies see them.
    pub principal: Principal,
    /// The account that the principal belongs to: requests without an explicit account act there.
    pub account: AccountId,
    /// Identity-based policies: inline, attached, and those of its groups.
    pub identity: Vec<Attached>,
    /// The permissions boundary.
    pub boundary: Option<Attached>,
    /// Session policies; `Some` of an empty list allows nothing.
    pub session: Option<Vec<Attached>>,
    /// When the credentials were issued with a second factor, in cloud time: `aws:MultiFactorAuthAge` counts from it.
    /// `aws:MultiFactorAuthPresent` is among the principal's keys.
    pub second_factor: Option<Timestamp>,
    /// What the credentials are bound to when a room gave them out for one of its own things ([`crate::Beside::session`]):
    /// a name of that room's making.
    pub bound_to: Option<String>,
}

impl Caller {
    /// A caller with a principal and an account, and no policies yet.
    pub fn new(principal: Principal, account: AccountId) -> Caller {
        Caller {
            principal,
            account,
            identity: Vec::new(),
            boundary: None,
            session: None,
            second_factor: None,
            bound_to: None,
        }
    }

    /// The root user of an account: everything is allowed to it but what a resource policy or an SCP denies.
    pub fn root(account: AccountId) -> Caller {
        Caller::new(Principal::root("aws", account), account)
    }

    /// An AWS service that acts on its own behalf, such as `sns.amazonaws.com`, for a resource that brought it to it:
    /// what the confused-deputy keys `aws:SourceArn` and `aws:SourceAccount` name. It has no policies of its own; the
    /// resource's policy must let it in. Where an account is asked for, it acts in the source's.
    /// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html>
    pub fn service(name: &str, source_arn: &str, source_account: AccountId) -> Caller {
        let mut principal = Principal::service(name);
        principal.keys.put("aws:SourceArn", source_arn.to_owned());
        principal.keys.put("aws:SourceAccount", source_account.to_string());
        Caller::new(principal, source_account)
    }

    /// Nobody: only resource policies can allow it something. It has no account; where one is asked for without the
    /// request naming it, the default account stands in, in which nobody has no rights either.
    pub fn anonymous() -> Caller {
        Caller::new(Principal::anonymous(), AccountId::DEFAULT)
    }
}

/// The static root keys: `test`/`test` is root of 000000000000, a 12-digit key with secret `test` is root of that
/// account. The front door only asks for them on loopback.
pub fn static_root_credentials(access_key_id: &str) -> Option<Credentials> {
    let account = match access_key_id {
        "test" => AccountId::DEFAULT,
        digits => AccountId::parse(digits)?,
    };
    Some(root_credentials(account, access_key_id, Secret::new("test")))
}

/// Long-term credentials of an account's root user.
pub fn root_credentials(account: AccountId, access_key_id: &str, secret: Secret) -> Credentials {
    Credentials {
        access_key_id: access_key_id.to_owned(),
        secret,
        session_token: None,
        active: true,
        expires: None,
        caller: Arc::new(Caller::root(account)),
    }
}

/// An instance profile: what carries a role into an instance.
/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_switch-role-ec2_instance-profiles.html>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceProfile {
    /// Its ARN, path included.
    pub arn: String,
    /// Its unique id, `AIPA…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The ARN and the name of the role in it.
    pub role: Option<(String, String)>,
}

/// Looks up credentials; implemented by the iam room and injected by `cloud`.
pub trait Principals: Send + Sync {
    /// The credentials behind an access key id, or `None` when there are none such. Inactive and expired ones are
    /// returned: the front door says what is wrong with them.
    fn credentials<'a>(&'a self, access_key_id: &'a str) -> BoxFuture<'a, Result<Option<Arc<Credentials>>>>;

    /// The principal of that ARN with all that binds it: a user, an account's root user, a session of a role
    /// (`assumed-role/NAME/SESSION`, no session policies), or a role, for which a session of any name stands. `None`
    /// when there is none such. For questions of what a principal may do; nobody acts through it.
    fn caller<'a>(&'a self, arn: &'a str) -> BoxFuture<'a, Result<Option<Arc<Caller>>>>;

    /// What a resource policy keeps in place of the ARN of a principal: the unique id of a user (`AIDA…`) or a role
    /// (`AROA…`), with `:SESSION` for a session of a role. `None` when there is none such now.
    /// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>
    fn unique_id<'a>(&'a self, arn: &'a str) -> BoxFuture<'a, Result<Option<String>>>;

    /// The instance profile of that name in an account, as last committed; `None` when there is none such.
    fn instance_profile<'a>(
        &'a self,
        _account: AccountId,
        _name: &'a str,
    ) -> BoxFuture<'a, Result<Option<InstanceProfile>>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// A text in a form that only `sts:DecodeAuthorizationMessage` of this account opens.
    fn seal<'a>(&'a self, account: AccountId, _text: &'a str) -> BoxFuture<'a, Result<String>> {
        Box::pin(std::future::ready(Err(crate::authorization_message::nobody_seals(account))))
    }

    /// Whether the request's caller has the MFA device of this serial number at hand, as a code of it shows. A code counts
    /// once. `false` also when the device is not the caller's.
    fn second_factor<'a>(
        &'a self,
        _ctx: &'a Ctx,
        _serial: &'a str,
        _code: &'a str,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(std::future::ready(Ok(false)))
    }

    /// A verified request was made with these credentials. Called for each request, so it only takes a note.
    fn used(&self, credentials: &Credentials, what: Use);
}

/// For what credentials were used.
#[derive(Clone, Copy, Debug)]
pub struct Use {
    /// The service's name in credential scopes: `sqs`.
    pub service: &'static str,
    /// The region that was signed for.
    pub region: Region,
    /// The cloud's time.
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::{Secret, static_root_credentials};

    #[test]
    fn only_test_and_accounts_are_static_keys() {
        assert_eq!(static_root_credentials("test").unwrap().caller.account.as_str(), "000000000000");
        assert_eq!(static_root_credentials("123456789012").unwrap().caller.account.as_str(), "123456789012");
        for other in ["", "test2", "TEST", "12345678901", "AKIAIOSFODNN7EXAMPLE"] {
            assert!(static_root_credentials(other).is_none(), "{other}");
        }
    }

    #[test]
    fn a_secret_does_not_print_itself() {
        assert!(!format!("{:?}", Secret::new("hunter2")).contains("hunter2"));
    }
}
