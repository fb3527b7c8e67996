//! Roles and their trust policies.

use crate::directory::Directory;
use crate::error;
use crate::identities::{
    change, check_bare, detach_row, edit, encode_document, exists, find, look_up, put_boundary, under_path,
    unique_id,
};
use crate::last_use::forget_principal;
use crate::paging::Asked;
use crate::quotas::{self, Quota};
use crate::service_linked_roles::check_modifiable;
use crate::state::{Identity, Role, Usage, fold, home};
use crate::trust_policies::{pins, with_arns};
use crate::{service_linked_roles, tags, users};
use std::collections::BTreeMap;
use yakumo_api_iam::{
    CreateRoleInput, CreateRoleOutput, DeleteRoleInput, DeleteRoleOutput, GetRoleInput, GetRoleOutput,
    ListRolesInput, ListRolesOutput, Role as Shown, RoleLastUsed, UpdateAssumeRolePolicyInput,
    UpdateAssumeRolePolicyOutput, UpdateRoleDescriptionInput, UpdateRoleDescriptionOutput, UpdateRoleInput,
    UpdateRoleOutput,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Pins, Resource};

/// The longest session when the role does not say.
pub(crate) const MAX_SESSION_S: i32 = 3_600;

/// A role as answers show it; lists leave tags and boundary out, and only GetRole knows the last use.
pub(crate) async fn shown(ctx: &Ctx, role: &Role, in_full: bool) -> Result<Shown> {
    Ok(Shown {
        path: role.path.clone(),
        role_name: role.name.clone(),
        role_id: role.unique_id.clone(),
        arn: role.arn(),
        create_date: role.created,
        assume_role_policy_document: Some(encode_document(&role.pins.show(ctx, &role.trust).await?)),
        description: role.description.clone(),
        max_session_duration: Some(role.max_session_s),
        permissions_boundary: users::boundary(role.grants.boundary.as_deref().filter(|_| in_full)),
        tags: tags::shown_if_any(&role.tags).filter(|_| in_full),
        ..Shown::default()
    })
}

pub(crate) async fn create_role(ctx: Ctx, input: CreateRoleInput) -> Result<CreateRoleOutput> {
    if input.path.as_deref().is_some_and(|path| path.starts_with(service_linked_roles::PATH)) {
        return Err(error::reserved_path(service_linked_roles::PATH));
    }
    let mut fresh = Role {
        account: ctx.account(),
        folded: fold(&input.role_name),
        name: input.role_name.clone(),
        path: input.path.clone().unwrap_or_else(|| "/".into()),
        unique_id: unique_id(&ctx, "AROA"),
        created: ctx.now(),
        tags: BTreeMap::new(),
        grants: Default::default(),
        description: input.description.clone(),
        max_session_s: input.max_session_duration.unwrap_or(MAX_SESSION_S),
        trust: with_arns(&input.assume_role_policy_document),
        pins: Pins::default(),
        profiles: Default::default(),
    };
    tags::add(&mut fresh.tags, input.tags.as_deref().unwrap_or_default())?;
    let role = change(&ctx, |tx| {
        let (ctx, mut role, boundary) = (&ctx, fresh.clone(), input.permissions_boundary.as_deref());
        let given = input.assume_role_policy_document.as_str();
        async move {
            role.pins = pins(ctx, given).await?;
            if exists::<Role>(&tx, ctx.account(), &role.name).await? {
                return Err(error::identity_exists::<Role>(&role.name));
            }
            quotas::admit(ctx, &tx, Quota::Roles).await?;
            put_boundary(&tx, &mut role, boundary).await?;
            tx.put_resource(&home(ctx.account()), None, &role);
            Ok(role)
        }
    })
    .await?;
    Ok(CreateRoleOutput { role: shown(&ctx, &role, true).await? })
}

pub(crate) async fn get_role(ctx: Ctx, input: GetRoleInput) -> Result<GetRoleOutput> {
    let role: Role = look_up(&ctx, &input.role_name).await?;
    let role_last_used = Some(last_used(&ctx, &role).await?);
    Ok(GetRoleOutput { role: Shown { role_last_used, ..shown(&ctx, &role, true).await? } })
}

