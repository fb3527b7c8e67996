//! GetAccountAuthorizationDetails: everything that decides who may do what in an account, page by page.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html>
//!
//! Users come first, then groups, roles, the account's own policies and those of AWS that are in use; a marker is the
//! section and the key of the last one that was given.

use crate::error;
use crate::identities::encode_document;
use crate::managed::{self, ManagedPolicy};
use crate::paging::{Asked, encode};
use crate::state::{Attachment, Grants, Group, InstanceProfile, Policy, Role, Usage, User, home};
use crate::{instance_profiles, policies, roles, tags, users};
use yakumo_api_iam::{
    AttachedPolicy, GetAccountAuthorizationDetailsInput, GetAccountAuthorizationDetailsOutput, GroupDetail,
    ManagedPolicyDetail, PolicyDetail, PolicyVersion, RoleDetail, UserDetail, entity_type,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Resource};

/// The sections in the order of answers.
const SECTIONS: [&str; 5] = [
    entity_type::USER,
    entity_type::GROUP,
    entity_type::ROLE,
    entity_type::LOCAL_MANAGED_POLICY,
    entity_type::AWS_MANAGED_POLICY,
];

pub(crate) async fn get_account_authorization_details(
    ctx: Ctx,
    input: GetAccountAuthorizationDetailsInput,
) -> Result<GetAccountAuthorizationDetailsOutput> {
    let asked = Asked::new(&input.marker, input.max_items);
    let wanted = |section: &str| match input.filter.as_deref() {
        None | Some([]) => true,
        Some(filter) => filter.iter().any(|name| name == section),
    };
    let mut after = match asked.after()?.as_deref() {
        None => None,
        Some([section, key]) if SECTIONS.contains(&section.as_str()) => Some((section.clone(), key.clone())),
        Some(_) => return Err(error::invalid_marker()),
    };
    let mut page = Page { left: asked.limit(), ..Page::default() };
    for section in SECTIONS {
        if after.as_ref().is_some_and(|(from, _)| from != section) {
            continue;
        }
        let from = after.take().map(|(_, key)| key);
        if wanted(section) {
            page.fill(&ctx, section, from.as_deref()).await?;
        }
        if page.is_full {
            break;
        }
    }
    let marker = page.last.filter(|_| page.is_full).map(|(section, key)| encode(&[section, &key]));
    Ok(GetAccountAuthorizationDetailsOutput {
        user_detail_list: Some(page.users),
        group_detail_list: Some(page.groups),
        role_detail_list: Some(page.roles),
        policies: Some(page.policies),
        is_truncated: Some(marker.is_some()),
        marker,
    })
}

/// A page that is being filled.
#[derive(Default)]
struct Page {
    users: Vec<UserDetail>,
    groups: Vec<GroupDetail>,
    roles: Vec<RoleDetail>,
    policies: Vec<ManagedPolicyDetail>,
    left: usize,
    /// Section and key of the last item.
    last: Option<(&'static str, String)>,
    /// Whether something was left out for want of room.
    is_full: bool,
}

impl Page {
    /// Whether there is room for one more; it is then taken.
    fn take(&mut self, section: &'static str, key: &str) -> bool {
        self.is_full = self.left == 0;
        if !self.is_full {
            self.left -= 1;
            self.last = Some((section, key.to_owned()));
        }
        !self.is_full
    }

    async fn fill(&mut self, ctx: &Ctx, section: &'static str, from: Option<&str>) -> Result<()> {
        let (scope, from) = (home(ctx.account()), from.map(|key| [key]));
        let from = from.as_ref().map(<[&str; 1]>::as_slice);
        // One more than there is room for tells whether there is more.
        let most = self.left + 1;
        match section {
            entity_type::USER => {
                for user in ctx.list::<User>(&scope, &[], from, most).await? {
                    if self.take(section, &user.folded) {
                        self.users.push(user_detail(ctx, &user).await?);
                    }
                }
            }
            entity_type::GROUP => {
                for group in ctx.list::<Group>(&scope, &[], from, most).await? {
                    if self.take(section, &group.folded) {
                        self.groups.push(group_detail(&group));
                    }
                }
            }
            entity_type::ROLE => {
                for role in ctx.list::<Role>(&scope, &[], from, most).await? {
                    if self.take(section, &role.folded) {
                        self.roles.push(role_detail(ctx, &role).await?);
                    }
                }
            }
            entity_type::LOCAL_MANAGED_POLICY => {
                for policy in ctx.list::<Policy>(&scope, &[], from, most).await? {
                    if self.take(section, &policy.folded) {
                        self.policies.push(own_policy(ctx, &policy).await?);
                    }
                }
            }
            _ => self.fill_of_aws(ctx, section, from).await?,
        }
        Ok(())
    }

