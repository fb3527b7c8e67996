//! The table of Organizations: operation → what it needs → handler.
//! Source: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsorganizations.html>

use crate::access::{Keys, Who, key, making, on, plain, request_tags, with};
use crate::{
    accounts, attachments, creations, delegations, features, handshakes, hierarchy, invitations, memberships,
    organizations, policies, resource_policies, roots, tag_policies, tags, trusted_services, units,
};
use yakumo_api_organizations as api;
use yakumo_room::Room;

/// Adds all operations to the room.
pub(crate) fn operations(room: Room) -> Room {
    let room = policy_operations(unit_operations(account_operations(organization_operations(room))));
    handshake_operations(delegation_operations(tag_operations(room)))
}

fn type_key(policy_type: &str) -> Keys {
    key("organizations:PolicyType", policy_type)
}

fn service_key(service: &str) -> Keys {
    key("organizations:ServicePrincipal", service)
}

fn new_tags(tags: &Option<Vec<api::Tag>>) -> Keys {
    request_tags(tags.as_deref().unwrap_or_default())
}

fn organization_operations(room: Room) -> Room {
    room.on(
        api::CreateOrganization,
        plain("organizations:CreateOrganization", Who::Anyone),
        organizations::create_organization,
    )
    .on(
        api::DescribeOrganization,
        plain("organizations:DescribeOrganization", Who::Anyone),
        organizations::describe_organization,
    )
    .on(
        api::DeleteOrganization,
        plain("organizations:DeleteOrganization", Who::Management),
        organizations::delete_organization,
    )
    .on(api::ListRoots, plain("organizations:ListRoots", Who::Reader), roots::list_roots)
    .on(
        api::EnablePolicyType,
        with(
            "organizations:EnablePolicyType",
            Who::Delegate,
            |i: &api::EnablePolicyTypeInput| vec![i.root_id.clone()],
            |i| type_key(&i.policy_type),
        ),
        roots::enable_policy_type,
    )
    .on(
        api::DisablePolicyType,
        with(
            "organizations:DisablePolicyType",
            Who::Delegate,
            |i: &api::DisablePolicyTypeInput| vec![i.root_id.clone()],
            |i| type_key(&i.policy_type),
        ),
        roots::disable_policy_type,
    )
    .on(
        api::EnableAllFeatures,
        plain("organizations:EnableAllFeatures", Who::Management),
        features::enable_all_features,
    )
    .on(
        api::LeaveOrganization,
        plain("organizations:LeaveOrganization", Who::Anyone),
        memberships::leave_organization,
    )
}

fn account_operations(room: Room) -> Room {
    room.on(
        api::CreateAccount,
        making(
            "organizations:CreateAccount",
            Who::Management,
            |_: &api::CreateAccountInput| Vec::new(),
            |i| new_tags(&i.tags),
        ),
        creations::create_account,
    )
    .on(
        api::DescribeCreateAccountStatus,
        plain("organizations:DescribeCreateAccountStatus", Who::Reader),
        creations::describe_create_account_status,
    )
    .on(
        api::ListCreateAccountStatus,
        plain("organizations:ListCreateAccountStatus", Who::Reader),
        creations::list_create_account_status,
    )
    .on(
        api::DescribeAccount,
        on("organizations:DescribeAccount", Who::Reader, |i: &api::DescribeAccountInput| {
            vec![i.account_id.clone()]
        }),
        accounts::describe_account,
    )
    .on(api::ListAccounts, plain("organizations:ListAccounts", Who::Reader), accounts::list_accounts)
    .on(
        api::ListAccountsForParent,
        on("organizations:ListAccountsForParent", Who::Reader, |i: &api::ListAccountsForParentInput| {
            vec![i.parent_id.clone()]
        }),
        accounts::list_accounts_for_parent,
    )
    .on(
        api::CloseAccount,
        on("organizations:CloseAccount", Who::Management, |i: &api::CloseAccountInput| {
            vec![i.account_id.clone()]
        }),
        accounts::close_account,
    )
    .on(
        api::RemoveAccountFromOrganization,
        on(
            "organizations:RemoveAccountFromOrganization",
            Who::Management,
            |i: &api::RemoveAccountFromOrganizationInput| vec![i.account_id.clone()],
        ),
        memberships::remove_account_from_organization,
    )
    .on(
        api::MoveAccount,
        on("organizations:MoveAccount", Who::Management, |i: &api::MoveAccountInput| {
            vec![i.account_id.clone(), i.source_parent_id.clone(), i.destination_parent_id.clone()]
        }),
        hierarchy::move_account,
    )
    .on(
        api::ListParents,
        on("organizations:ListParents", Who::Reader, |i: &api::ListParentsInput| vec![i.child_id.clone()]),
        hierarchy::list_parents,
    )
    .on(
        api::ListChildren,
        on("organizations:ListChildren", Who::Reader, |i: &api::ListChildrenInput| vec![i.parent_id.clone()]),
        hierarchy::list_children,
    )
}

