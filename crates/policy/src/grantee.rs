//! The `Principal` and `NotPrincipal` elements: whom they name, and how directly.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>

use crate::document::Effect;
use crate::principal::{Principal, PrincipalKind};
use crate::subject::Subject;
use yakumo_aws::AccountId;

/// How directly a resource policy reaches the caller; within an account it decides what else must allow.
/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// The caller's account is named: authority is delegated to the account's own policies.
    Account,
    /// The caller's role (or the user behind a federated session) is named: boundary and session policies limit it.
    Role,
    /// The user or session itself, everyone, or the service: no implicit deny limits it.
    Direct,
}

/// One named principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Grantee {
    Everyone,
    Account(AccountId),
    Arn(Box<str>),
    UniqueId(Box<str>),
    Service(Box<str>),
    Federated(Box<str>),
    CanonicalUser(Box<str>),
}

impl Grantee {
    /// Parses a value of `"AWS"`: `*`, an account id, a root, user, role or session ARN, or a unique id.
    pub(crate) fn parse_aws(text: &str) -> Option<Grantee> {
        if text == "*" {
            return Some(Grantee::Everyone);
        }
        if let Some(account) = AccountId::parse(text) {
            return Some(Grantee::Account(account));
        }
        // AWS: "You cannot use a wildcard to match part of a principal name or ARN".
        if text.contains(['*', '?']) {
            return None;
        }
        if text.starts_with("arn:") {
            let mut fields = text.splitn(6, ':').skip(2);
            let (service, _region, account, resource) =
                (fields.next()?, fields.next()?, AccountId::parse(fields.next()?)?, fields.next()?);
            return match (service, resource) {
                ("iam", "root") => Some(Grantee::Account(account)),
                ("iam" | "sts", _) if !resource.is_empty() => Some(Grantee::Arn(text.into())),
                _ => None,
            };
        }
        let id = text.split(':').next().unwrap_or_default();
        let unique = id.len() >= 16 && id.starts_with('A') && id.bytes().all(|b| b.is_ascii_alphanumeric());
        unique.then(|| Grantee::UniqueId(text.into()))
    }

    /// How directly this names the caller; `None` when it does not.
    pub(crate) fn reach(&self, caller: &Principal) -> Option<Reach> {
        let direct = |named: bool| named.then_some(Reach::Direct);
        match self {
            Grantee::Everyone => Some(Reach::Direct),
            Grantee::Account(account) => (caller.account == Some(*account)).then_some(Reach::Account),
            Grantee::Arn(arn) => match &caller.kind {
                PrincipalKind::Service(_) | PrincipalKind::Federated(_) | PrincipalKind::Anonymous => None,
                _ if caller.arn == **arn => Some(Reach::Direct),
                PrincipalKind::AssumedRole { role_arn, .. } => (role_arn == &**arn).then_some(Reach::Role),
                PrincipalKind::FederatedUser { user_arn } => (user_arn == &**arn).then_some(Reach::Role),
                PrincipalKind::Root | PrincipalKind::User => None,
            },
            Grantee::UniqueId(id) => match caller.role_id() {
                Some(role_id) if role_id == &**id => Some(Reach::Role),
                None if caller.federated_by.as_deref() == Some(id) => Some(Reach::Role),
                _ => direct(caller.account.is_some() && caller.user_id == **id),
            },
            Grantee::Service(name) => {
                direct(matches!(&caller.kind, PrincipalKind::Service(service) if service == &**name))
            }
            Grantee::Federated(name) => {
                direct(matches!(&caller.kind, PrincipalKind::Federated(provider) if provider == &**name))
            }
            Grantee::CanonicalUser(id) => {
                (caller.canonical_user_id.as_deref() == Some(id)).then_some(Reach::Account)
            }
        }
    }
}

/// A compiled `Principal` or `NotPrincipal` element.
#[derive(Debug, Clone)]
pub(crate) struct Grantees {
    pub negated: bool,
    pub list: Box<[Grantee]>,
    /// The element as written, for explanations.
    pub source: Box<[Box<str>]>,
}

impl Grantees {
    /// How directly the element reaches the caller; `None` when the statement does not apply to it.
    pub(crate) fn reach(&self, subject: &Subject<'_>, effect: Effect) -> Option<Reach> {
        let caller = subject.request.principal;
        if self.negated {
            // AWS: a Deny with NotPrincipal always denies a caller that has a permissions boundary
            // (<https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html>).
            let bounded = subject.bounded && effect == Effect::Deny;
            return (bounded || self.excludes(caller, effect)).then_some(Reach::Direct);
        }
        self.list.iter().filter_map(|grantee| grantee.reach(caller)).max()
    }

