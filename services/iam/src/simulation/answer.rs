//! Findings in the form of answers: one result for each action, the findings of each resource within it.
//!
//! AWS: the top of a result tells of all resources together, the most restrictive decision first
//! (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html>).

use super::judge::{Finding, Match, stricter};
use std::collections::BTreeMap;
use yakumo_api_iam::policy_evaluation_decision_type::{ALLOWED, EXPLICIT_DENY, IMPLICIT_DENY};
use yakumo_api_iam::{
    EvaluationResult, OrganizationsDecisionDetail, PermissionsBoundaryDecisionDetail, ResourceSpecificResult,
    Statement,
};

/// The result of one action. `all_resources` says that no ARN was given: then there are no results by resource.
pub(crate) fn result(action: &str, findings: Vec<Finding>, all_resources: bool) -> EvaluationResult {
    let decision = findings.iter().fold(ALLOWED, |worst, finding| stricter(worst, finding.decision));
    let by_organization = all(findings.iter().map(|finding| finding.by_organization));
    EvaluationResult {
        eval_action_name: action.to_owned(),
        eval_resource_name: Some(template(action, &findings).to_owned()),
        eval_decision: decision.to_owned(),
        matched_statements: Some(statements(contributing(&findings, decision))),
        missing_context_values: Some(missing(&findings)),
        organizations_decision_detail: by_organization
            .map(|allowed| OrganizationsDecisionDetail { allowed_by_organizations: Some(allowed) }),
        permissions_boundary_decision_detail: boundary(all(findings
            .iter()
            .map(|finding| finding.by_boundary))),
        eval_decision_details: details(&findings, all_resources),
        resource_specific_results: (!all_resources).then(|| findings.into_iter().map(specific).collect()),
    }
}

/// What ARNs of the simulated type look like: of the type that the resources belong to, else of the first one that the
/// action has; `*` for actions without resources.
fn template(action: &str, findings: &[Finding]) -> &'static str {
    let Some((service, known)) = yakumo_reference::action(action) else { return "*" };
    let given = findings.iter().find_map(|finding| service.types_of(known, &finding.resource).next());
    // S3's access points come before what they lead to, which is what everybody means.
    let usual = |name: &&str| !name.starts_with("accesspoint");
    let names = || known.resources.iter().map(|resource| resource.name);
    let first = || names().filter(usual).chain(names()).find_map(|name| service.resource_type(name));
    let kind = given.map(|(_, kind)| kind).or_else(first);
    kind.and_then(|kind| kind.arns.first()).copied().unwrap_or("*")
}

fn specific(finding: Finding) -> ResourceSpecificResult {
    ResourceSpecificResult {
        eval_resource_name: finding.resource,
        eval_resource_decision: finding.decision.to_owned(),
        matched_statements: Some(statements(finding.matched.iter())),
        missing_context_values: Some(finding.missing),
        eval_decision_details: finding.details,
        permissions_boundary_decision_detail: boundary(finding.by_boundary),
    }
}

/// The statements that made the reported decision, each once; nothing made an implicit denial.
fn contributing<'f>(findings: &'f [Finding], decision: &str) -> impl Iterator<Item = &'f Match> {
    let mut told: Vec<&Match> = Vec::new();
    if decision != IMPLICIT_DENY {
        for found in findings.iter().filter(|finding| finding.decision == decision) {
            for matched in &found.matched {
                if !told.contains(&matched) {
                    told.push(matched);
                }
            }
        }
    }
    told.into_iter()
}

fn statements<'f>(matched: impl Iterator<Item = &'f Match>) -> Vec<Statement> {
    matched
        .map(|matched| Statement {
            source_policy_id: Some(matched.id.clone()),
            source_policy_type: Some(matched.kind.to_owned()),
            start_position: Some(matched.start.shown()),
            end_position: Some(matched.end.shown()),
        })
        .collect()
}

fn missing(findings: &[Finding]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for key in findings.iter().flat_map(|finding| &finding.missing) {
        if !all.contains(key) {
            all.push(key.clone());
        }
    }
    all
}

/// Whether all say yes; `None` when nobody was asked.
fn all(said: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    said.flatten().reduce(|one, other| one && other)
}

fn boundary(allowed: Option<bool>) -> Option<PermissionsBoundaryDecisionDetail> {
    allowed
        .map(|allowed| PermissionsBoundaryDecisionDetail { allowed_by_permissions_boundary: Some(allowed) })
}

/// AWS: empty within an account when a resource was named, absent when none was or a service control policy denied.
fn details(findings: &[Finding], all_resources: bool) -> Option<BTreeMap<String, String>> {
    let stopped = findings.iter().any(|finding| finding.by_organization == Some(false));
    if all_resources || stopped {
        return findings.iter().find_map(|finding| finding.details.clone());
    }
    let mut told: BTreeMap<String, String> = BTreeMap::new();
    for (kind, decision) in findings.iter().flat_map(|finding| finding.details.iter().flatten()) {
        let decision = known(decision);
        let worst = told.get(kind).map_or(decision, |worst| stricter(known(worst), decision));
        told.insert(kind.clone(), worst.to_owned());
    }
    Some(told)
}

fn known(decision: &str) -> &'static str {
    match decision {
        EXPLICIT_DENY => EXPLICIT_DENY,
        IMPLICIT_DENY => IMPLICIT_DENY,
        _ => ALLOWED,
    }
}
