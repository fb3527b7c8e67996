//! The tables of iam and sts: operation → what it needs → handler.
//! Source: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html>

mod credentials;
mod federation;
mod people;
mod providers;
mod reading;
mod service_linked;
mod simulation;

use crate::access::{Keys, Target, key, making, need, on, request_tags, tag_keys, with};
use crate::directory::Directory;
use crate::sts::{assume_role, caller_identity, session_tokens};
use crate::{
    access_keys, group_policies, groups, instance_profiles, policies, policy_versions, role_policies, roles,
    tags, user_policies, users,
};
use futures_util::future::BoxFuture;
use std::sync::Arc;
use yakumo_api_iam as api;
use yakumo_aws::Result;
use yakumo_room::{Access, Ctx, Need, Room};

/// The table of IAM.
pub(crate) fn iam(directory: Arc<Directory>) -> Room {
    let room = Room::new("iam").state(directory);
    let room = providers::providers(room);
    let room = credentials::credentials(people::people(room));
    let room = tag_operations(profile_operations(policy_operations(room)));
    let room = role_operations(group_operations(user_operations(room)));
    let room = service_linked::profile_tags(service_linked::service_linked(room));
    reading::reading(simulation::simulation(room))
}

/// The table of STS.
pub(crate) fn sts(directory: Arc<Directory>) -> Room {
    use yakumo_api_sts::{AssumeRole, GetAccessKeyInfo, GetCallerIdentity, GetSessionToken};
    const SESSION: &str =
        "AWS: API_GetSessionToken: no permissions are required, and policies cannot control it";
    const WHO: &str = "AWS: API_GetCallerIdentity: no permissions are required, even under an explicit deny";
    const TRUST: &str = "the role's trust policy and STS's silent denial are the handler's";
    federation::federation(Room::new("sts"))
        .state(directory)
        .resource_control()
        .on(AssumeRole, Access::inside(assume_role::ACTIONS, TRUST), assume_role::assume_role)
        .on(GetSessionToken, Access::open(SESSION), session_tokens::get_session_token)
        .on(GetCallerIdentity, Access::open(WHO), caller_identity::get_caller_identity)
        .on(
            GetAccessKeyInfo,
            federation::on_everything("sts:GetAccessKeyInfo"),
            caller_identity::get_access_key_info,
        )
}

fn boundary(arn: &Option<String>) -> Keys {
    arn.as_deref().map(|arn| key("iam:PermissionsBoundary", arn)).unwrap_or_default()
}

pub(crate) fn new_tags(tags: &Option<Vec<api::Tag>>) -> Keys {
    request_tags(tags.iter().flatten().map(|tag| (tag.key.as_str(), tag.value.as_str())))
}

pub(crate) fn given_tags(tags: &[api::Tag]) -> Keys {
    request_tags(tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str())))
}

