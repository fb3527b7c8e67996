//! Rows of service-linked roles, and of the tags of instance profiles.

use crate::access::{Target, key, on, tag_keys, with};
use crate::service_linked_roles::{PATH, place};
use crate::{instance_profile_tags, service_linked_roles};
use yakumo_api_iam as api;
use yakumo_room::Room;

/// The rows.
pub(crate) fn service_linked(room: Room) -> Room {
    room.on(
        api::CreateServiceLinkedRole,
        with(
            "iam:CreateServiceLinkedRole",
            |i: &api::CreateServiceLinkedRoleInput| {
                let (path, name) = place(&i.aws_service_name, i.custom_suffix.as_deref());
                Target::At("role", Some(path), name)
            },
            |i| key("iam:AWSServiceName", &i.aws_service_name),
        ),
        service_linked_roles::create_service_linked_role,
    )
    .on(
        api::DeleteServiceLinkedRole,
        on("iam:DeleteServiceLinkedRole", |i: &api::DeleteServiceLinkedRoleInput| {
            Target::Role(i.role_name.clone())
        }),
        service_linked_roles::delete_service_linked_role,
    )
    .on(
        api::GetServiceLinkedRoleDeletionStatus,
        on("iam:GetServiceLinkedRoleDeletionStatus", |i: &api::GetServiceLinkedRoleDeletionStatusInput| {
            let (path, name) = of_task(&i.deletion_task_id);
            Target::At("role", Some(path), name)
        }),
        service_linked_roles::get_service_linked_role_deletion_status,
    )
}

/// The path and name of the role in the id of a task: `task/aws-service-role/SERVICE/ROLE/UUID`.
fn of_task(id: &str) -> (String, String) {
    let mut parts = id.strip_prefix("task/aws-service-role/").unwrap_or_default().split('/');
    let (service, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    (format!("{PATH}{service}/"), name.to_owned())
}

/// The rows of the tags of instance profiles.
pub(crate) fn profile_tags(room: Room) -> Room {
    room.on(
        api::TagInstanceProfile,
        with(
            "iam:TagInstanceProfile",
            |i: &api::TagInstanceProfileInput| Target::Profile(i.instance_profile_name.clone()),
            |i| super::given_tags(&i.tags),
        ),
        instance_profile_tags::tag_instance_profile,
    )
    .on(
        api::UntagInstanceProfile,
        with(
            "iam:UntagInstanceProfile",
            |i: &api::UntagInstanceProfileInput| Target::Profile(i.instance_profile_name.clone()),
            |i| tag_keys(&i.tag_keys),
        ),
        instance_profile_tags::untag_instance_profile,
    )
    .on(
        api::ListInstanceProfileTags,
        on("iam:ListInstanceProfileTags", |i: &api::ListInstanceProfileTagsInput| {
            Target::Profile(i.instance_profile_name.clone())
        }),
        instance_profile_tags::list_instance_profile_tags,
    )
}
