//! AWS's policy evaluation logic: explicit deny, then what must allow, within an account and across accounts.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html>
//! and <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html>.
//! Invariant: [`evaluate`] allocates nothing unless a pattern with variables has more than 16 parts.

use crate::context::Context;
use crate::decision::{Decision, MARKS, Mark, PolicyType, Verdict};
use crate::document::Attached;
use crate::grantee::Reach;
use crate::grants::Grants;
use crate::principal::{Principal, PrincipalKind};
use crate::subject::Subject;
use yakumo_aws::AccountId;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Who asks.
    pub principal: &'a Principal,
    /// The action, such as `sqs:SendMessage`.
    pub action: &'a str,
    /// The resource's ARN, or `*` for actions without one.
    pub resource: &'a str,
    /// The account that owns the resource; `None` stands for the caller's own.
    pub resource_account: Option<AccountId>,
    /// The request's condition keys. Those of the caller (`aws:PrincipalArn`, `aws:username`, `aws:PrincipalTag/…`)
    /// need not be in it.
    pub context: &'a Context<'a>,
}

/// Every policy that has a say. What does not exist stays at its default.
#[derive(Debug, Clone, Copy, Default)]
pub struct Policies<'a> {
    /// Policies of the user and its groups, or of the role.
    pub identity: &'a [Attached],
    /// The permissions boundary of the user or role.
    pub boundary: Option<&'a Attached>,
    /// Session policies; `Some(&[])` allows nothing (a federated user without any), `None` limits nothing.
    pub session: Option<&'a [Attached]>,
    /// The resource's policy: of a queue, a bucket, a key; for AssumeRole the role's trust policy.
    pub resource: Option<&'a Attached>,
    /// Service control policies of the caller's account, one list for each level from the organization's root down.
    /// Empty for the management account and accounts outside an organization. They do not act on callers without an
    /// account, nor on sessions of service-linked roles.
    pub scps: &'a [Vec<Attached>],
    /// Resource control policies of the resource's account, by level as above. They act on every caller but sessions of
    /// service-linked roles: on services and anonymous ones too.
    pub rcps: &'a [Vec<Attached>],
    /// The policy of the VPC endpoint that the request came through.
    pub endpoint: Option<&'a Attached>,
    /// The grants of the KMS key that the request is about.
    pub grants: Grants<'a>,
}

impl<'a> Policies<'a> {
    /// The policies of one type and level, in the order that marks count them.
    pub(crate) fn of_type(&self, policy_type: PolicyType, level: usize) -> &'a [Attached] {
        let level_of = |levels: &'a [Vec<Attached>]| levels.get(level).map_or(&[][..], Vec::as_slice);
        match policy_type {
            PolicyType::Identity => self.identity,
            PolicyType::Resource | PolicyType::Trust => self.resource.map_or(&[], std::slice::from_ref),
            PolicyType::Boundary => self.boundary.map_or(&[], std::slice::from_ref),
            PolicyType::Session => self.session.unwrap_or(&[]),
            PolicyType::Scp => level_of(self.scps),
            PolicyType::Rcp => level_of(self.rcps),
            PolicyType::VpcEndpoint => self.endpoint.map_or(&[], std::slice::from_ref),
            PolicyType::Grant | PolicyType::RootUser => &[],
        }
    }

    pub(crate) fn attached(
        &self,
        policy_type: PolicyType,
        level: usize,
        policy: usize,
    ) -> Option<&'a Attached> {
        self.of_type(policy_type, level).get(policy)
    }

    /// Whether the resource's policy is a trust policy or an ordinary one.
    pub(crate) fn resource_type(&self) -> PolicyType {
        match self.resource {
            Some(attached) if attached.document.trust => PolicyType::Trust,
            _ => PolicyType::Resource,
        }
    }
}

/// What the policies of one type say together.
#[derive(Clone, Copy, Default)]
pub(crate) struct Side {
    pub deny: Option<Mark>,
    pub allow: Option<(Mark, Reach)>,
}

