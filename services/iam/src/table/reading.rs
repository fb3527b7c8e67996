//! Rows of the operations that read what a whole account holds and uses.

use super::simulation::{about, anywhere};
use crate::access_advisor::{self, granting};
use crate::account_details;
use yakumo_api_iam as api;
use yakumo_room::Room;

/// The rows.
pub(crate) fn reading(room: Room) -> Room {
    room.on(
        api::GetAccountAuthorizationDetails,
        anywhere("iam:GetAccountAuthorizationDetails"),
        account_details::get_account_authorization_details,
    )
    .on(
        api::GenerateServiceLastAccessedDetails,
        about(
            "iam:GenerateServiceLastAccessedDetails",
            |i: &api::GenerateServiceLastAccessedDetailsInput| &i.arn,
        ),
        access_advisor::generate_service_last_accessed_details,
    )
    .on(
        api::GetServiceLastAccessedDetails,
        anywhere("iam:GetServiceLastAccessedDetails"),
        access_advisor::get_service_last_accessed_details,
    )
    .on(
        api::GetServiceLastAccessedDetailsWithEntities,
        anywhere("iam:GetServiceLastAccessedDetailsWithEntities"),
        access_advisor::get_service_last_accessed_details_with_entities,
    )
    .on(
        api::ListPoliciesGrantingServiceAccess,
        about("iam:ListPoliciesGrantingServiceAccess", |i: &api::ListPoliciesGrantingServiceAccessInput| {
            &i.arn
        }),
        granting::list_policies_granting_service_access,
    )
}
