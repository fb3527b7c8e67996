//! Service-linked roles: roles that belong to a service of AWS, which alone may change them.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html>
//!
//! Invariant: a role is service-linked exactly when its path begins with `/aws-service-role/`; no other operation makes
//! such a role, changes its policies or its trust, or deletes it.

mod templates;

use crate::error;
use crate::identities::{attach_row, change, detach_row, exists, find, unique_id};
use crate::last_use::forget_principal;
use crate::roles;
use crate::state::deletion_task::DeletionTask;
use crate::state::{Identity, Role, Usage, fold, home, shared};
use std::collections::BTreeMap;
use yakumo_api_iam::{
    CreateServiceLinkedRoleInput, CreateServiceLinkedRoleOutput, DeleteServiceLinkedRoleInput,
    DeleteServiceLinkedRoleOutput, GetServiceLinkedRoleDeletionStatusInput,
    GetServiceLinkedRoleDeletionStatusOutput, deletion_task_status_type,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Pins};

/// Where all service-linked roles live.
pub(crate) const PATH: &str = "/aws-service-role/";
/// The longest name of a role.
const NAME_CHARS_MAX: usize = 64;

/// The path and name of the role that a request asks for; what no service has gets the service's path alone.
pub(crate) fn place(service: &str, suffix: Option<&str>) -> (String, String) {
    let name = templates::find(service).map(|template| template.role).unwrap_or_default();
    let name = match suffix {
        Some(suffix) => format!("{name}_{suffix}"),
        None => name.to_owned(),
    };
    (format!("{PATH}{service}/"), name)
}

/// AWS: `UnmodifiableEntity` for every change that only the service may make.
pub(crate) fn check_modifiable<I: Identity>(identity: &I) -> Result<()> {
    if I::KIND == "role" && identity.path().starts_with(PATH) {
        return Err(error::protected_role(identity.name()));
    }
    Ok(())
}

pub(crate) async fn create_service_linked_role(
    ctx: Ctx,
    input: CreateServiceLinkedRoleInput,
) -> Result<CreateServiceLinkedRoleOutput> {
    let service = &input.aws_service_name;
    let template = templates::find(service).ok_or_else(|| error::no_role_template(service))?;
    if input.custom_suffix.is_some() && !template.suffix {
        return Err(error::no_suffix_allowed(service));
    }
    let (path, name) = place(service, input.custom_suffix.as_deref());
    if name.len() > NAME_CHARS_MAX {
        return Err(error::invalid_input(format!("The role name {name} is longer than {NAME_CHARS_MAX}.")));
    }
    let fresh = Role {
        account: ctx.account(),
        folded: fold(&name),
        name,
        path,
        unique_id: unique_id(&ctx, "AROA"),
        created: ctx.now(),
        tags: BTreeMap::new(),
        grants: Default::default(),
        description: input.description.clone().or(template.description.map(str::to_owned)),
        max_session_s: roles::MAX_SESSION_S,
        trust: trust(service),
        pins: Pins::default(),
        profiles: Default::default(),
    };
    let policy = format!("arn:aws:iam::aws:policy{PATH}{}", template.policy);
    let role = change(&ctx, |tx| {
        let (ctx, mut role, policy) = (&ctx, fresh.clone(), &policy);
        async move {
            if exists::<Role>(&tx, ctx.account(), &role.name).await? {
                return Err(error::role_name_taken(&role.name));
            }
            role.grants.attached.insert(policy.clone());
            attach_row(&tx, &role, policy, Usage::Permissions);
            tx.put_resource(&home(ctx.account()), None, &role);
            Ok(role)
        }
    })
    .await?;
    Ok(CreateServiceLinkedRoleOutput { role: Some(roles::shown(&ctx, &role, true).await?) })
}

/// As AWS writes it: compact, with lists.
fn trust(service: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Action":["sts:AssumeRole"],"Effect":"Allow","Principal":{{"Service":["{service}"]}}}}]}}"#
    )
}

/// No service of this cloud holds on to its role, so the role goes at once and the task has succeeded when it is told.
pub(crate) async fn delete_service_linked_role(
    ctx: Ctx,
    input: DeleteServiceLinkedRoleInput,
) -> Result<DeleteServiceLinkedRoleOutput> {
    let number = ctx.base().ids.uuid();
    let id = change(&ctx, |tx| {
        let (ctx, input, number) = (&ctx, &input, &number);
        async move {
            let role: Role = find(&tx, ctx.account(), &input.role_name).await?;
            let Some(service) = role.path.strip_prefix(PATH).map(|rest| rest.trim_end_matches('/')) else {
                return Err(error::not_found(Role::KIND, &input.role_name));
            };
            let id = format!("task{PATH}{service}/{}/{number}", role.name);
            for arn in &role.grants.attached {
                detach_row(&tx, &role, arn, Usage::Permissions);
            }
            forget_principal(&tx, role.account, &role.unique_id);
            tx.delete_resource(&home(ctx.account()), &role);
            let task = DeletionTask { id: id.clone(), account: ctx.account(), created: ctx.now() };
            tx.put(&shared(), &[&id], &task);
            Ok(id)
        }
    })
    .await?;
    Ok(DeleteServiceLinkedRoleOutput { deletion_task_id: id })
}

pub(crate) async fn get_service_linked_role_deletion_status(
    ctx: Ctx,
    input: GetServiceLinkedRoleDeletionStatusInput,
) -> Result<GetServiceLinkedRoleDeletionStatusOutput> {
    let id = &input.deletion_task_id;
    if !id.starts_with(&format!("task{PATH}")) {
        return Err(error::invalid_input(format!("Invalid deletion task id: {id}")));
    }
    let task = ctx.get::<DeletionTask>(&shared(), &[id]).await?;
    task.filter(|task| task.account == ctx.account()).ok_or_else(|| error::deletion_task_not_found(id))?;
    let status = deletion_task_status_type::SUCCEEDED.to_owned();
    Ok(GetServiceLinkedRoleDeletionStatusOutput { status, reason: None })
}