fn user_operations(room: Room) -> Room {
    room.on(
        api::CreateUser,
        making(
            ["iam:CreateUser", "iam:TagUser"],
            |i: &api::CreateUserInput| Target::At("user", i.path.clone(), i.user_name.clone()),
            |i| [boundary(&i.permissions_boundary), new_tags(&i.tags)].concat(),
        ),
        users::create_user,
    )
    .on(
        api::GetUser,
        on("iam:GetUser", |i: &api::GetUserInput| Target::Own(i.user_name.clone())),
        users::get_user,
    )
    .on(api::UpdateUser, update_user(), users::update_user)
    .on(
        api::DeleteUser,
        on("iam:DeleteUser", |i: &api::DeleteUserInput| Target::User(i.user_name.clone())),
        users::delete_user,
    )
    .on(
        api::ListUsers,
        on("iam:ListUsers", |i: &api::ListUsersInput| {
            Target::At("user", i.path_prefix.clone(), String::new())
        }),
        users::list_users,
    )
    .on(
        api::CreateAccessKey,
        on("iam:CreateAccessKey", |i: &api::CreateAccessKeyInput| Target::Own(i.user_name.clone())),
        access_keys::create_access_key,
    )
    .on(
        api::ListAccessKeys,
        on("iam:ListAccessKeys", |i: &api::ListAccessKeysInput| Target::Own(i.user_name.clone())),
        access_keys::list_access_keys,
    )
    .on(
        api::UpdateAccessKey,
        on("iam:UpdateAccessKey", |i: &api::UpdateAccessKeyInput| Target::Own(i.user_name.clone())),
        access_keys::update_access_key,
    )
    .on(
        api::DeleteAccessKey,
        on("iam:DeleteAccessKey", |i: &api::DeleteAccessKeyInput| Target::Own(i.user_name.clone())),
        access_keys::delete_access_key,
    )
    .on(
        api::ListGroupsForUser,
        on("iam:ListGroupsForUser", |i: &api::ListGroupsForUserInput| Target::User(i.user_name.clone())),
        groups::list_groups_for_user,
    )
    .on(
        api::PutUserPolicy,
        on("iam:PutUserPolicy", |i: &api::PutUserPolicyInput| Target::User(i.user_name.clone())),
        user_policies::put_user_policy,
    )
    .on(
        api::GetUserPolicy,
        on("iam:GetUserPolicy", |i: &api::GetUserPolicyInput| Target::User(i.user_name.clone())),
        user_policies::get_user_policy,
    )
    .on(
        api::DeleteUserPolicy,
        on("iam:DeleteUserPolicy", |i: &api::DeleteUserPolicyInput| Target::User(i.user_name.clone())),
        user_policies::delete_user_policy,
    )
    .on(
        api::ListUserPolicies,
        on("iam:ListUserPolicies", |i: &api::ListUserPoliciesInput| Target::User(i.user_name.clone())),
        user_policies::list_user_policies,
    )
    .on(
        api::AttachUserPolicy,
        with(
            "iam:AttachUserPolicy",
            |i: &api::AttachUserPolicyInput| Target::User(i.user_name.clone()),
            |i| key("iam:PolicyARN", &i.policy_arn),
        ),
        user_policies::attach_user_policy,
    )
    .on(
        api::DetachUserPolicy,
        with(
            "iam:DetachUserPolicy",
            |i: &api::DetachUserPolicyInput| Target::User(i.user_name.clone()),
            |i| key("iam:PolicyARN", &i.policy_arn),
        ),
        user_policies::detach_user_policy,
    )
    .on(
        api::ListAttachedUserPolicies,
        on("iam:ListAttachedUserPolicies", |i: &api::ListAttachedUserPoliciesInput| {
            Target::User(i.user_name.clone())
        }),
        user_policies::list_attached_user_policies,
    )
    .on(
        api::PutUserPermissionsBoundary,
        with(
            "iam:PutUserPermissionsBoundary",
            |i: &api::PutUserPermissionsBoundaryInput| Target::User(i.user_name.clone()),
            |i| key("iam:PermissionsBoundary", &i.permissions_boundary),
        ),
        user_policies::put_user_permissions_boundary,
    )
    .on(
        api::DeleteUserPermissionsBoundary,
        on("iam:DeleteUserPermissionsBoundary", |i: &api::DeleteUserPermissionsBoundaryInput| {
            Target::User(i.user_name.clone())
        }),
        user_policies::delete_user_permissions_boundary,
    )
}

/// AWS: a new name or path needs the permission on the old and on the new ARN
/// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateUser.html>).
fn update_user() -> Access<api::UpdateUserInput> {
    let actions = ["iam:UpdateUser"];
    Access::needs(actions, |ctx: &Ctx, i: &api::UpdateUserInput| -> BoxFuture<'_, Result<Vec<Need>>> {
        let new = Target::Renamed("user", i.user_name.clone(), i.new_path.clone(), i.new_user_name.clone());
        both(ctx, "iam:UpdateUser", Target::User(i.user_name.clone()), new)
    })
}

