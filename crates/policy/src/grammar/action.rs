//! The `Action` and `NotAction` elements.

use super::{Dialect, Malformed, matchers, one_of, texts};
use crate::json::Json;
use crate::statement::Matchers;

pub(super) fn parse(members: &[(String, Json)], dialect: &Dialect<'_>) -> Result<Matchers, Malformed> {
    let element = one_of(members, "Action", "NotAction", dialect)?;
    let missing = || {
        let text = if dialect.names_principals() {
            "Missing required field Action"
        } else {
            "Policy statement must contain actions."
        };
        Malformed::new(text)
    };
    let (negated, json) = element.ok_or_else(missing)?;
    let actions = texts(json, "Action", dialect)?;
    if actions.is_empty() {
        return Err(missing());
    }
    for action in &actions {
        check(action, dialect)?;
    }
    Ok(matchers(&actions, negated, false))
}

/// AWS: a service prefix, a colon and a name with wildcards, or `*` alone.
fn check(action: &str, dialect: &Dialect<'_>) -> Result<(), Malformed> {
    if dialect.is_trust() {
        return check_trust(action);
    }
    if action == "*" {
        return Ok(());
    }
    let (vendor, name) = action.split_once(':').ok_or_else(prefaced)?;
    if vendor.is_empty() || name.is_empty() {
        return Err(prefaced());
    }
    if vendor.contains(['*', '?']) {
        return Err(Malformed::new("Action vendors must not contain wildcards."));
    }
    if name.contains(':') {
        return Err(Malformed::new("Actions/Condition can contain only one colon."));
    }
    if !vendor.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.')) {
        return Err(Malformed::new(format!("Vendor {vendor} is not valid")));
    }
    Ok(())
}

/// The text for an action or key without a service prefix.
pub(super) fn prefaced() -> Malformed {
    Malformed::new("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
}

/// AWS: a trust policy allows `sts:AssumeRole…`, `sts:TagSession`, `sts:SetSourceIdentity` and `sts:SetContext`.
fn check_trust(action: &str) -> Result<(), Malformed> {
    let lower = action.to_ascii_lowercase();
    let allowed = lower.strip_prefix("sts:").is_some_and(|name| {
        matches!(name, "*" | "tagsession" | "setsourceidentity" | "setcontext" | "getwebidentitytoken")
            || name.starts_with("assumerole")
            || name.ends_with('*')
    });
    if allowed {
        Ok(())
    } else {
        Err(Malformed::new("AssumeRole policy may only specify STS AssumeRole actions."))
    }
}
