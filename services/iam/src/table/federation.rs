//! The rows of STS for federated identities, and for messages about denials.

use crate::error;
use crate::sts::{
    assume_role_with_saml, assume_role_with_web_identity, authorization_messages, federation_tokens,
};
use futures_util::future::BoxFuture;
use yakumo_api_sts as api;
use yakumo_aws::Result;
use yakumo_policy::PrincipalKind;
use yakumo_room::{Access, Ctx, Need, Room};

const TRUST: &str =
    "the role's trust policy is asked about the identity in the token, which the handler verifies";

pub(crate) fn federation(room: Room) -> Room {
    room.on(
        api::AssumeRoleWithWebIdentity,
        Access::inside(assume_role_with_web_identity::ACTIONS, TRUST),
        assume_role_with_web_identity::assume_role_with_web_identity,
    )
    .on(
        api::AssumeRoleWithSAML,
        Access::inside(assume_role_with_saml::ACTIONS, TRUST),
        assume_role_with_saml::assume_role_with_saml,
    )
    .on(api::GetFederationToken, federation_tokens::access(), federation_tokens::get_federation_token)
    .on(
        api::DecodeAuthorizationMessage,
        on_everything::<api::DecodeAuthorizationMessageInput>("sts:DecodeAuthorizationMessage"),
        authorization_messages::decode_authorization_message,
    )
}

/// The rule of an operation of STS without resources.
///
/// AWS: sessions of GetSessionToken without MFA and of GetFederationToken may call no more of STS than their pages say
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_sts-comparison.html>).
pub(crate) fn on_everything<I: Sync + 'static>(action: &'static str) -> Access<I> {
    Access::needs([action], move |ctx: &Ctx, _| -> BoxFuture<'_, Result<Vec<Need>>> {
        let principal = &ctx.caller().principal;
        let federated = matches!(principal.kind, PrincipalKind::FederatedUser { .. });
        let needs = match federated || crate::access::refuse_session_without_mfa(ctx).is_err() {
            true => Err(error::denied(format!("Cannot call {} with session credentials", operation(action)))),
            false => Ok(vec![Need::new(action, "*", ctx.account())]),
        };
        Box::pin(std::future::ready(needs))
    })
}

fn operation(action: &'static str) -> &'static str {
    action.split_once(':').map_or(action, |(_, operation)| operation)
}
