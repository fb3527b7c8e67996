//! Organizations as a whole.

use crate::error;
use crate::realm::Realm;
use crate::seats::seat;
use crate::state::{Account, Hung, Joined, Membership, Organization, PolicyType, Tags, fresh_id};
use std::collections::{BTreeMap, BTreeSet};
use yakumo_api_organizations::{
    CreateOrganizationInput, CreateOrganizationOutput, DeleteOrganizationInput, DeleteOrganizationOutput,
    DescribeOrganizationInput, DescribeOrganizationOutput, Organization as Shown, PolicyTypeSummary,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Resource};

/// How an organization is shown.
fn shown(organization: &Organization, management: &Account) -> Shown {
    let available = PolicyTypeSummary {
        r#type: Some(PolicyType::ServiceControl.as_str().into()),
        status: Some("ENABLED".into()),
    };
    Shown {
        id: Some(organization.id.clone()),
        arn: Some(organization.arn()),
        feature_set: Some(feature_set(organization).into()),
        master_account_arn: Some(organization.account_arn(organization.management.as_str())),
        master_account_id: Some(organization.management.to_string()),
        master_account_email: Some(management.email.clone()),
        // AWS: this list says nothing of the root's types, "use ListRoots instead"
        // (<https://docs.aws.amazon.com/organizations/latest/APIReference/API_Organization.html>).
        available_policy_types: Some(if organization.all_features { vec![available] } else { Vec::new() }),
    }
}

/// The member `FeatureSet`.
pub(crate) fn feature_set(organization: &Organization) -> &'static str {
    if organization.all_features { "ALL" } else { "CONSOLIDATED_BILLING" }
}

pub(crate) async fn create_organization(
    ctx: Ctx,
    input: CreateOrganizationInput,
) -> Result<CreateOrganizationOutput> {
    let (ids, now) = (&ctx.base().ids, ctx.now());
    let organization = Organization {
        id: fresh_id(ids, "o-", 10),
        management: ctx.account(),
        all_features: input.feature_set.as_deref() != Some("CONSOLIDATED_BILLING"),
        created: now,
        root: fresh_id(ids, "r-", 4),
        root_tags: Tags::new(),
        root_policies: Hung::default(),
        enabled: BTreeSet::new(),
        services: BTreeMap::new(),
        delegation: None,
        tags_changed: None,
    };
    let membership = Membership {
        organization: organization.id.clone(),
        management: organization.management,
        parent: organization.root.clone(),
        // AWS: the management account is shown as one that was invited.
        method: Joined::Invited,
        joined: now,
        tags: Tags::new(),
        policies: Hung::default(),
        delegated: BTreeMap::new(),
    };
    let answer = ctx.state::<Realm>().change(&ctx, |draft| {
        let known = draft.state.accounts.get(ctx.account().as_str());
        let account = known.map_or_else(|| Account::unknown(ctx.account()), |known| Account::clone(known));
        if account.membership.is_some() {
            return Err(error::already_in_organization());
        }
        let account = Account { membership: Some(membership), ..account };
        let answer = shown(&organization, &account);
        draft.put(account);
        draft.put(organization);
        Ok(answer)
    });
    Ok(CreateOrganizationOutput { organization: Some(answer.await?) })
}

pub(crate) async fn describe_organization(
    ctx: Ctx,
    _input: DescribeOrganizationInput,
) -> Result<DescribeOrganizationOutput> {
    let seat = seat(&ctx)?;
    let management = seat.state().accounts.get(seat.organization.management.as_str());
    let management = management.ok_or_else(error::not_in_use)?;
    Ok(DescribeOrganizationOutput { organization: Some(shown(&seat.organization, management)) })
}

pub(crate) async fn delete_organization(
    ctx: Ctx,
    _input: DeleteOrganizationInput,
) -> Result<DeleteOrganizationOutput> {
    let work = ctx.state::<Realm>().change(&ctx, |draft| {
        let organization = draft.organization(&ctx)?;
        if draft.state.members(&organization.id).any(|account| account.id != organization.management) {
            return Err(error::organization_not_empty());
        }
        let management = draft.account(&organization, organization.management.as_str())?;
        let is_own = |owner: &str| owner == organization.id;
        let state = draft.state.clone();
        for unit in state.units.values().filter(|unit| is_own(&unit.organization)) {
            draft.remove::<crate::state::Unit>(&unit.id);
        }
        for policy in state.policies.values().filter(|policy| is_own(&policy.organization)) {
            draft.remove::<crate::state::Policy>(&policy.id);
        }
        for creation in state.creations.values().filter(|creation| is_own(&creation.organization)) {
            draft.remove::<crate::state::Creation>(&creation.id);
        }
        for handshake in state.handshakes.values().filter(|handshake| is_own(&handshake.organization)) {
            draft.remove::<crate::state::Handshake>(&handshake.id);
        }
        draft.put(Account { membership: None, ..management });
        draft.remove::<Organization>(&organization.id);
        Ok(())
    });
    work.await?;
    Ok(DeleteOrganizationOutput {})
}
