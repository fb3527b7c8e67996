//! Instance profiles and the role in each.

use crate::error;
use crate::identities::{change, exists, find, look_up, under_path, unique_id};
use crate::paging::Asked;
use crate::quotas::{self, Quota};
use crate::service_linked_roles::check_modifiable;
use crate::state::{InstanceProfile, Role, fold, home};
use crate::{roles, tags};
use yakumo_api_iam::{
    AddRoleToInstanceProfileInput, AddRoleToInstanceProfileOutput, CreateInstanceProfileInput,
    CreateInstanceProfileOutput, DeleteInstanceProfileInput, DeleteInstanceProfileOutput,
    GetInstanceProfileInput, GetInstanceProfileOutput, InstanceProfile as Shown,
    ListInstanceProfilesForRoleInput, ListInstanceProfilesForRoleOutput, ListInstanceProfilesInput,
    ListInstanceProfilesOutput, RemoveRoleFromInstanceProfileInput, RemoveRoleFromInstanceProfileOutput,
};
use yakumo_aws::{AccountId, Result};
use yakumo_room::{Ctx, Resource, Tx};

pub(crate) async fn shown(ctx: &Ctx, profile: &InstanceProfile, in_full: bool) -> Result<Shown> {
    let role = match &profile.role {
        Some(folded) => ctx.get::<Role>(&home(ctx.account()), &[folded]).await?,
        None => None,
    };
    let mut roles = Vec::new();
    if let Some(role) = &role {
        roles.push(roles::shown(ctx, role, false).await?);
    }
    Ok(Shown {
        path: profile.path.clone(),
        instance_profile_name: profile.name.clone(),
        instance_profile_id: profile.unique_id.clone(),
        arn: profile.arn(),
        create_date: profile.created,
        roles,
        tags: tags::shown_if_any(&profile.tags).filter(|_| in_full),
    })
}

pub(crate) async fn find_profile(tx: &Tx, account: AccountId, name: &str) -> Result<InstanceProfile> {
    let profile = tx.get::<InstanceProfile>(&home(account), &[&fold(name)]).await?;
    profile.ok_or_else(|| error::instance_profile_not_found(name))
}

pub(crate) async fn create_instance_profile(
    ctx: Ctx,
    input: CreateInstanceProfileInput,
) -> Result<CreateInstanceProfileOutput> {
    let mut profile = InstanceProfile {
        account: ctx.account(),
        folded: fold(&input.instance_profile_name),
        name: input.instance_profile_name,
        path: input.path.unwrap_or_else(|| "/".into()),
        unique_id: unique_id(&ctx, "AIPA"),
        created: ctx.now(),
        tags: Default::default(),
        role: None,
    };
    tags::add(&mut profile.tags, input.tags.as_deref().unwrap_or_default())?;
    change(&ctx, |tx| {
        let (ctx, profile) = (&ctx, &profile);
        async move {
            if exists::<InstanceProfile>(&tx, ctx.account(), &profile.name).await? {
                return Err(error::instance_profile_exists(&profile.name));
            }
            quotas::admit(ctx, &tx, Quota::InstanceProfiles).await?;
            tx.put_resource(&home(ctx.account()), None, profile);
            Ok(())
        }
    })
    .await?;
    Ok(CreateInstanceProfileOutput { instance_profile: shown(&ctx, &profile, true).await? })
}

pub(crate) async fn get_instance_profile(
    ctx: Ctx,
    input: GetInstanceProfileInput,
) -> Result<GetInstanceProfileOutput> {
    let name = &input.instance_profile_name;
    let profile = ctx.get::<InstanceProfile>(&home(ctx.account()), &[&fold(name)]).await?;
    let profile = profile.ok_or_else(|| error::instance_profile_not_found(name))?;
    Ok(GetInstanceProfileOutput { instance_profile: shown(&ctx, &profile, true).await? })
}

