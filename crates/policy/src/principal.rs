//! Who makes a request, and the condition keys that follow from who it is.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable>

use crate::context::{Context, same_key};
use yakumo_aws::AccountId;

/// What kind of identity makes the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrincipalKind {
    /// The account's root user, with its own keys or a session of GetSessionToken.
    Root,
    /// An IAM user, with its own keys or a session of GetSessionToken.
    User,
    /// A session of one of the AssumeRole operations.
    AssumedRole {
        /// The role's own ARN with its path: `arn:aws:iam::111122223333:role/app/reader`.
        role_arn: String,
        /// The name that the caller chose.
        session_name: String,
    },
    /// A session of GetFederationToken.
    FederatedUser {
        /// The ARN of the IAM user (or root user) that made the session.
        user_arn: String,
    },
    /// An AWS service by its principal name, such as `sns.amazonaws.com`.
    Service(String),
    /// A web or SAML identity while it asks for a role: the provider's name or ARN.
    Federated(String),
    /// A request without credentials.
    Anonymous,
}

/// The caller of a request as policies see it.
#[derive(Debug, Clone)]
pub struct Principal {
    /// What kind of identity.
    pub kind: PrincipalKind,
    /// The account it belongs to; `None` for services, web identities and anonymous callers.
    pub account: Option<AccountId>,
    /// The ARN that policies and messages name: a role session has its `assumed-role` ARN here.
    pub arn: String,
    /// `aws:userid`: `AIDA…`, `AROA…:session`, the account id for the root user.
    pub user_id: String,
    /// Of a session of GetFederationToken: the unique id (`AIDA…`) of the IAM user that made it, so that policies which
    /// hold their principals by unique id reach the session.
    pub federated_by: Option<String>,
    /// The account's canonical user id, where a service (S3) knows it.
    pub canonical_user_id: Option<String>,
    /// Tags of the identity and of its session: `aws:PrincipalTag/KEY`.
    pub tags: Vec<(String, String)>,
    /// Further keys that the credentials carry: `aws:TokenIssueTime`, `aws:MultiFactorAuthPresent`,
    /// `aws:SourceIdentity`, `aws:FederatedProvider`, `aws:PrincipalOrgID` …
    pub keys: Context<'static>,
}

impl Principal {
    fn new(kind: PrincipalKind, account: Option<AccountId>, arn: String, user_id: String) -> Principal {
        Principal {
            kind,
            account,
            arn,
            user_id,
            federated_by: None,
            canonical_user_id: None,
            tags: Vec::new(),
            keys: Context::new(),
        }
    }

    /// The root user of an account in a partition (`aws`).
    pub fn root(partition: &str, account: AccountId) -> Principal {
        let arn = format!("arn:{partition}:iam::{account}:root");
        Principal::new(PrincipalKind::Root, Some(account), arn, account.to_string())
    }

    /// An IAM user by its ARN (with path) and its unique id (`AIDA…`).
    pub fn user(account: AccountId, arn: impl Into<String>, user_id: impl Into<String>) -> Principal {
        Principal::new(PrincipalKind::User, Some(account), arn.into(), user_id.into())
    }

    /// A session of a role: `role_id` is `AROA…`. The session's ARN is made of the role's name without its path.
    pub fn assumed_role(
        partition: &str,
        account: AccountId,
        role_arn: impl Into<String>,
        role_id: &str,
        session_name: &str,
    ) -> Principal {
        let role_arn = role_arn.into();
        let role_name = role_arn.rsplit('/').next().unwrap_or_default();
        let arn = format!("arn:{partition}:sts::{account}:assumed-role/{role_name}/{session_name}");
        let user_id = format!("{role_id}:{session_name}");
        let kind = PrincipalKind::AssumedRole { role_arn, session_name: session_name.to_owned() };
        Principal::new(kind, Some(account), arn, user_id)
    }

    /// A session of GetFederationToken that `user_arn` made under `name`.
    pub fn federated_user(
        partition: &str,
        account: AccountId,
        user_arn: impl Into<String>,
        name: &str,
    ) -> Principal {
        let arn = format!("arn:{partition}:sts::{account}:federated-user/{name}");
        let kind = PrincipalKind::FederatedUser { user_arn: user_arn.into() };
        Principal::new(kind, Some(account), arn, format!("{account}:{name}"))
    }

    /// An AWS service that calls on its own behalf.
    pub fn service(name: impl Into<String>) -> Principal {
        let name = name.into();
        Principal::new(PrincipalKind::Service(name.clone()), None, name.clone(), name)
    }

    /// A web or SAML identity that asks for a role; `provider` is what a trust policy names as `Federated`.
    pub fn federated(provider: impl Into<String>, user_id: impl Into<String>) -> Principal {
        let provider = provider.into();
        Principal::new(PrincipalKind::Federated(provider.clone()), None, provider, user_id.into())
    }

    /// A caller without credentials.
    pub fn anonymous() -> Principal {
        Principal::new(PrincipalKind::Anonymous, None, "anonymous".into(), "anonymous".into())
    }

