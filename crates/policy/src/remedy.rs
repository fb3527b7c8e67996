//! What would have allowed a denied request, as data: ways out, each a list of steps that together are enough.
//!
//! It looks at the same survey as [`crate::evaluate`]; a property test applies the steps and finds the request allowed.

use crate::decision::{MatchedStatement, PolicyType};
use crate::document::{Attached, Effect};
use crate::evaluate::{Policies, Request, Side, Survey, is_abroad, rcps_for, scps_for};
use crate::explain::{Miss, Reason, allow_reasons, matched};
use crate::grantee::Reach;
use crate::principal::{Principal, PrincipalKind};
use crate::subject::Subject;
use serde::Serialize;
use std::fmt;

/// How many statements of a step are told that only lack a condition.
const MAX_NEAR: usize = 3;

/// One way in which a denied request would have been allowed: all of its steps together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// What has to be done, in the order in which policies are evaluated.
    pub steps: Vec<Step>,
}

/// One change to the policies of one type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Which type of policy is to be changed.
    pub policy_type: PolicyType,
    /// Of control policies: the level below the organization's root (0) whose policies must allow.
    pub level: Option<usize>,
    /// What is to be changed.
    pub change: Change,
}

/// A change to a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Change {
    /// The Deny statement must go, or must no longer apply.
    LiftDeny {
        /// The statement.
        statement: MatchedStatement,
        /// Its conditions, all of which the request meets; a request that misses one of them is not denied.
        met: Vec<MetCondition>,
    },
    /// A statement with these elements must be there.
    AddAllow {
        /// The principal element that a resource's policy needs: its type (`AWS`, `Service`, `Federated`, or `*`) and
        /// name. `None` for policies without principals.
        principal: Option<(String, String)>,
        /// The action to allow.
        action: String,
        /// The resource to allow it on.
        resource: String,
        /// Allow statements that are there and lack only conditions: a request that meets those needs no new statement.
        near: Vec<Reason>,
    },
}

/// A condition that the request meets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MetCondition {
    /// The operator as written.
    pub operator: String,
    /// The key as written.
    pub key: String,
    /// What the statement says.
    pub wanted: Vec<String>,
    /// The request's values; `None` when it has no such key.
    pub found: Option<Vec<String>>,
}

/// Every way out of a denial, the shortest first; none for an allowed request.
pub(crate) fn remedies(request: &Request<'_>, policies: &Policies<'_>) -> Vec<Remedy> {
    let subject = Subject::new(request, policies);
    let survey = Survey::take(&subject, policies);
    let advice = Advice { subject, policies };
    let common = [advice.denies(), advice.gates()].concat();
    let with = |steps: Vec<Step>| Remedy { steps: [common.clone(), steps].concat() };
    let mut remedies: Vec<Remedy> = advice.grants(&survey).into_iter().map(with).collect();
    remedies.sort_by_key(|remedy| remedy.steps.len());
    remedies.dedup();
    remedies
}

struct Advice<'a> {
    subject: Subject<'a>,
    policies: &'a Policies<'a>,
}

