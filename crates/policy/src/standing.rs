//! How every statement of a document stands to a request: for simulators, which show all of them and not only those
//! that decided.
//!
//! It matches with the same functions as [`crate::evaluate`], so it cannot tell another story.

use crate::document::{Document, Effect};
use crate::evaluate::{Policies, Request};
use crate::statement::Statement;
use crate::subject::Subject;

/// How one statement stands to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What it does when it applies.
    pub effect: Effect,
    /// Whether action, principal and resource are its own; a resource counts as its own, too, when only a policy
    /// variable without a value keeps it from telling.
    pub concerns: bool,
    /// Whether it applies: it concerns the request, and its conditions hold.
    pub applies: bool,
}

impl Document {
    /// How each statement stands to the request, in the order of the document; `policies` are all that have a say.
    pub fn standings(&self, request: &Request<'_>, policies: &Policies<'_>) -> Vec<Standing> {
        let subject = Subject::new(request, policies);
        let standing = |statement: &Statement| Standing {
            effect: statement.effect,
            concerns: statement.concerns(&subject),
            applies: statement.applies(&subject).is_some(),
        };
        self.statements.iter().map(standing).collect()
    }
}

impl Request<'_> {
    /// Whether a condition key has a value here: from the context, or from who the caller is.
    pub fn has_key(&self, key: &str) -> bool {
        !Subject::new(self, &Policies::default()).lookup(&key.to_lowercase()).is_absent()
    }
}

impl Statement {
    fn concerns(&self, subject: &Subject<'_>) -> bool {
        let undecided = || {
            let resources = self.resources.iter().flat_map(|resources| resources.list.iter());
            resources.into_iter().any(|pattern| pattern.unresolved(subject).is_some())
        };
        self.covers_action(subject)
            && self.reach(subject).is_some()
            && (self.covers_resource(subject) || undecided())
    }
}

#[cfg(test)]
mod tests {
    use crate::{Context, Document, Policies, PolicyKind, Principal, Request};
    use yakumo_aws::AccountId;

    /// `concerns` and `applies` of each statement, as `C` and `A`.
    fn check(policy: &str, keys: &[(&'static str, &'static str)], expected: &[&str]) {
        let document = Document::parse(policy, PolicyKind::Identity).unwrap();
        let principal = Principal::federated_user("aws", AccountId::DEFAULT, "", "");
        let mut context = Context::new();
        for (key, value) in keys {
            context.put(*key, *value);
        }
        let request = Request {
            principal: &principal,
            action: "s3:GetObject",
            resource: "arn:aws:s3:::b/alice/x",
            resource_account: None,
            context: &context,
        };
        assert!(request.has_key("AWS:PrincipalType") && !request.has_key("aws:SourceVpc"));
        let told = document.standings(&request, &Policies::default()).into_iter().map(|standing| {
            let part = |holds: bool, letter| if holds { letter } else { "" };
            format!("{}{}", part(standing.concerns, "C"), part(standing.applies, "A"))
        });
        assert_eq!(told.collect::<Vec<_>>(), expected, "{policy} {keys:?}");
    }

    #[test]
    fn a_statement_concerns_what_its_conditions_may_still_refuse() {
        let policy = r#"{"Version":"2012-10-17","Statement":[
            {"Effect":"Allow","Action":"s3:*","Resource":"*"},
            {"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}},
            {"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username}/*"},
            {"Effect":"Allow","Action":"sqs:*","Resource":"*"},
            {"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::other"}]}"#;
        check(policy, &[], &["CA", "C", "C", "", ""]);
        check(policy, &[("aws:SecureTransport", "false")], &["CA", "CA", "C", "", ""]);
        check(policy, &[("aws:username", "alice")], &["CA", "C", "CA", "", ""]);
        check(policy, &[("aws:username", "bob")], &["CA", "C", "", "", ""]);
    }
}