fn update_group() -> Access<api::UpdateGroupInput> {
    let actions = ["iam:UpdateGroup"];
    Access::needs(actions, |ctx: &Ctx, i: &api::UpdateGroupInput| -> BoxFuture<'_, Result<Vec<Need>>> {
        let new =
            Target::Renamed("group", i.group_name.clone(), i.new_path.clone(), i.new_group_name.clone());
        both(ctx, "iam:UpdateGroup", Target::Group(i.group_name.clone()), new)
    })
}

fn both<'a>(
    ctx: &'a Ctx,
    action: &'static str,
    old: Target,
    new: Target,
) -> BoxFuture<'a, Result<Vec<Need>>> {
    Box::pin(async move {
        Ok(vec![need(ctx, action, old, Keys::new()).await?, need(ctx, action, new, Keys::new()).await?])
    })
}

fn group_operations(room: Room) -> Room {
    room.on(
        api::CreateGroup,
        on("iam:CreateGroup", |i: &api::CreateGroupInput| {
            Target::At("group", i.path.clone(), i.group_name.clone())
        }),
        groups::create_group,
    )
    .on(
        api::GetGroup,
        on("iam:GetGroup", |i: &api::GetGroupInput| Target::Group(i.group_name.clone())),
        groups::get_group,
    )
    .on(api::UpdateGroup, update_group(), groups::update_group)
    .on(
        api::DeleteGroup,
        on("iam:DeleteGroup", |i: &api::DeleteGroupInput| Target::Group(i.group_name.clone())),
        groups::delete_group,
    )
    .on(
        api::ListGroups,
        on("iam:ListGroups", |i: &api::ListGroupsInput| {
            Target::At("group", i.path_prefix.clone(), String::new())
        }),
        groups::list_groups,
    )
    .on(
        api::AddUserToGroup,
        on("iam:AddUserToGroup", |i: &api::AddUserToGroupInput| Target::Group(i.group_name.clone())),
        groups::add_user_to_group,
    )
    .on(
        api::RemoveUserFromGroup,
        on("iam:RemoveUserFromGroup", |i: &api::RemoveUserFromGroupInput| {
            Target::Group(i.group_name.clone())
        }),
        groups::remove_user_from_group,
    )
    .on(
        api::PutGroupPolicy,
        on("iam:PutGroupPolicy", |i: &api::PutGroupPolicyInput| Target::Group(i.group_name.clone())),
        group_policies::put_group_policy,
    )
    .on(
        api::GetGroupPolicy,
        on("iam:GetGroupPolicy", |i: &api::GetGroupPolicyInput| Target::Group(i.group_name.clone())),
        group_policies::get_group_policy,
    )
    .on(
        api::DeleteGroupPolicy,
        on("iam:DeleteGroupPolicy", |i: &api::DeleteGroupPolicyInput| Target::Group(i.group_name.clone())),
        group_policies::delete_group_policy,
    )
    .on(
        api::ListGroupPolicies,
        on("iam:ListGroupPolicies", |i: &api::ListGroupPoliciesInput| Target::Group(i.group_name.clone())),
        group_policies::list_group_policies,
    )
    .on(
        api::AttachGroupPolicy,
        with(
            "iam:AttachGroupPolicy",
            |i: &api::AttachGroupPolicyInput| Target::Group(i.group_name.clone()),
            |i| key("iam:PolicyARN", &i.policy_arn),
        ),
        group_policies::attach_group_policy,
    )
    .on(
        api::DetachGroupPolicy,
        with(
            "iam:DetachGroupPolicy",
            |i: &api::DetachGroupPolicyInput| Target::Group(i.group_name.clone()),
            |i| key("iam:PolicyARN", &i.policy_arn),
        ),
        group_policies::detach_group_policy,
    )
    .on(
        api::ListAttachedGroupPolicies,
        on("iam:ListAttachedGroupPolicies", |i: &api::ListAttachedGroupPoliciesInput| {
            Target::Group(i.group_name.clone())
        }),
        group_policies::list_attached_group_policies,
    )
}

