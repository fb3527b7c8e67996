//! Organizational units.

use crate::error;
use crate::pages::page;
use crate::realm::{Draft, Realm, State};
use crate::seats::{default_policies, seat};
use crate::state::{Organization, Unit, fresh_id};
use crate::tags;
use std::sync::Arc;
use yakumo_api_organizations::{
    CreateOrganizationalUnitInput, CreateOrganizationalUnitOutput, DeleteOrganizationalUnitInput,
    DeleteOrganizationalUnitOutput, DescribeOrganizationalUnitInput, DescribeOrganizationalUnitOutput,
    ListOrganizationalUnitsForParentInput, ListOrganizationalUnitsForParentOutput, OrganizationalUnit,
    UpdateOrganizationalUnitInput, UpdateOrganizationalUnitOutput,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Resource};

/// AWS: units below the root
/// (<https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html>).
const DEPTH_MAX: usize = 5;
/// AWS: units of an organization (same page).
const UNITS_MAX: usize = 2_000;

fn shown(state: &State, organization: &Organization, unit: &Unit) -> OrganizationalUnit {
    OrganizationalUnit {
        id: Some(unit.id.clone()),
        arn: Some(unit.arn()),
        name: Some(unit.name.clone()),
        path: Some(state.path(organization, &unit.id)),
    }
}

/// AWS: names are unique within a parent.
fn refuse_twin(draft: &Draft, parent: &str, name: &str, own: Option<&str>) -> Result<()> {
    let is_twin = |unit: &Arc<Unit>| unit.name == name && own != Some(unit.id.as_str());
    if draft.state.units_below(parent).any(is_twin) { Err(error::duplicate_unit()) } else { Ok(()) }
}

pub(crate) async fn create_organizational_unit(
    ctx: Ctx,
    input: CreateOrganizationalUnitInput,
) -> Result<CreateOrganizationalUnitOutput> {
    let tags = tags::fresh(input.tags.as_deref())?;
    let work = ctx.state::<Realm>().change(&ctx, |draft| {
        let organization = draft.organization(&ctx)?;
        if !draft.state.is_parent(&organization, &input.parent_id) {
            return Err(error::parent_not_found());
        }
        if draft.state.way(&input.parent_id).len() >= DEPTH_MAX {
            return Err(error::unit_too_deep());
        }
        if draft.state.units.values().filter(|unit| unit.organization == organization.id).count() >= UNITS_MAX
        {
            return Err(error::too_many_units());
        }
        refuse_twin(draft, &input.parent_id, &input.name, None)?;
        let prefix = format!("ou-{}-", organization.root.trim_start_matches("r-"));
        let unit = Unit {
            id: fresh_id(&ctx.base().ids, &prefix, 8),
            organization: organization.id.clone(),
            management: organization.management,
            parent: input.parent_id.clone(),
            name: input.name.clone(),
            tags,
            policies: default_policies(&organization),
        };
        draft.put(unit.clone());
        Ok(shown(&draft.state, &organization, &unit))
    });
    Ok(CreateOrganizationalUnitOutput { organizational_unit: Some(work.await?) })
}

pub(crate) async fn describe_organizational_unit(
    ctx: Ctx,
    input: DescribeOrganizationalUnitInput,
) -> Result<DescribeOrganizationalUnitOutput> {
    let seat = seat(&ctx)?;
    let unit = seat.state().unit(&seat.organization.id, &input.organizational_unit_id);
    let unit = unit.ok_or_else(error::unit_not_found)?;
    let organizational_unit = Some(shown(seat.state(), &seat.organization, unit));
    Ok(DescribeOrganizationalUnitOutput { organizational_unit })
}

pub(crate) async fn update_organizational_unit(
    ctx: Ctx,
    input: UpdateOrganizationalUnitInput,
) -> Result<UpdateOrganizationalUnitOutput> {
    let work = ctx.state::<Realm>().change(&ctx, |draft| {
        let organization = draft.organization(&ctx)?;
        let unit = draft.state.unit(&organization.id, &input.organizational_unit_id);
        let mut unit = Unit::clone(unit.ok_or_else(error::unit_not_found)?);
        if let Some(name) = input.name.clone().filter(|name| *name != unit.name) {
            refuse_twin(draft, &unit.parent, &name, Some(&unit.id))?;
            unit.name = name;
            draft.put(unit.clone());
        }
        Ok(shown(&draft.state, &organization, &unit))
    });
    Ok(UpdateOrganizationalUnitOutput { organizational_unit: Some(work.await?) })
}

pub(crate) async fn delete_organizational_unit(
    ctx: Ctx,
    input: DeleteOrganizationalUnitInput,
) -> Result<DeleteOrganizationalUnitOutput> {
    let work = ctx.state::<Realm>().change(&ctx, |draft| {
        let organization = draft.organization(&ctx)?;
        let id = &input.organizational_unit_id;
        if draft.state.unit(&organization.id, id).is_none() {
            return Err(error::unit_not_found());
        }
        if draft.state.units_below(id).next().is_some() || draft.state.accounts_below(id).next().is_some() {
            return Err(error::unit_not_empty());
        }
        draft.remove::<Unit>(id);
        Ok(())
    });
    work.await?;
    Ok(DeleteOrganizationalUnitOutput {})
}

pub(crate) async fn list_organizational_units_for_parent(
    ctx: Ctx,
    input: ListOrganizationalUnitsForParentInput,
) -> Result<ListOrganizationalUnitsForParentOutput> {
    let seat = seat(&ctx)?;
    if !seat.state().is_parent(&seat.organization, &input.parent_id) {
        return Err(error::parent_not_found());
    }
    let units: Vec<&Arc<Unit>> = seat.state().units_below(&input.parent_id).collect();
    let (units, next_token) =
        page(units, input.next_token.as_deref(), input.max_results, |unit| unit.id.as_str())?;
    let units = units.iter().map(|unit| shown(seat.state(), &seat.organization, unit)).collect();
    Ok(ListOrganizationalUnitsForParentOutput { organizational_units: Some(units), next_token })
}
