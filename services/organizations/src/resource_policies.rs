//! The organization's resource policy: which members may manage policies. `access` asks it.
//! AWS: <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_delegate_policies.html>

use crate::error;
use crate::realm::Realm;
use crate::seats::{need_all_features, seat};
use crate::state::{Delegation, Organization, fresh_id};
use crate::tags;
use std::collections::BTreeMap;
use yakumo_api_organizations::{
    DeleteResourcePolicyInput, DeleteResourcePolicyOutput, DescribeResourcePolicyInput,
    DescribeResourcePolicyOutput, PutResourcePolicyInput, PutResourcePolicyOutput, ResourcePolicy,
    ResourcePolicySummary,
};
use yakumo_aws::Result;
use yakumo_policy::{Document, PolicyKind};
use yakumo_room::Ctx;

/// What can be delegated, besides everything that reads.
/// AWS: <https://docs.aws.amazon.com/organizations/latest/userguide/orgs-policy-delegate-supported-actions.html>
const DELEGABLE: [&str; 10] = [
    "AttachPolicy",
    "CreatePolicy",
    "DeletePolicy",
    "DetachPolicy",
    "DisablePolicyType",
    "EnablePolicyType",
    "ListTagsForResource",
    "TagResource",
    "UntagResource",
    "UpdatePolicy",
];

fn shown(organization: &Organization, delegation: &Delegation) -> ResourcePolicy {
    ResourcePolicy {
        resource_policy_summary: Some(ResourcePolicySummary {
            id: Some(delegation.id.clone()),
            arn: Some(organization.resource_policy_arn(&delegation.id)),
        }),
        content: Some(delegation.content.clone()),
    }
}

/// AWS: an action is named in full; wildcards cannot be delegated.
fn is_delegable(action: &str) -> bool {
    let Some((service, name)) = action.split_once(':') else { return false };
    let reads = (name.starts_with("Describe") || name.starts_with("List")) && !name.contains(['*', '?']);
    service.eq_ignore_ascii_case("organizations") && (reads || DELEGABLE.contains(&name))
}

/// The document, and the users and roles that it names, with their unique ids.
async fn check(ctx: &Ctx, content: &str) -> Result<BTreeMap<String, String>> {
    let document = Document::parse(content, PolicyKind::Resource { service: "organizations" })
        .map_err(|reason| error::invalid_resource_policy().with_source(reason))?;
    if !document.actions().all(is_delegable) {
        return Err(error::unsupported_delegated_action());
    }
    let mut pins = BTreeMap::new();
    for arn in document.principal_arns() {
        let id = ctx.world().principals.unique_id(arn).await?.ok_or_else(error::invalid_principal)?;
        pins.insert(arn.to_owned(), id);
    }
    Ok(pins)
}

pub(crate) async fn put_resource_policy(
    ctx: Ctx,
    input: PutResourcePolicyInput,
) -> Result<PutResourcePolicyOutput> {
    let pins = check(&ctx, &input.content).await?;
    let given = tags::fresh(input.tags.as_deref())?;
    let work = ctx.state::<Realm>().change(&ctx, |draft| {
        let organization = draft.organization(&ctx)?;
        need_all_features(&organization)?;
        let mut organization = Organization::clone(&organization);
        let known = organization.delegation.take();
        let delegation = Delegation {
            id: known.as_ref().map_or_else(|| fresh_id(&ctx.base().ids, "rp-", 8), |known| known.id.clone()),
            content: input.content.clone(),
            // AWS: tags are given to a new policy only; those of an existing one stay.
            tags: known.map_or(given, |known| known.tags),
            pins,
        };
        let answer = shown(&organization, &delegation);
        draft.put(Organization { delegation: Some(delegation), ..organization });
        Ok(answer)
    });
    Ok(PutResourcePolicyOutput { resource_policy: Some(work.await?) })
}

pub(crate) async fn describe_resource_policy(
    ctx: Ctx,
    _input: DescribeResourcePolicyInput,
) -> Result<DescribeResourcePolicyOutput> {
    let seat = seat(&ctx)?;
    let delegation = seat.organization.delegation.as_ref().ok_or_else(error::no_resource_policy)?;
    Ok(DescribeResourcePolicyOutput { resource_policy: Some(shown(&seat.organization, delegation)) })
}

pub(crate) async fn delete_resource_policy(
    ctx: Ctx,
    _input: DeleteResourcePolicyInput,
) -> Result<DeleteResourcePolicyOutput> {
    let work = ctx.state::<Realm>().change(&ctx, |draft| {
        let organization = draft.organization(&ctx)?;
        if organization.delegation.is_none() {
            return Err(error::no_resource_policy());
        }
        draft.put(Organization { delegation: None, ..Organization::clone(&organization) });
        Ok(())
    });
    work.await?;
    Ok(DeleteResourcePolicyOutput {})
}

#[cfg(test)]
mod tests {
    use super::is_delegable;

    #[test]
    fn only_policy_management_and_reads_are_delegated() {
        for action in
            ["organizations:CreatePolicy", "organizations:ListRoots", "Organizations:DescribePolicy"]
        {
            assert!(is_delegable(action), "{action}");
        }
        for action in
            ["organizations:*", "organizations:List*", "organizations:CreateAccount", "s3:ListBucket", "*"]
        {
            assert!(!is_delegable(action), "{action}");
        }
    }
}
