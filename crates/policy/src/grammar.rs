//! From JSON to a compiled document, with AWS's text for each mistake.
//!
//! IAM answers in two voices: "Syntax errors in policy." for identity policies, and field by field ("Has prohibited
//! field Resource") for trust policies and the policies of resources.
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>

mod action;
mod condition;
mod control;
mod principal;
mod resource;

use crate::document::{Document, Effect, PolicyKind};
use crate::json::Json;
use crate::pattern::{Pattern, Syntax};
use crate::statement::{Matchers, Statement};
use std::collections::HashSet;
use thiserror::Error;

/// The longest text that is looked at.
const MAX_BYTES: usize = 256 * 1024;

/// AWS's text for `MalformedPolicyDocument`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Malformed {
    /// AWS's sentence, for the client.
    pub message: String,
    /// What is wrong, for whoever has to find it: AWS's sentence is often the same for many mistakes.
    pub reason: String,
}

impl Malformed {
    fn new(message: impl Into<String>) -> Malformed {
        let message = message.into();
        Malformed { reason: message.clone(), message }
    }

    fn because(message: impl Into<String>, reason: impl Into<String>) -> Malformed {
        Malformed { message: message.into(), reason: reason.into() }
    }
}

/// What the grammar needs to know of the policy's kind.
#[derive(Clone, Copy)]
struct Dialect<'a> {
    kind: PolicyKind<'a>,
    /// Policy variables are literal text before version 2012-10-17.
    variables: bool,
}

impl Dialect<'_> {
    fn is_trust(&self) -> bool {
        self.kind == PolicyKind::Trust
    }

    /// Whether the policy says whom it is about.
    fn names_principals(&self) -> bool {
        matches!(
            self.kind,
            PolicyKind::Resource { .. } | PolicyKind::Trust | PolicyKind::VpcEndpoint | PolicyKind::Rcp
        )
    }

    /// An error of the grammar: the one sentence of identity policies, or `detail`.
    fn error(&self, detail: impl Into<String>) -> Malformed {
        if self.names_principals() {
            Malformed::new(detail)
        } else {
            Malformed::because("Syntax errors in policy.", detail)
        }
    }

    /// For what is not even JSON.
    fn invalid_json(&self, detail: impl Into<String>) -> Malformed {
        match self.kind {
            // DIFFERS: STS also lets the words of its JSON parser through, which name a position and an object in memory.
            PolicyKind::Session => Malformed::because("The policy is not in the valid JSON format.", detail),
            _ if self.names_principals() => Malformed::because("This policy contains invalid Json", detail),
            _ => self.error(detail),
        }
    }

    /// The error of policies that only the oldest of IAM's parsers has looked at.
    fn legacy(&self, detail: &str) -> Malformed {
        match self.names_principals() {
            true => Malformed::because("JSON strings must not have leading spaces", detail),
            false => Malformed::because("The policy failed legacy parsing", detail),
        }
    }
}

/// Parses and compiles a policy of the given kind.
pub(crate) fn parse(text: &str, kind: PolicyKind<'_>) -> Result<Document, Malformed> {
    let parsed = parse_kind(text, kind);
    match kind {
        PolicyKind::Scp | PolicyKind::Rcp => parsed.map_err(control::in_organizations_words),
        PolicyKind::Resource { service: "kms" } => parsed.map_err(principal::in_kms_words),
        _ => parsed,
    }
}

fn parse_kind(text: &str, kind: PolicyKind<'_>) -> Result<Document, Malformed> {
    let mut dialect = Dialect { kind, variables: false };
    if text.starts_with(char::is_whitespace) {
        return Err(dialect.legacy("the policy does not begin with a brace"));
    }
    if text.len() > MAX_BYTES {
        return Err(dialect.invalid_json(format!("a policy of more than {MAX_BYTES} bytes")));
    }
    let json = Json::parse(text).map_err(|error| dialect.invalid_json(error.to_string()))?;
    let members = object(&json).ok_or_else(|| dialect.invalid_json("the policy is not an object"))?;
    if !dialect.names_principals() && statement_stands_alone_before_version(members) {
        return Err(dialect.legacy("a single Statement without brackets stands before Version"));
    }
    for (name, _) in members {
        if !matches!(name.as_str(), "Version" | "Id" | "Statement") {
            return Err(dialect.error(format!("Unknown field {name}")));
        }
    }
    dialect.variables = version(members, &dialect)?;
    let id = optional_text(members, "Id", &dialect)?;
    let statements =
        member(members, "Statement").ok_or_else(|| dialect.error("Missing required field Statement"))?;
    let statements: Vec<Statement> =
        statements.as_list().iter().map(|json| statement(json, &dialect)).collect::<Result<_, _>>()?;
    if statements.is_empty() {
        return Err(dialect.error("Missing required field Statement"));
    }
    check_sids(&statements)?;
    if kind == PolicyKind::Rcp {
        control::check_rcp(&statements)?;
    }
    // AWS: a KMS key policy must itself allow, like a trust policy
    // (<https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html>).
    let mandatory = dialect.is_trust() || matches!(kind, PolicyKind::Resource { service: "kms" });
    Ok(Document {
        id: id.map(Into::into),
        statements: statements.into(),
        trust: dialect.is_trust(),
        mandatory,
    })
}