/// When one of the role's sessions last called something; empty when none did.
pub(crate) async fn last_used(ctx: &Ctx, role: &Role) -> Result<RoleLastUsed> {
    let uses = &ctx.state::<Directory>().last_uses;
    let used = uses.of_principal(ctx.base(), role.account, &role.unique_id).await?;
    let last = used.as_ref().and_then(|used| used.latest());
    Ok(RoleLastUsed {
        last_used_date: last.map(|last| last.at),
        region: last.map(|last| last.region.clone()),
    })
}

/// AWS: what is not given stays as it is, although the operation's page speaks of a default of one hour; seen by those
/// who tried (<https://github.com/go-to-k/cdkd/pull/1239>), and Terraform sets the two one after the other.
pub(crate) async fn update_role(ctx: Ctx, input: UpdateRoleInput) -> Result<UpdateRoleOutput> {
    edit(&ctx, &input.role_name, |role: &mut Role| {
        // AWS: of a service-linked role the description alone may be changed.
        if input.max_session_duration.is_some_and(|asked_s| asked_s != role.max_session_s) {
            check_modifiable(role)?;
        }
        role.description = input.description.clone().or(role.description.take());
        role.max_session_s = input.max_session_duration.unwrap_or(role.max_session_s);
        Ok(())
    })
    .await?;
    Ok(UpdateRoleOutput {})
}

pub(crate) async fn update_role_description(
    ctx: Ctx,
    input: UpdateRoleDescriptionInput,
) -> Result<UpdateRoleDescriptionOutput> {
    let describe = |role: &mut Role| {
        role.description = Some(input.description.clone());
        Ok(())
    };
    let role = edit(&ctx, &input.role_name, describe).await?;
    Ok(UpdateRoleDescriptionOutput { role: Some(shown(&ctx, &role, true).await?) })
}

pub(crate) async fn update_assume_role_policy(
    ctx: Ctx,
    input: UpdateAssumeRolePolicyInput,
) -> Result<UpdateAssumeRolePolicyOutput> {
    change(&ctx, |tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let before: Role = find(&tx, ctx.account(), &input.role_name).await?;
            check_modifiable(&before)?;
            let pins = pins(ctx, &input.policy_document).await?;
            let after = Role { trust: with_arns(&input.policy_document), pins, ..before.clone() };
            tx.put_resource(&after.scope(), Some(&before), &after);
            Ok(())
        }
    })
    .await?;
    Ok(UpdateAssumeRolePolicyOutput {})
}

pub(crate) async fn delete_role(ctx: Ctx, input: DeleteRoleInput) -> Result<DeleteRoleOutput> {
    change(&ctx, |tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let scope = home(ctx.account());
            let role: Role = find(&tx, ctx.account(), &input.role_name).await?;
            check_modifiable(&role)?;
            if !role.profiles.is_empty() {
                return Err(error::must_first("remove roles from instance profile first"));
            }
            check_bare(&role.grants)?;
            if let Some(arn) = &role.grants.boundary {
                detach_row(&tx, &role, arn, Usage::Boundary);
            }
            forget_principal(&tx, role.account, &role.unique_id);
            tx.delete_resource(&scope, &role);
            Ok(())
        }
    })
    .await?;
    Ok(DeleteRoleOutput {})
}

pub(crate) async fn list_roles(ctx: Ctx, input: ListRolesInput) -> Result<ListRolesOutput> {
    let keep = |role: &Role| under_path(input.path_prefix.as_deref(), &role.path);
    let asked = Asked::new(&input.marker, input.max_items);
    let page = asked.records(&ctx, &home(ctx.account()), &[], Role::id, keep).await?;
    let mut roles = Vec::new();
    for role in &page.items {
        roles.push(shown(&ctx, role, false).await?);
    }
    Ok(ListRolesOutput { roles, is_truncated: page.is_truncated(), marker: page.marker })
}