    async fn fill_of_aws(&mut self, ctx: &Ctx, section: &'static str, from: Option<&[&str]>) -> Result<()> {
        let after = from.and_then(|key| key.first()).copied().unwrap_or_default();
        for policy in managed::all() {
            let arn = policy.arn();
            if arn.as_str() <= after {
                continue;
            }
            let used = ctx.list::<Attachment>(&home(ctx.account()), &[&arn], None, 1).await?;
            if !used.is_empty() {
                if !self.take(section, &arn) {
                    return Ok(());
                }
                self.policies.push(policy_of_aws(ctx, policy).await?);
            }
        }
        Ok(())
    }
}

async fn user_detail(ctx: &Ctx, user: &User) -> Result<UserDetail> {
    let mut groups = Vec::new();
    for folded in &user.groups {
        groups.extend(ctx.get::<Group>(&home(user.account), &[folded]).await?.map(|group| group.name));
    }
    Ok(UserDetail {
        path: Some(user.path.clone()),
        user_name: Some(user.name.clone()),
        user_id: Some(user.unique_id.clone()),
        arn: Some(user.arn()),
        create_date: Some(user.created),
        user_policy_list: Some(inline(&user.grants)),
        group_list: Some(groups),
        attached_managed_policies: Some(attached(&user.grants)),
        permissions_boundary: users::boundary(user.grants.boundary.as_deref()),
        tags: Some(tags::shown(&user.tags)),
    })
}

fn group_detail(group: &Group) -> GroupDetail {
    GroupDetail {
        path: Some(group.path.clone()),
        group_name: Some(group.name.clone()),
        group_id: Some(group.unique_id.clone()),
        arn: Some(group.arn()),
        create_date: Some(group.created),
        group_policy_list: Some(inline(&group.grants)),
        attached_managed_policies: Some(attached(&group.grants)),
    }
}

async fn role_detail(ctx: &Ctx, role: &Role) -> Result<RoleDetail> {
    let mut profiles = Vec::new();
    for folded in &role.profiles {
        if let Some(profile) = ctx.get::<InstanceProfile>(&home(role.account), &[folded]).await? {
            profiles.push(instance_profiles::shown(ctx, &profile, false).await?);
        }
    }
    Ok(RoleDetail {
        path: Some(role.path.clone()),
        role_name: Some(role.name.clone()),
        role_id: Some(role.unique_id.clone()),
        arn: Some(role.arn()),
        create_date: Some(role.created),
        assume_role_policy_document: Some(encode_document(&role.pins.show(ctx, &role.trust).await?)),
        instance_profile_list: Some(profiles),
        role_policy_list: Some(inline(&role.grants)),
        attached_managed_policies: Some(attached(&role.grants)),
        permissions_boundary: users::boundary(role.grants.boundary.as_deref()),
        tags: Some(tags::shown(&role.tags)),
        role_last_used: Some(roles::last_used(ctx, role).await?),
    })
}

async fn own_policy(ctx: &Ctx, policy: &Policy) -> Result<ManagedPolicyDetail> {
    let arn = policy.arn();
    let versions = policy.versions.iter().rev().map(|(number, version)| PolicyVersion {
        document: Some(encode_document(&version.document)),
        version_id: Some(format!("v{number}")),
        is_default_version: Some(*number == policy.default_version),
        create_date: Some(version.created),
    });
    Ok(ManagedPolicyDetail {
        policy_name: Some(policy.name.clone()),
        policy_id: Some(policy.unique_id.clone()),
        path: Some(policy.path.clone()),
        default_version_id: Some(format!("v{}", policy.default_version)),
        attachment_count: Some(policies::count(ctx, &arn, Usage::Permissions).await?),
        permissions_boundary_usage_count: Some(policies::count(ctx, &arn, Usage::Boundary).await?),
        is_attachable: Some(true),
        description: policy.description.clone(),
        create_date: Some(policy.created),
        update_date: Some(policy.updated),
        policy_version_list: Some(versions.collect()),
        arn: Some(arn),
    })
}

async fn policy_of_aws(ctx: &Ctx, policy: &ManagedPolicy) -> Result<ManagedPolicyDetail> {
    let arn = policy.arn();
    let version = PolicyVersion {
        document: Some(encode_document(&policy.document())),
        version_id: Some(format!("v{}", policy.version())),
        is_default_version: Some(true),
        create_date: Some(policy.updated()),
    };
    Ok(ManagedPolicyDetail {
        policy_name: Some(policy.name().to_owned()),
        policy_id: Some(policy.unique_id()),
        path: Some(policy.path().to_owned()),
        default_version_id: Some(format!("v{}", policy.version())),
        attachment_count: Some(policies::count(ctx, &arn, Usage::Permissions).await?),
        permissions_boundary_usage_count: Some(policies::count(ctx, &arn, Usage::Boundary).await?),
        is_attachable: Some(true),
        create_date: Some(policy.created()),
        update_date: Some(policy.updated()),
        policy_version_list: Some(vec![version]),
        arn: Some(arn),
        ..ManagedPolicyDetail::default()
    })
}

fn inline(grants: &Grants) -> Vec<PolicyDetail> {
    let detail = |(name, text): (&String, &String)| PolicyDetail {
        policy_name: Some(name.clone()),
        policy_document: Some(encode_document(text)),
    };
    grants.inline.iter().map(detail).collect()
}

fn attached(grants: &Grants) -> Vec<AttachedPolicy> {
    let detail = |arn: &String| AttachedPolicy {
        policy_name: arn.rsplit('/').next().map(str::to_owned),
        policy_arn: Some(arn.clone()),
    };
    grants.attached.iter().map(detail).collect()
}
