//! What a decision tells afterwards: which policies had a say, and whether other circumstances would have changed it.

use crate::Decided;
use yakumo_policy::{Attached, PolicyType, PrincipalKind};

/// The policies of one type, of control policies at one level, that had a say in a decision.
#[derive(Debug)]
pub struct Consulted<'a> {
    /// Their type.
    pub policy_type: PolicyType,
    /// Of control policies: the level below the organization's root, which is 0.
    pub level: Option<usize>,
    /// The policies; none where a type must allow and there is none of it.
    pub policies: &'a [Attached],
}

impl Decided {
    /// The policies that had a say, in the order in which AWS looks at them.
    /// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html>
    pub fn consulted(&self) -> Vec<Consulted<'_>> {
        let policies = self.policies();
        let principal = &self.caller.principal;
        let mut consulted = Vec::new();
        for (policy_type, levels) in [(PolicyType::Rcp, policies.rcps), (PolicyType::Scp, policies.scps)] {
            let acts = policy_type == PolicyType::Rcp || principal.account.is_some();
            let numbered = levels.iter().enumerate().filter(|_| acts);
            consulted.extend(numbered.map(|(level, policies)| Consulted {
                policy_type,
                level: Some(level),
                policies,
            }));
        }
        let has_own = principal.account.is_some() && principal.kind != PrincipalKind::Root;
        let flat = [
            (PolicyType::VpcEndpoint, policies.endpoint.map(std::slice::from_ref)),
            (self.resource_type(), policies.resource.map(std::slice::from_ref)),
            (PolicyType::Identity, has_own.then_some(policies.identity)),
            (PolicyType::Boundary, policies.boundary.map(std::slice::from_ref)),
            (PolicyType::Session, policies.session),
        ];
        let flat = flat.into_iter().filter_map(|(policy_type, policies)| {
            Some(Consulted { policy_type, level: None, policies: policies? })
        });
        consulted.extend(flat);
        consulted
    }

    /// What the resource's own policy is called: the policy of a role is its trust policy.
    pub fn resource_type(&self) -> PolicyType {
        match &self.need.policy {
            Some(attached) if attached.document.is_trust() => PolicyType::Trust,
            _ => PolicyType::Resource,
        }
    }

    /// Whether it would have been allowed with these condition keys in place of the request's own. A key without
    /// values is one that the request does not have.
    pub fn would_allow(&self, keys: &[(String, Vec<String>)]) -> bool {
        let mut other = self.clone();
        other.need.keys.extend(keys.iter().map(|(name, values)| (name, values)));
        other.judge().allowed
    }
}
