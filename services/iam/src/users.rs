//! Users: create, get, rename, delete, list.

use crate::error;
use crate::identities::{
    change, check_bare, exists, find, look_up, move_attachments, put_boundary, under_path, unique_id,
};
use crate::last_use::forget_principal;
use crate::paging::Asked;
use crate::quotas::{self, Quota};
use crate::state::{AccessKey, Member, User, fold, home, shared};
use crate::{holders, mfa_devices, tags};
use yakumo_api_iam::{
    AttachedPermissionsBoundary, CreateUserInput, CreateUserOutput, DeleteUserInput, DeleteUserOutput,
    GetUserInput, GetUserOutput, ListUsersInput, ListUsersOutput, UpdateUserInput, UpdateUserOutput,
    User as Shown,
};
use yakumo_aws::Result;
use yakumo_policy::PrincipalKind;
use yakumo_room::{Ctx, Resource};

/// A user as answers show it; lists leave tags and boundary out.
pub(crate) fn shown(user: &User, in_full: bool) -> Shown {
    Shown {
        path: user.path.clone(),
        user_name: user.name.clone(),
        user_id: user.unique_id.clone(),
        arn: user.arn(),
        create_date: user.created,
        permissions_boundary: boundary(user.grants.boundary.as_deref().filter(|_| in_full)),
        tags: tags::shown_if_any(&user.tags).filter(|_| in_full),
        ..Shown::default()
    }
}

/// A boundary as answers show it.
pub(crate) fn boundary(arn: Option<&str>) -> Option<AttachedPermissionsBoundary> {
    arn.map(|arn| AttachedPermissionsBoundary {
        permissions_boundary_type: Some("Policy".into()),
        permissions_boundary_arn: Some(arn.to_owned()),
    })
}

pub(crate) async fn create_user(ctx: Ctx, input: CreateUserInput) -> Result<CreateUserOutput> {
    let mut fresh = User {
        account: ctx.account(),
        folded: fold(&input.user_name),
        name: input.user_name.clone(),
        path: input.path.clone().unwrap_or_else(|| "/".into()),
        unique_id: unique_id(&ctx, "AIDA"),
        created: ctx.now(),
        tags: Default::default(),
        grants: Default::default(),
        groups: Default::default(),
        access_keys: Vec::new(),
    };
    tags::add(&mut fresh.tags, input.tags.as_deref().unwrap_or_default())?;
    let user = change(&ctx, |tx| {
        let (ctx, mut user, boundary) = (&ctx, fresh.clone(), input.permissions_boundary.as_deref());
        async move {
            if exists::<User>(&tx, ctx.account(), &user.name).await? {
                return Err(error::identity_exists::<User>(&user.name));
            }
            quotas::admit(ctx, &tx, Quota::Users).await?;
            put_boundary(&tx, &mut user, boundary).await?;
            tx.put_resource(&home(ctx.account()), None, &user);
            Ok(user)
        }
    })
    .await?;
    Ok(CreateUserOutput { user: Some(shown(&user, true)) })
}

/// Without a name: the caller, who must be a user or the root user.
pub(crate) async fn get_user(ctx: Ctx, input: GetUserInput) -> Result<GetUserOutput> {
    let name = match input.user_name {
        Some(name) => name,
        None => match own_name(&ctx)? {
            Some(name) => name,
            None => return Ok(GetUserOutput { user: root_user(&ctx) }),
        },
    };
    let user: User = look_up(&ctx, &name).await?;
    Ok(GetUserOutput { user: shown(&user, true) })
}

/// The name of the user who asks, `None` for the root user.
pub(crate) fn own_name(ctx: &Ctx) -> Result<Option<String>> {
    let principal = &ctx.caller().principal;
    match principal.kind {
        PrincipalKind::Root => Ok(None),
        PrincipalKind::User => Ok(principal.arn.rsplit('/').next().map(str::to_owned)),
        _ => Err(error::must_name_user()),
    }
}

/// DIFFERS: AWS leaves UserName and Path out; the model requires them, so they are answered empty and `/`.
fn root_user(ctx: &Ctx) -> Shown {
    let principal = &ctx.caller().principal;
    Shown {
        path: "/".into(),
        user_id: principal.user_id.clone(),
        arn: principal.arn.clone(),
        ..Shown::default()
    }
}

pub(crate) async fn update_user(ctx: Ctx, input: UpdateUserInput) -> Result<UpdateUserOutput> {
    change(&ctx, |tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let account = ctx.account();
            let before: User = find(&tx, account, &input.user_name).await?;
            let mut after = before.clone();
            if let Some(path) = &input.new_path {
                after.path.clone_from(path);
            }
            if let Some(name) = &input.new_user_name {
                after.name.clone_from(name);
                after.folded = fold(name);
            }
            if after.folded != before.folded {
                if exists::<User>(&tx, account, &after.name).await? {
                    return Err(error::identity_exists::<User>(&after.name));
                }
                rename(&tx, &before, &after).await?;
            }
            move_attachments(&tx, &before, &after);
            tx.put_resource(&home(account), Some(&before), &after);
            Ok(())
        }
    })
    .await?;
    Ok(UpdateUserOutput {})
}

/// Moves what points to the old name: the record itself, memberships, access keys.
async fn rename(tx: &yakumo_room::Tx, before: &User, after: &User) -> Result<()> {
    let scope = home(before.account);
    tx.delete::<User>(&scope, &before.id());
    for group in &before.groups {
        tx.delete::<Member>(&scope, &[group, &before.folded]);
        let member = Member { group: group.clone(), user: after.folded.clone() };
        tx.put(&scope, &[group, &after.folded], &member);
    }
    mfa_devices::rename(tx, before, after).await?;
    for id in &before.access_keys {
        if let Some(mut key) = tx.get::<AccessKey>(&shared(), &[id]).await? {
            key.user = Some(after.folded.clone());
            tx.put(&shared(), &[id], &key);
        }
    }
    Ok(())
}

pub(crate) async fn delete_user(ctx: Ctx, input: DeleteUserInput) -> Result<DeleteUserOutput> {
    change(&ctx, |tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let user: User = find(&tx, ctx.account(), &input.user_name).await?;
            check_bare(&user.grants)?;
            if !user.access_keys.is_empty() {
                return Err(error::must_first("delete access keys first"));
            }
            holders::check_none(&tx, &user).await?;
            if !user.groups.is_empty() {
                return Err(error::must_first("remove users from group first"));
            }
            if let Some(arn) = &user.grants.boundary {
                crate::identities::detach_row(&tx, &user, arn, crate::state::Usage::Boundary);
            }
            forget_principal(&tx, user.account, &user.unique_id);
            tx.delete_resource(&home(ctx.account()), &user);
            Ok(())
        }
    })
    .await?;
    Ok(DeleteUserOutput {})
}

pub(crate) async fn list_users(ctx: Ctx, input: ListUsersInput) -> Result<ListUsersOutput> {
    let keep = |user: &User| under_path(input.path_prefix.as_deref(), &user.path);
    let asked = Asked::new(&input.marker, input.max_items);
    let page = asked.records(&ctx, &home(ctx.account()), &[], User::id, keep).await?;
    let users = page.items.iter().map(|user| shown(user, false)).collect();
    Ok(ListUsersOutput { users, is_truncated: page.is_truncated(), marker: page.marker })
}
