//! What Organizations allows in service control policies and resource control policies.
//!
//! Source: <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_syntax.html> (every
//! element but principals, with either effect) and
//! <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_syntax.html>.

use super::Malformed;
use crate::document::Effect;
use crate::grantee::Grantee;
use crate::statement::Statement;

/// The prefixes of the services that support RCPs.
/// AWS: <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html#rcp-supported-services>
const RCP_SERVICES: &[&str] = &[
    "aoss",
    "cognito-identity",
    "cognito-idp",
    "dynamodb",
    "ecr",
    "kms",
    "logs",
    "s3",
    "secretsmanager",
    "sqs",
    "sts",
];

/// Organizations has one sentence for every mistake in a document.
pub(super) fn in_organizations_words(malformed: Malformed) -> Malformed {
    let text = "The provided policy document does not meet the requirements of the specified policy type.";
    Malformed::because(text, malformed.reason)
}

/// An RCP denies, to everyone, named actions of services that support RCPs; only `RCPFullAWSAccess` allows.
pub(super) fn check_rcp(statements: &[Statement]) -> Result<(), Malformed> {
    if let [statement] = statements
        && is_full_access(statement)
    {
        return Ok(());
    }
    statements.iter().try_for_each(check_rcp_statement)
}

/// `RCPFullAWSAccess`: everything, for everyone, on everything.
fn is_full_access(statement: &Statement) -> bool {
    let everything = |list: &[crate::pattern::Pattern]| matches!(list, [one] if one.source() == "*");
    statement.effect == Effect::Allow
        && names_everyone(statement)
        && !statement.actions.negated
        && everything(&statement.actions.list)
        && statement
            .resources
            .as_ref()
            .is_some_and(|resources| !resources.negated && everything(&resources.list))
        && statement.conditions.is_empty()
}

fn names_everyone(statement: &Statement) -> bool {
    let star = |grantees: &crate::grantee::Grantees| {
        !grantees.negated
            && matches!(&*grantees.list, [Grantee::Everyone])
            && matches!(&*grantees.source, [one] if &**one == "*")
    };
    statement.principals.as_ref().is_some_and(star)
}

fn check_rcp_statement(statement: &Statement) -> Result<(), Malformed> {
    let fail = |text: &str| Err(Malformed::new(text));
    if statement.effect == Effect::Allow {
        return fail("only RCPFullAWSAccess may allow; an RCP of one's own has the effect Deny");
    }
    if !names_everyone(statement) {
        return fail("the Principal of an RCP is \"*\"");
    }
    if statement.actions.negated {
        return fail("an RCP cannot have NotAction");
    }
    for action in &statement.actions.list {
        let prefix = action.source().split(':').next().unwrap_or_default().to_ascii_lowercase();
        if !RCP_SERVICES.contains(&prefix.as_str()) {
            return Err(Malformed::new(format!("RCPs do not support the action {}", action.source())));
        }
    }
    Ok(())
}