fn role_operations(room: Room) -> Room {
    room.on(
        api::CreateRole,
        making(
            ["iam:CreateRole", "iam:TagRole"],
            |i: &api::CreateRoleInput| Target::At("role", i.path.clone(), i.role_name.clone()),
            |i| [boundary(&i.permissions_boundary), new_tags(&i.tags)].concat(),
        ),
        roles::create_role,
    )
    .on(
        api::GetRole,
        on("iam:GetRole", |i: &api::GetRoleInput| Target::Role(i.role_name.clone())),
        roles::get_role,
    )
    .on(
        api::UpdateRole,
        on("iam:UpdateRole", |i: &api::UpdateRoleInput| Target::Role(i.role_name.clone())),
        roles::update_role,
    )
    .on(
        api::UpdateRoleDescription,
        on("iam:UpdateRoleDescription", |i: &api::UpdateRoleDescriptionInput| {
            Target::Role(i.role_name.clone())
        }),
        roles::update_role_description,
    )
    .on(
        api::UpdateAssumeRolePolicy,
        on("iam:UpdateAssumeRolePolicy", |i: &api::UpdateAssumeRolePolicyInput| {
            Target::Role(i.role_name.clone())
        }),
        roles::update_assume_role_policy,
    )
    .on(
        api::DeleteRole,
        on("iam:DeleteRole", |i: &api::DeleteRoleInput| Target::Role(i.role_name.clone())),
        roles::delete_role,
    )
    .on(
        api::ListRoles,
        on("iam:ListRoles", |i: &api::ListRolesInput| {
            Target::At("role", i.path_prefix.clone(), String::new())
        }),
        roles::list_roles,
    )
    .on(
        api::PutRolePolicy,
        on("iam:PutRolePolicy", |i: &api::PutRolePolicyInput| Target::Role(i.role_name.clone())),
        role_policies::put_role_policy,
    )
    .on(
        api::GetRolePolicy,
        on("iam:GetRolePolicy", |i: &api::GetRolePolicyInput| Target::Role(i.role_name.clone())),
        role_policies::get_role_policy,
    )
    .on(
        api::DeleteRolePolicy,
        on("iam:DeleteRolePolicy", |i: &api::DeleteRolePolicyInput| Target::Role(i.role_name.clone())),
        role_policies::delete_role_policy,
    )
    .on(
        api::ListRolePolicies,
        on("iam:ListRolePolicies", |i: &api::ListRolePoliciesInput| Target::Role(i.role_name.clone())),
        role_policies::list_role_policies,
    )
    .on(
        api::AttachRolePolicy,
        with(
            "iam:AttachRolePolicy",
            |i: &api::AttachRolePolicyInput| Target::Role(i.role_name.clone()),
            |i| key("iam:PolicyARN", &i.policy_arn),
        ),
        role_policies::attach_role_policy,
    )
    .on(
        api::DetachRolePolicy,
        with(
            "iam:DetachRolePolicy",
            |i: &api::DetachRolePolicyInput| Target::Role(i.role_name.clone()),
            |i| key("iam:PolicyARN", &i.policy_arn),
        ),
        role_policies::detach_role_policy,
    )
    .on(
        api::ListAttachedRolePolicies,
        on("iam:ListAttachedRolePolicies", |i: &api::ListAttachedRolePoliciesInput| {
            Target::Role(i.role_name.clone())
        }),
        role_policies::list_attached_role_policies,
    )
    .on(
        api::PutRolePermissionsBoundary,
        with(
            "iam:PutRolePermissionsBoundary",
            |i: &api::PutRolePermissionsBoundaryInput| Target::Role(i.role_name.clone()),
            |i| key("iam:PermissionsBoundary", &i.permissions_boundary),
        ),
        role_policies::put_role_permissions_boundary,
    )
    .on(
        api::DeleteRolePermissionsBoundary,
        on("iam:DeleteRolePermissionsBoundary", |i: &api::DeleteRolePermissionsBoundaryInput| {
            Target::Role(i.role_name.clone())
        }),
        role_policies::delete_role_permissions_boundary,
    )
}

