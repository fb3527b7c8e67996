//! Groups and who is in them.

use crate::error;
use crate::identities::{change, check_bare, exists, find, look_up, move_attachments, under_path, unique_id};
use crate::paging::Asked;
use crate::quotas::{self, Quota};
use crate::state::{Group, Member, User, fold, home};
use crate::users;
use yakumo_api_iam::{
    AddUserToGroupInput, AddUserToGroupOutput, CreateGroupInput, CreateGroupOutput, DeleteGroupInput,
    DeleteGroupOutput, GetGroupInput, GetGroupOutput, Group as Shown, ListGroupsForUserInput,
    ListGroupsForUserOutput, ListGroupsInput, ListGroupsOutput, RemoveUserFromGroupInput,
    RemoveUserFromGroupOutput, UpdateGroupInput, UpdateGroupOutput,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Resource, Tx};

/// AWS: a quota that cannot be raised.
const GROUPS_PER_USER_MAX: usize = 10;
/// Members that a rename reads at once.
const MEMBERS_BATCH: usize = 10_000;

fn shown(group: &Group) -> Shown {
    Shown {
        path: group.path.clone(),
        group_name: group.name.clone(),
        group_id: group.unique_id.clone(),
        arn: group.arn(),
        create_date: group.created,
    }
}

pub(crate) async fn create_group(ctx: Ctx, input: CreateGroupInput) -> Result<CreateGroupOutput> {
    let group = Group {
        account: ctx.account(),
        folded: fold(&input.group_name),
        name: input.group_name.clone(),
        path: input.path.clone().unwrap_or_else(|| "/".into()),
        unique_id: unique_id(&ctx, "AGPA"),
        created: ctx.now(),
        tags: Default::default(),
        grants: Default::default(),
    };
    change(&ctx, |tx| {
        let (ctx, group) = (&ctx, &group);
        async move {
            if exists::<Group>(&tx, ctx.account(), &group.name).await? {
                return Err(error::identity_exists::<Group>(&group.name));
            }
            quotas::admit(ctx, &tx, Quota::Groups).await?;
            tx.put_resource(&home(ctx.account()), None, group);
            Ok(())
        }
    })
    .await?;
    Ok(CreateGroupOutput { group: shown(&group) })
}

/// The group and one page of its users.
pub(crate) async fn get_group(ctx: Ctx, input: GetGroupInput) -> Result<GetGroupOutput> {
    let group: Group = look_up(&ctx, &input.group_name).await?;
    let asked = Asked::new(&input.marker, input.max_items);
    let scope = home(ctx.account());
    let page = asked.records(&ctx, &scope, &[&group.folded], member_key, |_| true).await?;
    let mut users = Vec::new();
    for member in &page.items {
        if let Some(user) = ctx.get::<User>(&scope, &[&member.user]).await? {
            users.push(users::shown(&user, false));
        }
    }
    Ok(GetGroupOutput { group: shown(&group), users, is_truncated: page.is_truncated(), marker: page.marker })
}

fn member_key(member: &Member) -> Vec<&str> {
    vec![&member.group, &member.user]
}

pub(crate) async fn update_group(ctx: Ctx, input: UpdateGroupInput) -> Result<UpdateGroupOutput> {
    change(&ctx, |tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let account = ctx.account();
            let before: Group = find(&tx, account, &input.group_name).await?;
            let mut after = before.clone();
            if let Some(path) = &input.new_path {
                after.path.clone_from(path);
            }
            if let Some(name) = &input.new_group_name {
                after.name.clone_from(name);
                after.folded = fold(name);
            }
            if after.folded != before.folded {
                if exists::<Group>(&tx, account, &after.name).await? {
                    return Err(error::identity_exists::<Group>(&after.name));
                }
                rename(&tx, &before, &after).await?;
            }
            move_attachments(&tx, &before, &after);
            tx.put_resource(&home(account), Some(&before), &after);
            Ok(())
        }
    })
    .await?;
    Ok(UpdateGroupOutput {})
}

