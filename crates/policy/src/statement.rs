//! One compiled statement and whether it applies to a request.

use crate::condition::Condition;
use crate::document::Effect;
use crate::grantee::{Grantees, Reach};
use crate::pattern::{Case, Pattern};
use crate::subject::Subject;

/// An `Action`, `NotAction`, `Resource` or `NotResource` element.
#[derive(Debug, Clone)]
pub(crate) struct Matchers {
    pub negated: bool,
    pub list: Box<[Pattern]>,
}

impl Matchers {
    /// AWS: a variable without a value makes the statement invalid, in `NotResource` too
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>).
    fn covers(&self, text: &str, case: Case, subject: &Subject<'_>) -> bool {
        let any = self.list.iter().any(|pattern| pattern.matches(text, case, subject));
        match self.negated {
            true => !any && !self.list.iter().any(|pattern| pattern.unresolved(subject).is_some()),
            false => any,
        }
    }
}

/// A statement of a policy. An absent principal means the identity that carries the policy; an absent resource means
/// the resource that carries it.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub sid: Option<Box<str>>,
    pub effect: Effect,
    pub principals: Option<Grantees>,
    pub actions: Matchers,
    pub resources: Option<Matchers>,
    pub conditions: Box<[Condition]>,
}

impl Statement {
    /// Action names are compared without case.
    /// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html>
    pub(crate) fn covers_action(&self, subject: &Subject<'_>) -> bool {
        self.actions.covers(subject.request.action, Case::Insensitive, subject)
    }

    /// ARNs are compared with case.
    pub(crate) fn covers_resource(&self, subject: &Subject<'_>) -> bool {
        self.resources
            .as_ref()
            .is_none_or(|resources| resources.covers(subject.request.resource, Case::Sensitive, subject))
    }

    /// How directly the statement names the caller; a statement without principals counts as naming its carrier.
    pub(crate) fn reach(&self, subject: &Subject<'_>) -> Option<Reach> {
        match &self.principals {
            Some(grantees) => grantees.reach(subject, self.effect),
            None => Some(Reach::Direct),
        }
    }

    /// Whether all four parts match; then how directly the caller is named.
    pub(crate) fn applies(&self, subject: &Subject<'_>) -> Option<Reach> {
        if !self.covers_action(subject) || !self.covers_resource(subject) {
            return None;
        }
        let reach = self.reach(subject)?;
        self.conditions.iter().all(|condition| condition.holds(subject)).then_some(reach)
    }
}