fn policy_operations(room: Room) -> Room {
    room.on(
        api::CreatePolicy,
        making(
            ["iam:CreatePolicy", "iam:TagPolicy"],
            |i: &api::CreatePolicyInput| Target::At("policy", i.path.clone(), i.policy_name.clone()),
            |i| new_tags(&i.tags),
        ),
        policies::create_policy,
    )
    .on(
        api::GetPolicy,
        on("iam:GetPolicy", |i: &api::GetPolicyInput| Target::Policy(i.policy_arn.clone())),
        policies::get_policy,
    )
    .on(
        api::DeletePolicy,
        on("iam:DeletePolicy", |i: &api::DeletePolicyInput| Target::Policy(i.policy_arn.clone())),
        policies::delete_policy,
    )
    .on(
        api::ListPolicies,
        on("iam:ListPolicies", |i: &api::ListPoliciesInput| Target::PolicyPath(i.path_prefix.clone())),
        policies::list_policies,
    )
    .on(
        api::ListEntitiesForPolicy,
        on("iam:ListEntitiesForPolicy", |i: &api::ListEntitiesForPolicyInput| {
            Target::Policy(i.policy_arn.clone())
        }),
        policies::list_entities_for_policy,
    )
    .on(
        api::CreatePolicyVersion,
        on("iam:CreatePolicyVersion", |i: &api::CreatePolicyVersionInput| {
            Target::Policy(i.policy_arn.clone())
        }),
        policy_versions::create_policy_version,
    )
    .on(
        api::GetPolicyVersion,
        on("iam:GetPolicyVersion", |i: &api::GetPolicyVersionInput| Target::Policy(i.policy_arn.clone())),
        policy_versions::get_policy_version,
    )
    .on(
        api::ListPolicyVersions,
        on("iam:ListPolicyVersions", |i: &api::ListPolicyVersionsInput| Target::Policy(i.policy_arn.clone())),
        policy_versions::list_policy_versions,
    )
    .on(
        api::DeletePolicyVersion,
        on("iam:DeletePolicyVersion", |i: &api::DeletePolicyVersionInput| {
            Target::Policy(i.policy_arn.clone())
        }),
        policy_versions::delete_policy_version,
    )
    .on(
        api::SetDefaultPolicyVersion,
        on("iam:SetDefaultPolicyVersion", |i: &api::SetDefaultPolicyVersionInput| {
            Target::Policy(i.policy_arn.clone())
        }),
        policy_versions::set_default_policy_version,
    )
}

fn profile_operations(room: Room) -> Room {
    room.on(
        api::CreateInstanceProfile,
        making(
            ["iam:CreateInstanceProfile", "iam:TagInstanceProfile"],
            |i: &api::CreateInstanceProfileInput| {
                Target::At("instance-profile", i.path.clone(), i.instance_profile_name.clone())
            },
            |i| new_tags(&i.tags),
        ),
        instance_profiles::create_instance_profile,
    )
    .on(
        api::GetInstanceProfile,
        on("iam:GetInstanceProfile", |i: &api::GetInstanceProfileInput| {
            Target::Profile(i.instance_profile_name.clone())
        }),
        instance_profiles::get_instance_profile,
    )
    .on(
        api::DeleteInstanceProfile,
        on("iam:DeleteInstanceProfile", |i: &api::DeleteInstanceProfileInput| {
            Target::Profile(i.instance_profile_name.clone())
        }),
        instance_profiles::delete_instance_profile,
    )
    .on(api::AddRoleToInstanceProfile, add_role(), instance_profiles::add_role_to_instance_profile)
    .on(
        api::RemoveRoleFromInstanceProfile,
        on("iam:RemoveRoleFromInstanceProfile", |i: &api::RemoveRoleFromInstanceProfileInput| {
            Target::Profile(i.instance_profile_name.clone())
        }),
        instance_profiles::remove_role_from_instance_profile,
    )
    .on(
        api::ListInstanceProfiles,
        on("iam:ListInstanceProfiles", |i: &api::ListInstanceProfilesInput| {
            Target::At("instance-profile", i.path_prefix.clone(), String::new())
        }),
        instance_profiles::list_instance_profiles,
    )
    .on(
        api::ListInstanceProfilesForRole,
        on("iam:ListInstanceProfilesForRole", |i: &api::ListInstanceProfilesForRoleInput| {
            Target::Role(i.role_name.clone())
        }),
        instance_profiles::list_instance_profiles_for_role,
    )
}