/// AWS: seen in IAM's answers only (a Statement of one object, then Version: "The policy failed legacy parsing"); the
/// page merely says "include the following Version element before the Statement element"
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html>).
fn statement_stands_alone_before_version(members: &[(String, Json)]) -> bool {
    let place = |wanted: &str| members.iter().position(|(name, _)| name == wanted);
    let alone = matches!(member(members, "Statement"), Some(Json::Object(_)));
    alone && place("Version").is_some_and(|version| place("Statement").is_some_and(|place| place < version))
}

/// Whether the document is of version 2012-10-17; an absent version is 2008-10-17.
fn version(members: &[(String, Json)], dialect: &Dialect<'_>) -> Result<bool, Malformed> {
    let modern = match optional_text(members, "Version", dialect)? {
        Some("2012-10-17") => true,
        Some("2008-10-17") | None => false,
        Some(_) => return Err(dialect.error("The policy must contain a valid version string")),
    };
    let needed = matches!(
        dialect.kind,
        PolicyKind::Managed | PolicyKind::Boundary | PolicyKind::Scp | PolicyKind::Rcp
    );
    if needed && !modern {
        return Err(Malformed::new("Policy document must be version 2012-10-17 or greater."));
    }
    Ok(modern)
}

fn statement(json: &Json, dialect: &Dialect<'_>) -> Result<Statement, Malformed> {
    let members = object(json).ok_or_else(|| dialect.error("Statement must be an object"))?;
    for (name, _) in members {
        let known = matches!(
            name.as_str(),
            "Sid"
                | "Effect"
                | "Principal"
                | "NotPrincipal"
                | "Action"
                | "NotAction"
                | "Resource"
                | "NotResource"
                | "Condition"
        );
        if !known {
            return Err(dialect.error(format!("Unknown field {name}")));
        }
    }
    let effect = match optional_text(members, "Effect", dialect)? {
        Some("Allow") => Effect::Allow,
        Some("Deny") => Effect::Deny,
        Some(other) => return Err(dialect.error(format!("Invalid effect: {other}"))),
        None => return Err(dialect.error("Missing required field Effect")),
    };
    Ok(Statement {
        sid: optional_text(members, "Sid", dialect)?.map(Into::into),
        effect,
        principals: principal::parse(members, effect, dialect)?,
        actions: action::parse(members, dialect)?,
        resources: resource::parse(members, dialect)?,
        conditions: condition::parse(members, dialect)?,
    })
}

/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html>
fn check_sids(statements: &[Statement]) -> Result<(), Malformed> {
    let mut seen = HashSet::new();
    for sid in statements.iter().filter_map(|statement| statement.sid.as_deref()) {
        // A resource's policy may have other characters in its Sids; those of identities may not.
        let named = statements.iter().any(|statement| statement.principals.is_some());
        if !named && !sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Malformed::new(
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression \
                 [0-9A-Za-z]*",
            ));
        }
        if !sid.is_empty() && !seen.insert(sid) {
            return Err(Malformed::new("Statement IDs (SID) in a single policy must be unique."));
        }
    }
    Ok(())
}

fn object(json: &Json) -> Option<&[(String, Json)]> {
    match json {
        Json::Object(members) => Some(members),
        _ => None,
    }
}

fn member<'j>(members: &'j [(String, Json)], name: &str) -> Option<&'j Json> {
    members.iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

fn optional_text<'j>(
    members: &'j [(String, Json)],
    name: &str,
    dialect: &Dialect<'_>,
) -> Result<Option<&'j str>, Malformed> {
    match member(members, name) {
        None => Ok(None),
        Some(Json::Text(text)) => Ok(Some(text)),
        Some(_) => Err(dialect.error(format!("Value of {name} must be a string"))),
    }
}

/// One text or a list of texts.
fn texts<'j>(json: &'j Json, name: &str, dialect: &Dialect<'_>) -> Result<Vec<&'j str>, Malformed> {
    let one = |item: &'j Json| match item {
        Json::Text(text) => Ok(text.as_str()),
        _ => Err(dialect.error(format!("Value of {name} must be a string"))),
    };
    json.as_list().iter().map(one).collect()
}

/// The element `name` or its negation; both at once is an error. The flag says which.
fn one_of<'j>(
    members: &'j [(String, Json)],
    name: &str,
    negation: &str,
    dialect: &Dialect<'_>,
) -> Result<Option<(bool, &'j Json)>, Malformed> {
    match (member(members, name), member(members, negation)) {
        (Some(_), Some(_)) => Err(dialect.error(format!("Statement has both {name} and {negation}"))),
        (Some(json), None) => Ok(Some((false, json))),
        (None, Some(json)) => Ok(Some((true, json))),
        (None, None) => Ok(None),
    }
}

fn matchers(texts: &[&str], negated: bool, variables: bool) -> Matchers {
    let syntax = Syntax { wildcards: true, variables };
    Matchers { negated, list: texts.iter().map(|text| Pattern::compile(text, syntax)).collect() }
}

#[cfg(test)]
mod tests;