    /// Whether this is a session of a service-linked role: only those live under the path `/aws-service-role/`.
    ///
    /// AWS: neither SCPs nor RCPs restrict them
    /// (<https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html>).
    pub fn is_service_linked_role(&self) -> bool {
        match &self.kind {
            PrincipalKind::AssumedRole { role_arn, .. } => {
                role_arn.splitn(6, ':').nth(5).is_some_and(|name| name.starts_with("role/aws-service-role/"))
            }
            _ => false,
        }
    }

    /// Whether the caller has every permission of its account: the root user, and the sessions it federated, which only
    /// their session policies limit.
    ///
    /// AWS: <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html>
    pub(crate) fn has_full_access(&self) -> bool {
        match &self.kind {
            PrincipalKind::Root => true,
            PrincipalKind::FederatedUser { user_arn } => user_arn.ends_with(":root"),
            _ => false,
        }
    }

    /// The unique id of the role (`AROA…`) behind a role session.
    pub(crate) fn role_id(&self) -> Option<&str> {
        match self.kind {
            PrincipalKind::AssumedRole { .. } => self.user_id.split(':').next(),
            _ => None,
        }
    }

    /// The value of a condition key (lower case) that follows from who the caller is. Rooms need not put these.
    pub(crate) fn derived(&self, key: &str) -> Option<&str> {
        let name = key.strip_prefix("aws:")?;
        match name {
            "principalarn" => self.principal_arn(),
            "principalaccount" => match (&self.kind, &self.account) {
                (PrincipalKind::Anonymous, _) => Some("anonymous"),
                (_, account) => account.as_ref().map(AccountId::as_str),
            },
            "principaltype" => self.principal_type(),
            "principalisawsservice" => match self.kind {
                PrincipalKind::Anonymous => None,
                PrincipalKind::Service(_) => Some("true"),
                _ => Some("false"),
            },
            "principalservicename" => match &self.kind {
                PrincipalKind::Service(name) => Some(name),
                _ => None,
            },
            "userid" => Some(&self.user_id),
            "username" => match self.kind {
                PrincipalKind::User => self.arn.rsplit('/').next(),
                _ => None,
            },
            _ => self.tag(name.strip_prefix("principaltag/")?),
        }
    }

    fn tag(&self, key: &str) -> Option<&str> {
        let tag = self.tags.iter().find(|(known, _)| same_key(known, key));
        tag.map(|(_, value)| value.as_str())
    }

    /// `aws:PrincipalArn`: of a role session, the role's ARN.
    fn principal_arn(&self) -> Option<&str> {
        match &self.kind {
            PrincipalKind::AssumedRole { role_arn, .. } => Some(role_arn),
            PrincipalKind::Root | PrincipalKind::User | PrincipalKind::FederatedUser { .. } => {
                Some(&self.arn)
            }
            PrincipalKind::Service(_) | PrincipalKind::Federated(_) | PrincipalKind::Anonymous => None,
        }
    }

    fn principal_type(&self) -> Option<&'static str> {
        match self.kind {
            PrincipalKind::Root => Some("Account"),
            PrincipalKind::User => Some("User"),
            PrincipalKind::AssumedRole { .. } => Some("AssumedRole"),
            PrincipalKind::FederatedUser { .. } => Some("FederatedUser"),
            PrincipalKind::Anonymous => Some("Anonymous"),
            PrincipalKind::Service(_) | PrincipalKind::Federated(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Principal;
    use yakumo_aws::AccountId;

    fn check(principal: &Principal, expected: [Option<&str>; 4]) {
        let keys = ["aws:principalarn", "aws:username", "aws:userid", "aws:principaltype"];
        for (key, value) in keys.into_iter().zip(expected) {
            assert_eq!(principal.derived(key), value, "{key} of {}", principal.arn);
        }
    }

    #[test]
    fn the_table_of_principal_key_values() {
        let account = AccountId::parse("111122223333").unwrap();
        let root = "arn:aws:iam::111122223333:root";
        check(&Principal::root("aws", account), [Some(root), None, Some("111122223333"), Some("Account")]);
        let user = "arn:aws:iam::111122223333:user/path/bob";
        check(
            &Principal::user(account, user, "AIDAX"),
            [Some(user), Some("bob"), Some("AIDAX"), Some("User")],
        );
        let role = "arn:aws:iam::111122223333:role/app/reader";
        let session = Principal::assumed_role("aws", account, role, "AROAX", "s1");
        check(&session, [Some(role), None, Some("AROAX:s1"), Some("AssumedRole")]);
        assert_eq!(session.arn, "arn:aws:sts::111122223333:assumed-role/reader/s1");
        let federated = Principal::federated_user("aws", account, user, "web");
        let arn = "arn:aws:sts::111122223333:federated-user/web";
        check(&federated, [Some(arn), None, Some("111122223333:web"), Some("FederatedUser")]);
        check(&Principal::anonymous(), [None, None, Some("anonymous"), Some("Anonymous")]);
        let service = Principal::service("sns.amazonaws.com");
        assert_eq!(service.derived("aws:principalisawsservice"), Some("true"));
        assert_eq!(service.derived("aws:principalaccount"), None);
    }
}