/// AWS: the caller must also be allowed to pass the role to EC2
/// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_AddRoleToInstanceProfile.html>).
fn add_role() -> Access<api::AddRoleToInstanceProfileInput> {
    let actions = ["iam:AddRoleToInstanceProfile", "iam:PassRole"];
    Access::needs(
        actions,
        |ctx: &Ctx, i: &api::AddRoleToInstanceProfileInput| -> BoxFuture<'_, Result<Vec<Need>>> {
            let (profile, role) = (i.instance_profile_name.clone(), i.role_name.clone());
            Box::pin(async move {
                let to_ec2 = key("iam:PassedToService", "ec2.amazonaws.com");
                Ok(vec![
                    need(ctx, "iam:AddRoleToInstanceProfile", Target::Profile(profile), Keys::new()).await?,
                    need(ctx, "iam:PassRole", Target::Role(role), to_ec2).await?,
                ])
            })
        },
    )
}

fn tag_operations(room: Room) -> Room {
    room.on(
        api::TagUser,
        with(
            "iam:TagUser",
            |i: &api::TagUserInput| Target::User(i.user_name.clone()),
            |i| given_tags(&i.tags),
        ),
        tags::tag_user,
    )
    .on(
        api::UntagUser,
        with(
            "iam:UntagUser",
            |i: &api::UntagUserInput| Target::User(i.user_name.clone()),
            |i| tag_keys(&i.tag_keys),
        ),
        tags::untag_user,
    )
    .on(
        api::ListUserTags,
        on("iam:ListUserTags", |i: &api::ListUserTagsInput| Target::User(i.user_name.clone())),
        tags::list_user_tags,
    )
    .on(
        api::TagRole,
        with(
            "iam:TagRole",
            |i: &api::TagRoleInput| Target::Role(i.role_name.clone()),
            |i| given_tags(&i.tags),
        ),
        tags::tag_role,
    )
    .on(
        api::UntagRole,
        with(
            "iam:UntagRole",
            |i: &api::UntagRoleInput| Target::Role(i.role_name.clone()),
            |i| tag_keys(&i.tag_keys),
        ),
        tags::untag_role,
    )
    .on(
        api::ListRoleTags,
        on("iam:ListRoleTags", |i: &api::ListRoleTagsInput| Target::Role(i.role_name.clone())),
        tags::list_role_tags,
    )
    .on(
        api::TagPolicy,
        with(
            "iam:TagPolicy",
            |i: &api::TagPolicyInput| Target::Policy(i.policy_arn.clone()),
            |i| given_tags(&i.tags),
        ),
        policies::tag_policy,
    )
    .on(
        api::UntagPolicy,
        with(
            "iam:UntagPolicy",
            |i: &api::UntagPolicyInput| Target::Policy(i.policy_arn.clone()),
            |i| tag_keys(&i.tag_keys),
        ),
        policies::untag_policy,
    )
    .on(
        api::ListPolicyTags,
        on("iam:ListPolicyTags", |i: &api::ListPolicyTagsInput| Target::Policy(i.policy_arn.clone())),
        policies::list_policy_tags,
    )
}