impl Side {
    pub(crate) fn survey(
        subject: &Subject<'_>,
        policies: &[Attached],
        policy_type: PolicyType,
        level: usize,
    ) -> Side {
        let mut side = Side::default();
        for (policy, attached) in policies.iter().enumerate() {
            let findings = attached.document.judge(subject);
            let mark = |statement| Mark { policy_type, level, policy, statement };
            side.deny = side.deny.or(findings.deny.map(mark));
            if let Some((statement, reach)) = findings.allow
                && side.allow.is_none_or(|(_, best)| reach > best)
            {
                side.allow = Some((mark(statement), reach));
            }
        }
        side
    }

    /// Control policies: every level must allow, one Deny at any level denies.
    fn survey_levels(subject: &Subject<'_>, levels: &[Vec<Attached>], policy_type: PolicyType) -> Side {
        let mut whole = Side::default();
        let mut all_allow = true;
        for (level, policies) in levels.iter().enumerate() {
            let side = Side::survey(subject, policies, policy_type, level);
            whole.deny = whole.deny.or(side.deny);
            all_allow &= side.allow.is_some();
            whole.allow = side.allow;
        }
        Side { allow: whole.allow.filter(|_| all_allow), ..whole }
    }

    /// Whether something allows.
    pub(crate) fn allows(&self) -> bool {
        self.allow.is_some()
    }
}

/// Everything that was found, before it is weighed.
pub(crate) struct Survey {
    scp: Side,
    rcp: Side,
    endpoint: Side,
    resource: Side,
    pub grant: Side,
    pub identity: Side,
    pub boundary: Side,
    pub session: Side,
}

impl Survey {
    /// Asks every policy.
    pub(crate) fn take(subject: &Subject<'_>, policies: &Policies<'_>) -> Survey {
        let of = |policy_type| Side::survey(subject, policies.of_type(policy_type, 0), policy_type, 0);
        let grant = policies.grants.best(subject).map(|(policy, reach)| {
            (Mark { policy_type: PolicyType::Grant, level: 0, policy, statement: 0 }, reach)
        });
        Survey {
            scp: Side::survey_levels(subject, scps_for(subject.request, policies), PolicyType::Scp),
            rcp: Side::survey_levels(subject, rcps_for(subject.request, policies), PolicyType::Rcp),
            grant: Side { deny: None, allow: grant },
            endpoint: of(PolicyType::VpcEndpoint),
            resource: of(policies.resource_type()),
            identity: of(PolicyType::Identity),
            boundary: of(PolicyType::Boundary),
            session: of(PolicyType::Session),
        }
    }

    fn sides(&self) -> [&Side; MARKS] {
        let Survey { scp, rcp, endpoint, resource, grant, identity, boundary, session } = self;
        [scp, rcp, endpoint, resource, grant, identity, boundary, session]
    }

    /// The most direct allow of the resource's side: its policy, or a grant of the key.
    pub(crate) fn resource_allow(&self) -> Option<(Mark, Reach)> {
        match (self.resource.allow, self.grant.allow) {
            (Some(policy), Some(grant)) if grant.1 > policy.1 => Some(grant),
            (policy, grant) => policy.or(grant),
        }
    }

    /// Whether a grant names the caller or its role, not only its account.
    pub(crate) fn grants_directly(&self) -> bool {
        self.grant.allow.is_some_and(|(_, reach)| reach > Reach::Account)
    }

    fn allow_marks(&self) -> [Option<Mark>; MARKS] {
        let mut marks = [None; MARKS];
        for (slot, side) in marks.iter_mut().zip(self.sides()) {
            *slot = side.allow.map(|(mark, _)| mark);
        }
        marks
    }
}

/// The SCPs that limit the caller.
///
/// AWS: SCPs limit the principals of an account, its root user too, but no service-linked role, and nobody else
/// (<https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html>).
pub(crate) fn scps_for<'a>(request: &Request<'_>, policies: &Policies<'a>) -> &'a [Vec<Attached>] {
    let limited = request.principal.account.is_some() && !request.principal.is_service_linked_role();
    if limited { policies.scps } else { &[] }
}

/// The RCPs that limit the request.
///
/// AWS: RCPs limit services and anonymous callers too, but no service-linked role
/// (<https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html>), and never
/// `kms:RetireGrant` (<https://docs.aws.amazon.com/kms/latest/developerguide/resource-control-policies.html>).
pub(crate) fn rcps_for<'a>(request: &Request<'_>, policies: &Policies<'a>) -> &'a [Vec<Attached>] {
    let exempt =
        request.principal.is_service_linked_role() || request.action.eq_ignore_ascii_case("kms:RetireGrant");
    if exempt { &[] } else { policies.rcps }
}

