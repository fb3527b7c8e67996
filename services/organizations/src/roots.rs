//! The root of an organization and the policy types that are enabled in it.

use crate::error;
use crate::pages::page;
use crate::policies::policy_type;
use crate::realm::{Draft, Realm};
use crate::seats::seat;
use crate::state::{Account, Hung, Membership, Organization, PolicyType, Unit};
use crate::tag_policies::touch;
use yakumo_api_organizations::{
    DisablePolicyTypeInput, DisablePolicyTypeOutput, EnablePolicyTypeInput, EnablePolicyTypeOutput,
    ListRootsInput, ListRootsOutput, PolicyTypeSummary, Root,
};
use yakumo_aws::Result;
use yakumo_room::Ctx;

fn shown(organization: &Organization) -> Root {
    let enabled = organization.enabled.iter().map(|policy_type| PolicyTypeSummary {
        r#type: Some(policy_type.as_str().into()),
        status: Some("ENABLED".into()),
    });
    Root {
        id: Some(organization.root.clone()),
        arn: Some(organization.root_arn()),
        name: Some("Root".into()),
        policy_types: Some(enabled.collect()),
    }
}

pub(crate) async fn list_roots(ctx: Ctx, input: ListRootsInput) -> Result<ListRootsOutput> {
    let seat = seat(&ctx)?;
    let roots = vec![shown(&seat.organization)];
    let key = |root: &Root| root.id.clone().unwrap_or_default();
    let keyed: Vec<(String, Root)> = roots.into_iter().map(|root| (key(&root), root)).collect();
    let (items, next_token) = page(keyed, input.next_token.as_deref(), input.max_results, |(id, _)| id)?;
    Ok(ListRootsOutput { roots: Some(items.into_iter().map(|(_, root)| root).collect()), next_token })
}

/// Changes what hangs on everything in the organization that policies can be attached to.
fn change_all(
    draft: &mut Draft,
    organization: &Organization,
    change: impl Fn(&Hung) -> Hung,
) -> Organization {
    for id in draft.state.nodes(organization) {
        if let Some(unit) = draft.state.unit(&organization.id, &id) {
            let unit = Unit { policies: change(&unit.policies), ..Unit::clone(unit) };
            draft.put(unit);
        } else if let Some(account) = draft.state.member(&organization.id, &id) {
            let account = Account::clone(account);
            let membership = account.membership.clone();
            let membership =
                membership.map(|known| Membership { policies: change(&known.policies), ..known });
            draft.put(Account { membership, ..account });
        }
    }
    Organization { root_policies: change(&organization.root_policies), ..organization.clone() }
}

pub(crate) async fn enable_policy_type(
    ctx: Ctx,
    input: EnablePolicyTypeInput,
) -> Result<EnablePolicyTypeOutput> {
    let policy_type = policy_type(&input.policy_type)?;
    let work = ctx.state::<Realm>().change(&ctx, |draft| {
        let organization = root(draft, &ctx, &input.root_id)?;
        if !organization.all_features {
            return Err(error::policy_type_not_available());
        }
        if organization.enabled.contains(&policy_type) {
            return Err(error::policy_type_enabled());
        }
        // AWS: everything gets the policy that lets all through when a type is enabled
        // (<https://docs.aws.amazon.com/organizations/latest/userguide/enable-policy-type.html>).
        let mut organization = change_all(draft, &organization, |policies| {
            policies.iter().cloned().chain(policy_type.full_access().map(str::to_owned)).collect()
        });
        organization.enabled.insert(policy_type);
        let answer = shown(&organization);
        draft.put(organization);
        touch(draft, &ctx, policy_type)?;
        Ok(answer)
    });
    Ok(EnablePolicyTypeOutput { root: Some(work.await?) })
}

pub(crate) async fn disable_policy_type(
    ctx: Ctx,
    input: DisablePolicyTypeInput,
) -> Result<DisablePolicyTypeOutput> {
    let policy_type = policy_type(&input.policy_type)?;
    let work = ctx.state::<Realm>().change(&ctx, |draft| {
        let organization = root(draft, &ctx, &input.root_id)?;
        if !organization.enabled.contains(&policy_type) {
            return Err(error::policy_type_not_enabled());
        }
        // AWS: "all policies of the specified type are automatically detached from all entities"
        // (<https://docs.aws.amazon.com/organizations/latest/userguide/disable-policy-type.html>).
        let policies = draft.state.policies.clone();
        let is_other =
            |id: &&String| policies.get(id.as_str()).is_none_or(|policy| policy.policy_type != policy_type);
        let mut organization =
            change_all(draft, &organization, |known| known.iter().filter(is_other).cloned().collect());
        organization.enabled.remove(&policy_type);
        let answer = shown(&organization);
        draft.put(organization);
        touch(draft, &ctx, policy_type)?;
        Ok(answer)
    });
    Ok(DisablePolicyTypeOutput { root: Some(work.await?) })
}

fn root(draft: &Draft, ctx: &Ctx, id: &str) -> Result<Organization> {
    let organization = draft.organization(ctx)?;
    if organization.root != id {
        return Err(error::root_not_found());
    }
    Ok(Organization::clone(&organization))
}

/// Whether an organization has anything to do with a policy type now.
pub(crate) fn need_enabled(organization: &Organization, policy_type: PolicyType) -> Result<()> {
    if organization.enabled.contains(&policy_type) { Ok(()) } else { Err(error::policy_type_not_enabled()) }
}
