//! What the text of a control policy may be: the grammar is `yakumo-policy`'s, the rest is here.
//! AWS: <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_syntax.html>

use crate::error;
use yakumo_aws::Result;
use yakumo_policy::{Document, Malformed, PolicyKind};

/// AWS: the most characters of an SCP or RCP, white space included.
const CHARS_MAX: usize = 5_120;

/// Refuses what is no policy of its type, and what is too long.
pub(crate) fn check(kind: PolicyKind<'_>, content: &str) -> Result<()> {
    if content.chars().count() > CHARS_MAX {
        return Err(error::policy_too_large());
    }
    // The words are those of Organizations already; what is wrong in detail is its reason.
    let malformed = |reason: Malformed| error::malformed_policy(&reason.message).with_source(reason);
    Document::parse(content, kind).map_err(malformed)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;
    use yakumo_policy::PolicyKind;

    fn judge(kind: PolicyKind<'_>, statement: &str, code: Option<&str>) {
        let content = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
        let outcome = check(kind, &content).err().map(|error| error.code.into_owned());
        assert_eq!(outcome.as_deref(), code, "{statement}");
    }

    #[test]
    fn scps_allow_and_deny_and_name_nobody() {
        let malformed = Some("MalformedPolicyDocumentException");
        for (statement, code) in [
            (r#"{"Effect":"Allow","Action":"sqs:*","Resource":"*"}"#, None),
            (r#"{"Effect":"Deny","NotAction":"iam:*","Resource":"*"}"#, None),
            (
                r#"{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":"eu-west-1"}}}"#,
                None,
            ),
            (r#"{"Effect":"Deny","Action":"*","Resource":"*","Principal":"*"}"#, malformed),
            (r#"{"Effect":"Maybe","Action":"*","Resource":"*"}"#, malformed),
            (r#"{"Effect":"Deny","Action":"*"}"#, malformed),
            ("", malformed),
        ] {
            judge(PolicyKind::Scp, statement, code);
        }
    }

    #[test]
    fn rcps_only_deny_everybody_the_actions_of_some_services() {
        let malformed = Some("MalformedPolicyDocumentException");
        for (statement, code) in [
            (r#"{"Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"*"}"#, None),
            (
                r#"{"Effect":"Deny","Principal":"*","Action":["s3:Get*","STS:AssumeRole"],"Resource":"*"}"#,
                None,
            ),
            (r#"{"Effect":"Allow","Principal":"*","Action":"sqs:*","Resource":"*"}"#, malformed),
            (
                r#"{"Effect":"Deny","Principal":{"AWS":"111122223333"},"Action":"sqs:*","Resource":"*"}"#,
                malformed,
            ),
            (r#"{"Effect":"Deny","Principal":"*","NotAction":"sqs:*","Resource":"*"}"#, malformed),
            (r#"{"Effect":"Deny","Principal":"*","Action":"iam:*","Resource":"*"}"#, malformed),
            (r#"{"Effect":"Deny","Action":"sqs:*","Resource":"*"}"#, malformed),
        ] {
            judge(PolicyKind::Rcp, statement, code);
        }
    }

    #[test]
    fn a_policy_has_5120_characters_at_most() {
        let text = |sid: usize| {
            let sid = "x".repeat(sid);
            format!(
                r#"{{"Version":"2012-10-17","Statement":{{"Sid":"{sid}","Effect":"Deny","Action":"*","Resource":"*"}}}}"#
            )
        };
        let spare = 5_120 - text(0).len();
        check(PolicyKind::Scp, &text(spare)).unwrap();
        let error = check(PolicyKind::Scp, &text(spare + 1)).unwrap_err();
        assert_eq!(error.message, "You have exceeded the maximum policy size.");
    }
}