/// Moves what points to the old name: the record itself and its members.
async fn rename(tx: &Tx, before: &Group, after: &Group) -> Result<()> {
    let scope = home(before.account);
    tx.delete::<Group>(&scope, &before.id());
    for member in tx.list::<Member>(&scope, &[&before.folded], None, MEMBERS_BATCH).await? {
        if let Some(mut user) = tx.get::<User>(&scope, &[&member.user]).await? {
            user.groups.remove(&before.folded);
            user.groups.insert(after.folded.clone());
            tx.put(&scope, &[&member.user], &user);
        }
        tx.delete::<Member>(&scope, &member_key(&member));
        let member = Member { group: after.folded.clone(), ..member };
        tx.put(&scope, &member_key(&member), &member);
    }
    Ok(())
}

pub(crate) async fn delete_group(ctx: Ctx, input: DeleteGroupInput) -> Result<DeleteGroupOutput> {
    change(&ctx, |tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let scope = home(ctx.account());
            let group: Group = find(&tx, ctx.account(), &input.group_name).await?;
            if !tx.list::<Member>(&scope, &[&group.folded], None, 1).await?.is_empty() {
                return Err(error::must_first("remove users from group first"));
            }
            check_bare(&group.grants)?;
            tx.delete_resource(&scope, &group);
            Ok(())
        }
    })
    .await?;
    Ok(DeleteGroupOutput {})
}

pub(crate) async fn list_groups(ctx: Ctx, input: ListGroupsInput) -> Result<ListGroupsOutput> {
    let keep = |group: &Group| under_path(input.path_prefix.as_deref(), &group.path);
    let asked = Asked::new(&input.marker, input.max_items);
    let page = asked.records(&ctx, &home(ctx.account()), &[], Group::id, keep).await?;
    let groups = page.items.iter().map(shown).collect();
    Ok(ListGroupsOutput { groups, is_truncated: page.is_truncated(), marker: page.marker })
}

pub(crate) async fn add_user_to_group(ctx: Ctx, input: AddUserToGroupInput) -> Result<AddUserToGroupOutput> {
    change(&ctx, |tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let scope = home(ctx.account());
            let group: Group = find(&tx, ctx.account(), &input.group_name).await?;
            let before: User = find(&tx, ctx.account(), &input.user_name).await?;
            let mut user = before.clone();
            user.groups.insert(group.folded.clone());
            if user.groups.len() > GROUPS_PER_USER_MAX {
                return Err(error::quota("GroupsPerUser", GROUPS_PER_USER_MAX));
            }
            let member = Member { group: group.folded, user: user.folded.clone() };
            tx.put(&scope, &member_key(&member), &member);
            tx.put_resource(&scope, Some(&before), &user);
            Ok(())
        }
    })
    .await?;
    Ok(AddUserToGroupOutput {})
}

/// AWS: removing who is no member is no error (<https://github.com/cloud-custodian/cloud-custodian/pull/4730>).
pub(crate) async fn remove_user_from_group(
    ctx: Ctx,
    input: RemoveUserFromGroupInput,
) -> Result<RemoveUserFromGroupOutput> {
    change(&ctx, |tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let scope = home(ctx.account());
            let group: Group = find(&tx, ctx.account(), &input.group_name).await?;
            let before: User = find(&tx, ctx.account(), &input.user_name).await?;
            let mut user = before.clone();
            if !user.groups.remove(&group.folded) {
                return Ok(());
            }
            tx.delete::<Member>(&scope, &[&group.folded, &user.folded]);
            tx.put_resource(&scope, Some(&before), &user);
            Ok(())
        }
    })
    .await?;
    Ok(RemoveUserFromGroupOutput {})
}

pub(crate) async fn list_groups_for_user(
    ctx: Ctx,
    input: ListGroupsForUserInput,
) -> Result<ListGroupsForUserOutput> {
    let user: User = look_up(&ctx, &input.user_name).await?;
    let page = Asked::new(&input.marker, input.max_items)
        .slice(user.groups.into_iter().collect(), String::as_str)?;
    let mut groups = Vec::new();
    for folded in &page.items {
        if let Some(group) = ctx.get::<Group>(&home(ctx.account()), &[folded]).await? {
            groups.push(shown(&group));
        }
    }
    Ok(ListGroupsForUserOutput { groups, is_truncated: page.is_truncated(), marker: page.marker })
}