fn unit_operations(room: Room) -> Room {
    room.on(
        api::CreateOrganizationalUnit,
        making(
            "organizations:CreateOrganizationalUnit",
            Who::Management,
            |i: &api::CreateOrganizationalUnitInput| vec![i.parent_id.clone()],
            |i| new_tags(&i.tags),
        ),
        units::create_organizational_unit,
    )
    .on(
        api::DescribeOrganizationalUnit,
        on(
            "organizations:DescribeOrganizationalUnit",
            Who::Reader,
            |i: &api::DescribeOrganizationalUnitInput| vec![i.organizational_unit_id.clone()],
        ),
        units::describe_organizational_unit,
    )
    .on(
        api::UpdateOrganizationalUnit,
        on(
            "organizations:UpdateOrganizationalUnit",
            Who::Management,
            |i: &api::UpdateOrganizationalUnitInput| vec![i.organizational_unit_id.clone()],
        ),
        units::update_organizational_unit,
    )
    .on(
        api::DeleteOrganizationalUnit,
        on(
            "organizations:DeleteOrganizationalUnit",
            Who::Management,
            |i: &api::DeleteOrganizationalUnitInput| vec![i.organizational_unit_id.clone()],
        ),
        units::delete_organizational_unit,
    )
    .on(
        api::ListOrganizationalUnitsForParent,
        on(
            "organizations:ListOrganizationalUnitsForParent",
            Who::Reader,
            |i: &api::ListOrganizationalUnitsForParentInput| vec![i.parent_id.clone()],
        ),
        units::list_organizational_units_for_parent,
    )
}