impl Advice<'_> {
    /// A step for each Deny statement that applies.
    fn denies(&self) -> Vec<Step> {
        let Advice { subject, policies } = self;
        let request = subject.request;
        let single =
            [policies.resource_type(), PolicyType::VpcEndpoint, PolicyType::Identity, PolicyType::Boundary];
        let single = single.into_iter().chain([PolicyType::Session]);
        let flat = single.map(|policy_type| (policy_type, None, policies.of_type(policy_type, 0)));
        let levels = |policy_type, levels: &'_ [Vec<Attached>]| {
            let numbered = levels.iter().enumerate();
            numbered.map(|(level, list)| (policy_type, Some(level), list.clone())).collect::<Vec<_>>()
        };
        let scps = levels(PolicyType::Scp, scps_for(request, policies));
        let rcps = levels(PolicyType::Rcp, rcps_for(request, policies));
        let control = rcps.iter().chain(&scps).map(|(kind, level, list)| (*kind, *level, list.as_slice()));
        let mut steps = Vec::new();
        for (policy_type, level, list) in control.chain(flat) {
            for (attached, index) in list.iter().flat_map(|attached| {
                (0..attached.document.statements.len()).map(move |index| (attached, index))
            }) {
                let Some(statement) = attached.document.statements.get(index) else { continue };
                if statement.effect == Effect::Deny && statement.applies(subject).is_some() {
                    let met = statement.conditions.iter().map(|condition| MetCondition {
                        operator: condition.operator_name().to_owned(),
                        key: condition.key_name().to_owned(),
                        wanted: condition.wanted(),
                        found: (!condition.key_is_absent(subject)).then(|| condition.found(subject)),
                    });
                    let met = met.collect();
                    let change =
                        Change::LiftDeny { statement: matched(policy_type, attached, index, statement), met };
                    steps.push(Step { policy_type, level, change });
                }
            }
        }
        steps
    }

    /// A step for each gate that does not allow: control policies by level, and the endpoint's policy.
    fn gates(&self) -> Vec<Step> {
        let request = self.subject.request;
        let mut steps = Vec::new();
        for (policy_type, levels) in [
            (PolicyType::Rcp, rcps_for(request, self.policies)),
            (PolicyType::Scp, scps_for(request, self.policies)),
        ] {
            for (level, list) in levels.iter().enumerate() {
                if !Side::survey(&self.subject, list, policy_type, level).allows() {
                    let principal = (policy_type == PolicyType::Rcp).then(everyone);
                    steps.push(self.allow(policy_type, Some(level), list, principal));
                }
            }
        }
        if let Some(endpoint) = self.policies.endpoint
            && !Side::survey(&self.subject, std::slice::from_ref(endpoint), PolicyType::VpcEndpoint, 0)
                .allows()
        {
            let list = std::slice::from_ref(endpoint);
            steps.push(self.allow(PolicyType::VpcEndpoint, None, list, Some(everyone())));
        }
        steps
    }

    /// The ways to be granted the request, each with what is missing for it.
    fn grants(&self, survey: &Survey) -> Vec<Vec<Step>> {
        let principal = self.subject.request.principal;
        let reach = survey.resource_allow().map(|(_, reach)| reach);
        let Some(account) = principal.account else {
            let missing = reach.is_none().then(|| self.resource(direct_name(principal)));
            return vec![missing.into_iter().collect()];
        };
        let own = self.own_side(survey);
        let limits = self.limits(survey);
        if is_abroad(self.subject.request, account) {
            if survey.grants_directly() {
                return vec![limits];
            }
            let theirs = reach.is_none().then(|| self.resource(role_name(principal)));
            return vec![theirs.into_iter().chain(own).collect()];
        }
        let mandatory = self.policies.resource.is_some_and(|attached| attached.document.mandatory);
        match reach {
            Some(Reach::Direct) => vec![Vec::new()],
            Some(Reach::Role) if limits.is_empty() => vec![Vec::new()],
            Some(Reach::Role) => vec![limits, vec![self.resource(direct_name(principal))]],
            None if mandatory => vec![vec![self.resource(direct_name(principal))]],
            // Without a policy to look at, nobody knows whether the resource can have one.
            _ if self.policies.resource.is_none() || own.is_empty() => vec![own],
            _ if limits.is_empty() => vec![own, vec![self.resource(role_name(principal))]],
            _ => vec![own, vec![self.resource(direct_name(principal))]],
        }
    }

    /// What the caller's own policies lack.
    fn own_side(&self, survey: &Survey) -> Vec<Step> {
        let principal = self.subject.request.principal;
        if principal.kind == PrincipalKind::Root {
            return Vec::new();
        }
        let identity = (!principal.has_full_access() && !survey.identity.allows())
            .then(|| self.allow(PolicyType::Identity, None, self.policies.identity, None));
        identity.into_iter().chain(self.limits(survey)).collect()
    }

    fn limits(&self, survey: &Survey) -> Vec<Step> {
        let mut steps = Vec::new();
        for (policy_type, there, side) in [
            (PolicyType::Boundary, self.policies.boundary.is_some(), &survey.boundary),
            (PolicyType::Session, self.policies.session.is_some(), &survey.session),
        ] {
            if there && !side.allows() {
                steps.push(self.allow(policy_type, None, self.policies.of_type(policy_type, 0), None));
            }
        }
        steps
    }

    fn resource(&self, principal: (String, String)) -> Step {
        let policy_type = self.policies.resource_type();
        self.allow(policy_type, None, self.policies.of_type(policy_type, 0), Some(principal))
    }

    fn allow(
        &self,
        policy_type: PolicyType,
        level: Option<usize>,
        list: &[Attached],
        principal: Option<(String, String)>,
    ) -> Step {
        let request = self.subject.request;
        let mut near = allow_reasons(&self.subject, list, policy_type);
        near.retain(|reason| reason.misses.iter().all(|miss| matches!(miss, Miss::Condition { .. })));
        near.truncate(MAX_NEAR);
        let (action, resource) = (request.action.to_owned(), request.resource.to_owned());
        Step { policy_type, level, change: Change::AddAllow { principal, action, resource, near } }
    }
}

fn everyone() -> (String, String) {
    ("*".to_owned(), "*".to_owned())
}

/// The principal element that names the caller itself.
fn direct_name(principal: &Principal) -> (String, String) {
    match &principal.kind {
        PrincipalKind::Service(name) => ("Service".to_owned(), name.clone()),
        PrincipalKind::Federated(provider) => ("Federated".to_owned(), provider.clone()),
        PrincipalKind::Anonymous => everyone(),
        _ => ("AWS".to_owned(), principal.arn.clone()),
    }
}

/// The principal element that names the caller, a session by its role.
fn role_name(principal: &Principal) -> (String, String) {
    match &principal.kind {
        PrincipalKind::AssumedRole { role_arn, .. } => ("AWS".to_owned(), role_arn.clone()),
        _ => direct_name(principal),
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.policy_type.name();
        match &self.change {
            Change::LiftDeny { statement, .. } => write!(f, "{statement} no longer denies it"),
            Change::AddAllow { principal, action, resource, .. } => {
                let article = if name.starts_with(['a', 'i']) { "an" } else { "a" };
                write!(f, "{article} {name} allows {action} on {resource}")?;
                match principal {
                    Some((_, who)) if who != "*" => write!(f, " to {who}"),
                    _ => Ok(()),
                }
            }
        }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps: Vec<String> = self.steps.iter().map(Step::to_string).collect();
        f.write_str(&steps.join(", and "))
    }
}