pub(crate) async fn delete_instance_profile(
    ctx: Ctx,
    input: DeleteInstanceProfileInput,
) -> Result<DeleteInstanceProfileOutput> {
    change(&ctx, |tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let profile = find_profile(&tx, ctx.account(), &input.instance_profile_name).await?;
            if profile.role.is_some() {
                return Err(error::must_first("remove roles from instance profile first"));
            }
            tx.delete_resource(&home(ctx.account()), &profile);
            Ok(())
        }
    })
    .await?;
    Ok(DeleteInstanceProfileOutput {})
}

/// AWS: an instance profile holds one role, a quota that cannot be raised.
pub(crate) async fn add_role_to_instance_profile(
    ctx: Ctx,
    input: AddRoleToInstanceProfileInput,
) -> Result<AddRoleToInstanceProfileOutput> {
    change(&ctx, |tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let scope = home(ctx.account());
            let before = find_profile(&tx, ctx.account(), &input.instance_profile_name).await?;
            let mut role: Role = find(&tx, ctx.account(), &input.role_name).await?;
            check_modifiable(&role)?;
            if before.role.is_some() {
                return Err(error::quota("InstanceSessionsPerInstanceProfile", 1));
            }
            let after = InstanceProfile { role: Some(role.folded.clone()), ..before.clone() };
            role.profiles.insert(after.folded.clone());
            tx.put(&scope, &role.id(), &role);
            tx.put_resource(&scope, Some(&before), &after);
            Ok(())
        }
    })
    .await?;
    Ok(AddRoleToInstanceProfileOutput {})
}

pub(crate) async fn remove_role_from_instance_profile(
    ctx: Ctx,
    input: RemoveRoleFromInstanceProfileInput,
) -> Result<RemoveRoleFromInstanceProfileOutput> {
    change(&ctx, |tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let scope = home(ctx.account());
            let before = find_profile(&tx, ctx.account(), &input.instance_profile_name).await?;
            let mut role: Role = find(&tx, ctx.account(), &input.role_name).await?;
            check_modifiable(&role)?;
            if before.role.as_ref() != Some(&role.folded) {
                return Err(error::role_not_in_profile(&input.role_name));
            }
            let after = InstanceProfile { role: None, ..before.clone() };
            role.profiles.remove(&after.folded);
            tx.put(&scope, &role.id(), &role);
            tx.put_resource(&scope, Some(&before), &after);
            Ok(())
        }
    })
    .await?;
    Ok(RemoveRoleFromInstanceProfileOutput {})
}

pub(crate) async fn list_instance_profiles(
    ctx: Ctx,
    input: ListInstanceProfilesInput,
) -> Result<ListInstanceProfilesOutput> {
    let keep = |profile: &InstanceProfile| under_path(input.path_prefix.as_deref(), &profile.path);
    let asked = Asked::new(&input.marker, input.max_items);
    let page = asked.records(&ctx, &home(ctx.account()), &[], InstanceProfile::id, keep).await?;
    let mut instance_profiles = Vec::new();
    for profile in &page.items {
        instance_profiles.push(shown(&ctx, profile, false).await?);
    }
    Ok(ListInstanceProfilesOutput {
        instance_profiles,
        is_truncated: page.is_truncated(),
        marker: page.marker,
    })
}

pub(crate) async fn list_instance_profiles_for_role(
    ctx: Ctx,
    input: ListInstanceProfilesForRoleInput,
) -> Result<ListInstanceProfilesForRoleOutput> {
    let role: Role = look_up(&ctx, &input.role_name).await?;
    let names = role.profiles.into_iter().collect();
    let page = Asked::new(&input.marker, input.max_items).slice(names, String::as_str)?;
    let mut instance_profiles = Vec::new();
    for folded in &page.items {
        if let Some(profile) = ctx.get::<InstanceProfile>(&home(ctx.account()), &[folded]).await? {
            instance_profiles.push(shown(&ctx, &profile, false).await?);
        }
    }
    let is_truncated = page.is_truncated();
    Ok(ListInstanceProfilesForRoleOutput { instance_profiles, is_truncated, marker: page.marker })
}