fn policy_operations(room: Room) -> Room {
    room.on(
        api::CreatePolicy,
        making(
            "organizations:CreatePolicy",
            Who::Delegate,
            |i: &api::CreatePolicyInput| vec![crate::access::any_policy(&i.r#type)],
            |i| [type_key(&i.r#type), new_tags(&i.tags)].concat(),
        ),
        policies::create_policy,
    )
    .on(
        api::UpdatePolicy,
        on("organizations:UpdatePolicy", Who::Delegate, |i: &api::UpdatePolicyInput| {
            vec![i.policy_id.clone()]
        }),
        policies::update_policy,
    )
    .on(
        api::DeletePolicy,
        on("organizations:DeletePolicy", Who::Delegate, |i: &api::DeletePolicyInput| {
            vec![i.policy_id.clone()]
        }),
        policies::delete_policy,
    )
    .on(
        api::DescribePolicy,
        on("organizations:DescribePolicy", Who::Reader, |i: &api::DescribePolicyInput| {
            vec![i.policy_id.clone()]
        }),
        policies::describe_policy,
    )
    .on(
        api::ListPolicies,
        with(
            "organizations:ListPolicies",
            Who::Reader,
            |_: &api::ListPoliciesInput| Vec::new(),
            |i| type_key(&i.filter),
        ),
        policies::list_policies,
    )
    .on(
        api::AttachPolicy,
        on("organizations:AttachPolicy", Who::Delegate, |i: &api::AttachPolicyInput| {
            vec![i.policy_id.clone(), i.target_id.clone()]
        }),
        attachments::attach_policy,
    )
    .on(
        api::DetachPolicy,
        on("organizations:DetachPolicy", Who::Delegate, |i: &api::DetachPolicyInput| {
            vec![i.policy_id.clone(), i.target_id.clone()]
        }),
        attachments::detach_policy,
    )
    .on(
        api::DescribeEffectivePolicy,
        crate::access::effective_policy(),
        tag_policies::describe_effective_policy,
    )
    .on(
        api::ListPoliciesForTarget,
        with(
            "organizations:ListPoliciesForTarget",
            Who::Reader,
            |i: &api::ListPoliciesForTargetInput| vec![i.target_id.clone()],
            |i| type_key(&i.filter),
        ),
        attachments::list_policies_for_target,
    )
    .on(
        api::ListTargetsForPolicy,
        on("organizations:ListTargetsForPolicy", Who::Reader, |i: &api::ListTargetsForPolicyInput| {
            vec![i.policy_id.clone()]
        }),
        attachments::list_targets_for_policy,
    )
}

fn tag_operations(room: Room) -> Room {
    room.on(
        api::TagResource,
        with(
            "organizations:TagResource",
            Who::Delegate,
            |i: &api::TagResourceInput| vec![i.resource_id.clone()],
            |i| request_tags(&i.tags),
        ),
        tags::tag_resource,
    )
    .on(
        api::UntagResource,
        with(
            "organizations:UntagResource",
            Who::Delegate,
            |i: &api::UntagResourceInput| vec![i.resource_id.clone()],
            |i| vec![("aws:TagKeys".into(), i.tag_keys.clone())],
        ),
        tags::untag_resource,
    )
    .on(
        api::ListTagsForResource,
        on("organizations:ListTagsForResource", Who::Reader, |i: &api::ListTagsForResourceInput| {
            vec![i.resource_id.clone()]
        }),
        tags::list_tags_for_resource,
    )
}

fn delegation_operations(room: Room) -> Room {
    room.on(
        api::RegisterDelegatedAdministrator,
        with(
            "organizations:RegisterDelegatedAdministrator",
            Who::Management,
            |i: &api::RegisterDelegatedAdministratorInput| vec![i.account_id.clone()],
            |i| service_key(&i.service_principal),
        ),
        delegations::register_delegated_administrator,
    )
    .on(
        api::DeregisterDelegatedAdministrator,
        with(
            "organizations:DeregisterDelegatedAdministrator",
            Who::Management,
            |i: &api::DeregisterDelegatedAdministratorInput| vec![i.account_id.clone()],
            |i| service_key(&i.service_principal),
        ),
        delegations::deregister_delegated_administrator,
    )
    .on(
        api::ListDelegatedAdministrators,
        with(
            "organizations:ListDelegatedAdministrators",
            Who::Reader,
            |_: &api::ListDelegatedAdministratorsInput| Vec::new(),
            |i| i.service_principal.as_deref().map(service_key).unwrap_or_default(),
        ),
        delegations::list_delegated_administrators,
    )
    .on(
        api::ListDelegatedServicesForAccount,
        on(
            "organizations:ListDelegatedServicesForAccount",
            Who::Reader,
            |i: &api::ListDelegatedServicesForAccountInput| vec![i.account_id.clone()],
        ),
        delegations::list_delegated_services_for_account,
    )
    .on(
        api::EnableAWSServiceAccess,
        with(
            "organizations:EnableAWSServiceAccess",
            Who::Management,
            |_: &api::EnableAWSServiceAccessInput| Vec::new(),
            |i| service_key(&i.service_principal),
        ),
        trusted_services::enable_aws_service_access,
    )
    .on(
        api::DisableAWSServiceAccess,
        with(
            "organizations:DisableAWSServiceAccess",
            Who::Management,
            |_: &api::DisableAWSServiceAccessInput| Vec::new(),
            |i| service_key(&i.service_principal),
        ),
        trusted_services::disable_aws_service_access,
    )
    .on(
        api::ListAWSServiceAccessForOrganization,
        plain("organizations:ListAWSServiceAccessForOrganization", Who::Reader),
        trusted_services::list_aws_service_access_for_organization,
    )
    .on(
        api::PutResourcePolicy,
        making(
            "organizations:PutResourcePolicy",
            Who::Management,
            |_: &api::PutResourcePolicyInput| vec![crate::access::RESOURCE_POLICY.into()],
            |i| new_tags(&i.tags),
        ),
        resource_policies::put_resource_policy,
    )
    .on(
        api::DescribeResourcePolicy,
        plain("organizations:DescribeResourcePolicy", Who::Reader),
        resource_policies::describe_resource_policy,
    )
    .on(
        api::DeleteResourcePolicy,
        plain("organizations:DeleteResourcePolicy", Who::Management),
        resource_policies::delete_resource_policy,
    )
}

fn handshake_operations(room: Room) -> Room {
    room.on(
        api::InviteAccountToOrganization,
        making(
            "organizations:InviteAccountToOrganization",
            Who::Management,
            |i: &api::InviteAccountToOrganizationInput| {
                let account = Some(i.target.id.clone()).filter(|_| i.target.r#type == "ACCOUNT");
                account.into_iter().collect()
            },
            |i| new_tags(&i.tags),
        ),
        invitations::invite_account_to_organization,
    )
    .on(
        api::AcceptHandshake,
        on("organizations:AcceptHandshake", Who::Anyone, |i: &api::AcceptHandshakeInput| {
            vec![i.handshake_id.clone()]
        }),
        handshakes::accept_handshake,
    )
    .on(
        api::DeclineHandshake,
        on("organizations:DeclineHandshake", Who::Anyone, |i: &api::DeclineHandshakeInput| {
            vec![i.handshake_id.clone()]
        }),
        handshakes::decline_handshake,
    )
    .on(
        api::CancelHandshake,
        on("organizations:CancelHandshake", Who::Anyone, |i: &api::CancelHandshakeInput| {
            vec![i.handshake_id.clone()]
        }),
        handshakes::cancel_handshake,
    )
    .on(
        api::DescribeHandshake,
        on("organizations:DescribeHandshake", Who::Anyone, |i: &api::DescribeHandshakeInput| {
            vec![i.handshake_id.clone()]
        }),
        handshakes::describe_handshake,
    )
    .on(
        api::ListHandshakesForAccount,
        plain("organizations:ListHandshakesForAccount", Who::Anyone),
        handshakes::list_handshakes_for_account,
    )
    .on(
        api::ListHandshakesForOrganization,
        plain("organizations:ListHandshakesForOrganization", Who::Reader),
        handshakes::list_handshakes_for_organization,
    )
}
