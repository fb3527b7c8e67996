//! Rows of the operations that simulate.

use crate::access::{Keys, Target, need};
use crate::state::split_arn;
use crate::{context_keys, simulation};
use futures_util::future::BoxFuture;
use yakumo_api_iam as api;
use yakumo_aws::Result;
use yakumo_room::{Access, Ctx, Need, Room, Shown};

/// The rows.
pub(crate) fn simulation(room: Room) -> Room {
    room.on(
        api::SimulatePrincipalPolicy,
        about("iam:SimulatePrincipalPolicy", |i: &api::SimulatePrincipalPolicyInput| &i.policy_source_arn),
        simulation::simulate_principal_policy,
    )
    .on(api::SimulateCustomPolicy, anywhere("iam:SimulateCustomPolicy"), simulation::simulate_custom_policy)
    .on(
        api::GetContextKeysForPrincipalPolicy,
        about("iam:GetContextKeysForPrincipalPolicy", |i: &api::GetContextKeysForPrincipalPolicyInput| {
            &i.policy_source_arn
        }),
        context_keys::get_context_keys_for_principal_policy,
    )
    .on(
        api::GetContextKeysForCustomPolicy,
        anywhere("iam:GetContextKeysForCustomPolicy"),
        context_keys::get_context_keys_for_custom_policy,
    )
}

/// The rule of an action without resources.
pub(super) fn anywhere<I: Sync + 'static>(action: &'static str) -> Access<I> {
    Access::needs([action], move |ctx: &Ctx, _: &I| -> BoxFuture<'_, Result<Vec<Need>>> {
        Box::pin(async move {
            let target = Target::PolicyPath(None);
            let mut need = need(ctx, action, target, Keys::new()).await?;
            need.shown = Shown::Arn;
            Ok(vec![need])
        })
    })
}

/// The rule of an action on a user, group, role or policy that the request names by its ARN, which AccessDenied shows.
pub(super) fn about<I: Sync + 'static>(
    action: &'static str,
    arn: impl Fn(&I) -> &String + Send + Sync + 'static,
) -> Access<I> {
    Access::needs([action], move |ctx: &Ctx, i: &I| -> BoxFuture<'_, Result<Vec<Need>>> {
        let arn = arn(i).clone();
        Box::pin(async move {
            let target = match split_arn(&arn) {
                Some((account, kind, name)) if account == ctx.account() => match kind {
                    "user" => Target::User(name.to_owned()),
                    "group" => Target::Group(name.to_owned()),
                    "role" => Target::Role(name.to_owned()),
                    _ => Target::Policy(arn.clone()),
                },
                _ => Target::Policy(arn.clone()),
            };
            let mut need = need(ctx, action, target, Keys::new()).await?;
            // What is asked about is what the request says, whether there is such a thing or not.
            need.resource = arn;
            need.shown = Shown::Arn;
            Ok(vec![need])
        })
    })
}
