//! The `Principal` and `NotPrincipal` elements.

use super::{Dialect, Malformed, one_of, texts};
use crate::document::{Effect, PolicyKind};
use crate::grantee::{Grantee, Grantees};
use crate::json::Json;

pub(super) fn parse(
    members: &[(String, Json)],
    effect: Effect,
    dialect: &Dialect<'_>,
) -> Result<Option<Grantees>, Malformed> {
    let element = one_of(members, "Principal", "NotPrincipal", dialect)?;
    let Some((negated, json)) = element else {
        // AWS: the default endpoint policy and those of gateways name a principal; IAM insists on it elsewhere too.
        return match dialect.names_principals() {
            true => Err(Malformed::new("Missing required field Principal")),
            false => Ok(None),
        };
    };
    if !dialect.names_principals() {
        return Err(Malformed::new("Policy document should not specify a principal."));
    }
    // AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html>
    if negated && effect == Effect::Allow {
        return Err(Malformed::new("Allow with NotPrincipal is not allowed."));
    }
    if dialect.is_trust() && json.is_object_of_empty_lists() {
        return Err(Malformed::new(
            "Invalid principal in policy: com.amazon.balsa.error.InvalidPolicyException: The passed in policy has a \
             statement with no principals!",
        ));
    }
    let mut list = Vec::new();
    let mut source: Vec<Box<str>> = Vec::new();
    for (kind, name) in named(json, dialect)? {
        let grantee = grantee(kind, name, dialect).ok_or_else(|| invalid(kind, name))?;
        source.push(if kind == "*" { "*".into() } else { format!("{kind}:{name}").into() });
        list.push(grantee);
    }
    if list.is_empty() {
        return Err(Malformed::new("Missing required field Principal cannot be empty!"));
    }
    Ok(Some(Grantees { negated, list: list.into(), source: source.into() }))
}

/// Pairs of principal type and name; `"*"` gives the pair of two stars.
fn named<'j>(json: &'j Json, dialect: &Dialect<'_>) -> Result<Vec<(&'j str, &'j str)>, Malformed> {
    match json {
        Json::Text(text) if text == "*" => Ok(vec![("*", "*")]),
        Json::Text(text) => Err(Malformed::new(format!("Invalid principal in policy: \"{text}\""))),
        Json::Object(members) => {
            let mut pairs = Vec::new();
            for (kind, names) in members {
                pairs.extend(
                    texts(names, "Principal", dialect)?.into_iter().map(|name| (kind.as_str(), name)),
                );
            }
            Ok(pairs)
        }
        _ => Err(Malformed::new("Invalid principal in policy")),
    }
}

fn grantee(kind: &str, name: &str, dialect: &Dialect<'_>) -> Option<Grantee> {
    match kind {
        "*" => Some(Grantee::Everyone),
        "AWS" => Grantee::parse_aws(name),
        // AWS: `"Service": "*"` is refused by most services; we take it for no service at all.
        "Service" if !name.is_empty() && !name.contains('*') && (!dialect.is_trust() || is_host(name)) => {
            Some(Grantee::Service(name.into()))
        }
        "Federated" if !name.is_empty() && (!dialect.is_trust() || is_provider(name)) => {
            Some(Grantee::Federated(name.into()))
        }
        "CanonicalUser" if !name.is_empty() && dialect.kind != PolicyKind::Trust => {
            Some(Grantee::CanonicalUser(name.into()))
        }
        _ => None,
    }
}

/// AWS: KMS names no principal (<https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html>).
pub(super) fn in_kms_words(malformed: Malformed) -> Malformed {
    let text = "Policy contains a statement with one or more invalid principals.";
    match malformed.message.starts_with("Invalid principal in policy") {
        true => Malformed::because(text, malformed.reason),
        false => malformed,
    }
}

/// AWS: services are named by host names such as `ec2.amazonaws.com`. DIFFERS: AWS knows them all and refuses others; we
/// refuse what cannot be one.
fn is_host(name: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name.contains('.') && name.split('.').all(label)
}

/// AWS: an identity provider of an account, or one of those that everybody shares, such as `accounts.google.com`:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>
fn is_provider(name: &str) -> bool {
    match name.strip_prefix("arn:") {
        Some(rest) => rest.contains(":saml-provider/") || rest.contains(":oidc-provider/"),
        None => is_host(name),
    }
}

/// AWS writes the kind in capitals: `Invalid principal in policy: "SERVICE":"foo"`.
fn invalid(kind: &str, name: &str) -> Malformed {
    let kind = kind.to_ascii_uppercase();
    Malformed::new(format!("Invalid principal in policy: \"{kind}\":\"{name}\""))
}