/// Judges a request. Pure and total: the same arguments always give the same decision.
pub fn evaluate(request: &Request<'_>, policies: &Policies<'_>) -> Decision {
    let survey = Survey::take(&Subject::new(request, policies), policies);
    if let Some(mark) = survey.sides().into_iter().find_map(|side| side.deny) {
        let mut marks = [None; MARKS];
        if let Some(slot) = marks.first_mut() {
            *slot = Some(mark);
        }
        return Decision { allowed: false, verdict: Verdict::ExplicitDeny(mark.policy_type), marks };
    }
    let verdict = weigh(request, policies, &survey);
    Decision { allowed: matches!(verdict, Verdict::Allow(_)), verdict, marks: survey.allow_marks() }
}

/// Without an explicit deny: everything that can withhold, in the order of AWS's flow chart.
fn weigh(request: &Request<'_>, policies: &Policies<'_>, survey: &Survey) -> Verdict {
    if !rcps_for(request, policies).is_empty() && !survey.rcp.allows() {
        return Verdict::ImplicitDeny(PolicyType::Rcp);
    }
    if !scps_for(request, policies).is_empty() && !survey.scp.allows() {
        return Verdict::ImplicitDeny(PolicyType::Scp);
    }
    if policies.endpoint.is_some() && !survey.endpoint.allows() {
        return Verdict::ImplicitDeny(PolicyType::VpcEndpoint);
    }
    let resource_allow = survey.resource_allow();
    let resource_type = resource_allow.map_or(policies.resource_type(), |(mark, _)| mark.policy_type);
    let reach = resource_allow.map(|(_, reach)| reach);
    let Some(account) = request.principal.account else {
        // Services, web identities and anonymous callers have no policies of their own.
        return match reach {
            Some(_) => Verdict::Allow(resource_type),
            None => Verdict::ImplicitDeny(resource_type),
        };
    };
    if is_abroad(request, account) {
        return match reach {
            // AWS: with a key of another account "a grant or IAM policy in your account" is enough
            // (<https://docs.aws.amazon.com/kms/latest/developerguide/policy-evaluation.html>).
            Some(_) if survey.grants_directly() => {
                limited(policies, survey, Verdict::Allow(PolicyType::Grant))
            }
            Some(_) => by_identity(request.principal, policies, survey),
            None => Verdict::ImplicitDeny(resource_type),
        };
    }
    // AWS: trust policies and key policies must allow themselves; elsewhere either side is enough.
    let mandatory = policies.resource.is_some_and(|attached| attached.document.mandatory);
    match reach {
        None if mandatory => Verdict::ImplicitDeny(resource_type),
        Some(Reach::Direct) => Verdict::Allow(resource_type),
        Some(Reach::Role) => limited(policies, survey, Verdict::Allow(resource_type)),
        Some(Reach::Account) | None => by_identity(request.principal, policies, survey),
    }
}

/// Whether the resource belongs to another account than the caller's.
pub(crate) fn is_abroad(request: &Request<'_>, account: AccountId) -> bool {
    request.resource_account.is_some_and(|owner| owner != account)
}

/// The caller's own side: its policies, cut by boundary and session policies.
fn by_identity(principal: &Principal, policies: &Policies<'_>, survey: &Survey) -> Verdict {
    if principal.kind == PrincipalKind::Root {
        return Verdict::Allow(PolicyType::RootUser);
    }
    if principal.has_full_access() {
        return limited(policies, survey, Verdict::Allow(PolicyType::Session));
    }
    if !survey.identity.allows() {
        return Verdict::ImplicitDeny(PolicyType::Identity);
    }
    limited(policies, survey, Verdict::Allow(PolicyType::Identity))
}

fn limited(policies: &Policies<'_>, survey: &Survey, granted: Verdict) -> Verdict {
    if policies.boundary.is_some() && !survey.boundary.allows() {
        return Verdict::ImplicitDeny(PolicyType::Boundary);
    }
    if policies.session.is_some() && !survey.session.allows() {
        return Verdict::ImplicitDeny(PolicyType::Session);
    }
    granted
}