    /// Whether `NotPrincipal` applies to the caller.
    ///
    /// AWS: to exempt a caller from a Deny, its account, its role and its session must all be listed; "AWS might
    /// validate the account first, then the role, and then the assumed-role user". An Allow applies only to a caller
    /// of whom no layer is listed.
    fn excludes(&self, caller: &Principal, effect: Effect) -> bool {
        if self.list.contains(&Grantee::Everyone) {
            return false;
        }
        let listed = |layer: Reach| self.list.iter().any(|grantee| grantee.reach(caller) == Some(layer));
        let layers: &[Reach] = match caller.kind {
            PrincipalKind::Root => &[Reach::Account],
            PrincipalKind::User | PrincipalKind::FederatedUser { .. } => &[Reach::Account, Reach::Direct],
            PrincipalKind::AssumedRole { .. } => &[Reach::Account, Reach::Role, Reach::Direct],
            PrincipalKind::Service(_) | PrincipalKind::Federated(_) | PrincipalKind::Anonymous => {
                &[Reach::Direct]
            }
        };
        match effect {
            Effect::Deny => !layers.iter().all(|layer| listed(*layer)),
            Effect::Allow => !layers.iter().any(|layer| listed(*layer)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Grantee, Grantees, Reach};
    use crate::document::Effect;
    use crate::principal::Principal;
    use yakumo_aws::AccountId;

    const ROLE: &str = "arn:aws:iam::111122223333:role/app/reader";
    const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/reader/s1";
    const USER: &str = "arn:aws:iam::111122223333:user/bob";
    const FEDERATED: &str = "arn:aws:sts::111122223333:federated-user/web";
    const ROOT: &str = "arn:aws:iam::111122223333:root";

    fn account() -> AccountId {
        AccountId::parse("111122223333").unwrap()
    }

    fn session() -> Principal {
        Principal::assumed_role("aws", account(), ROLE, "AROAEXAMPLEEXAMPLE", "s1")
    }

    fn user() -> Principal {
        Principal::user(account(), USER, "AIDAEXAMPLEEXAMPLE")
    }

    fn reach(text: &str, caller: &Principal) -> Option<Reach> {
        Grantee::parse_aws(text).unwrap().reach(caller)
    }

    #[test]
    fn whom_an_aws_principal_names() {
        for text in ["111122223333", ROOT] {
            assert_eq!(reach(text, &user()), Some(Reach::Account));
            assert_eq!(reach(text, &session()), Some(Reach::Account));
            assert_eq!(reach(text, &Principal::anonymous()), None);
            assert_eq!(reach(text, &Principal::service("sns.amazonaws.com")), None);
        }
        assert_eq!(reach("999999999999", &user()), None);
        assert_eq!(reach(USER, &user()), Some(Reach::Direct));
        assert_eq!(reach(USER, &session()), None);
        assert_eq!(reach(ROLE, &session()), Some(Reach::Role));
        assert_eq!(reach(SESSION, &session()), Some(Reach::Direct));
        assert_eq!(reach("AROAEXAMPLEEXAMPLE", &session()), Some(Reach::Role));
        assert_eq!(reach("AROAEXAMPLEEXAMPLE:s1", &session()), Some(Reach::Direct));
        assert_eq!(reach("AIDAEXAMPLEEXAMPLE", &user()), Some(Reach::Direct));
        assert_eq!(reach("*", &Principal::anonymous()), Some(Reach::Direct));
        let mut federated = Principal::federated_user("aws", account(), USER, "web");
        assert_eq!(reach("AIDAEXAMPLEEXAMPLE", &federated), None);
        federated.federated_by = Some("AIDAEXAMPLEEXAMPLE".into());
        assert_eq!(reach("AIDAEXAMPLEEXAMPLE", &federated), Some(Reach::Role));
        assert_eq!(reach(USER, &federated), Some(Reach::Role));
        assert_eq!(reach("arn:aws:sts::111122223333:federated-user/web", &federated), Some(Reach::Direct));
    }

    #[test]
    fn what_is_no_principal() {
        for bad in [
            "",
            "x",
            "12345",
            "arn:aws:iam::111122223333:user/*",
            "arn:aws:sts::111122223333:assumed-role/r/*",
            "arn:aws:s3:::bucket",
            "arn:aws:iam::x:user/bob",
            "arn:aws:iam::111122223333:",
        ] {
            assert!(Grantee::parse_aws(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn not_principal_exempts_only_a_caller_listed_in_every_layer() {
        let element = |list: &[&str]| Grantees {
            negated: true,
            list: list.iter().map(|text| Grantee::parse_aws(text).unwrap()).collect(),
            source: Box::new([]),
        };
        for (list, caller, denied) in [
            (&[USER, ROOT][..], user(), false),
            (&[USER], user(), true),
            (&[ROOT], user(), true),
            (&[ROLE, SESSION, ROOT], session(), false),
            (&[ROLE, ROOT], session(), true),
            (&[FEDERATED, ROOT], Principal::federated_user("aws", account(), USER, "web"), false),
            (&[USER, ROOT], Principal::federated_user("aws", account(), USER, "web"), true),
            (&[USER, ROOT], Principal::anonymous(), true),
            (&["*"], Principal::anonymous(), false),
        ] {
            assert_eq!(element(list).excludes(&caller, Effect::Deny), denied, "{list:?} {}", caller.arn);
        }
        assert!(!element(&[ROOT]).excludes(&user(), Effect::Allow));
        assert!(element(&["999999999999"]).excludes(&user(), Effect::Allow));
    }
}
