//! Handshakes: shown, listed, answered.

use crate::error;
use crate::organizations::feature_set;
use crate::pages::page;
use crate::realm::{Draft, Realm, State};
use crate::seats::seat;
use crate::state::{Handshake, HandshakeState, Kind};
use crate::{features, invitations};
use std::sync::Arc;
use yakumo_api_organizations::{
    AcceptHandshakeInput, AcceptHandshakeOutput, CancelHandshakeInput, CancelHandshakeOutput,
    DeclineHandshakeInput, DeclineHandshakeOutput, DescribeHandshakeInput, DescribeHandshakeOutput,
    Handshake as Shown, HandshakeFilter, HandshakeParty, HandshakeResource, ListHandshakesForAccountInput,
    ListHandshakesForAccountOutput, ListHandshakesForOrganizationInput, ListHandshakesForOrganizationOutput,
};
use yakumo_aws::{Result, Timestamp};
use yakumo_room::Ctx;

fn resource(kind: &str, value: &str) -> HandshakeResource {
    HandshakeResource { value: Some(value.into()), r#type: Some(kind.into()), resources: None }
}

/// `ACCOUNT` or `EMAIL`, as the account was named.
fn party_type(invited: &str) -> &'static str {
    if invited.contains('@') { "EMAIL" } else { "ACCOUNT" }
}

/// How a handshake is shown at a point in time.
pub(crate) fn shown(state: &State, handshake: &Handshake, now: Timestamp) -> Shown {
    let mut parties =
        vec![HandshakeParty { id: handshake.organization.clone(), r#type: "ORGANIZATION".into() }];
    let mut organization = resource("ORGANIZATION", &handshake.organization);
    if handshake.kind == Kind::Invite {
        organization.resources = Some(inviter(state, handshake));
    }
    let mut resources = vec![organization];
    if !handshake.invited.is_empty() {
        let kind = party_type(&handshake.invited);
        parties.push(HandshakeParty { id: handshake.invited.clone(), r#type: kind.into() });
        resources.push(resource(kind, &handshake.invited));
    }
    resources.extend(handshake.parent.as_deref().map(|parent| resource("PARENT_HANDSHAKE", parent)));
    resources.extend(handshake.notes.as_deref().map(|notes| resource("NOTES", notes)));
    Shown {
        id: Some(handshake.id.clone()),
        arn: Some(handshake.arn()),
        parties: Some(parties),
        state: Some(handshake.state(now).as_str().into()),
        requested_timestamp: Some(handshake.requested),
        expiration_timestamp: Some(handshake.expires),
        action: Some(handshake.kind.as_str().into()),
        resources: Some(resources),
    }
}

/// Who invites.
fn inviter(state: &State, handshake: &Handshake) -> Vec<HandshakeResource> {
    let mut resources = Vec::new();
    if let Some(management) = state.accounts.get(handshake.management.as_str()) {
        resources.push(resource("MASTER_EMAIL", &management.email));
        resources.push(resource("MASTER_NAME", &management.name));
    }
    if let Some(organization) = state.organizations.get(&handshake.organization) {
        resources.push(resource("ORGANIZATION_FEATURE_SET", feature_set(organization)));
    }
    resources
}

/// What the caller is in a handshake.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The management account.
    Originator,
    /// The account that has to agree.
    Recipient,
}

/// A handshake of the caller's. AWS: nobody else learns that there is one.
fn find(ctx: &Ctx, state: &State, id: &str) -> Result<(Arc<Handshake>, Role)> {
    let handshake = state.handshakes.get(id).filter(|handshake| !handshake.is_forgotten(ctx.now()));
    let handshake = handshake.ok_or_else(error::handshake_not_found)?;
    let role = if handshake.management == ctx.account() {
        Role::Originator
    } else if handshake.account == Some(ctx.account()) {
        Role::Recipient
    } else {
        return Err(error::handshake_not_found());
    };
    Ok((handshake.clone(), role))
}

pub(crate) async fn describe_handshake(
    ctx: Ctx,
    input: DescribeHandshakeInput,
) -> Result<DescribeHandshakeOutput> {
    let view = ctx.state::<Realm>().view();
    let (handshake, _) = find(&ctx, &view.state, &input.handshake_id)?;
    Ok(DescribeHandshakeOutput { handshake: Some(shown(&view.state, &handshake, ctx.now())) })
}

/// Brings a handshake of the caller's to its end.
async fn answer(
    ctx: &Ctx,
    id: &str,
    end: HandshakeState,
    effect: impl FnOnce(&mut Draft, &Handshake) -> Result<()>,
) -> Result<Shown> {
    let now = ctx.now();
    let work = ctx.state::<Realm>().change(ctx, |draft| {
        let (handshake, role) = find(ctx, &draft.state, id)?;
        let answers_own = handshake.kind == Kind::EnableAllFeatures;
        let wanted = match end {
            HandshakeState::Canceled => Role::Originator,
            _ if answers_own => Role::Originator,
            _ => Role::Recipient,
        };
        if role != wanted {
            return Err(error::denied());
        }
        let state = handshake.state(now);
        if state == end {
            return Err(error::handshake_in_state());
        }
        if !state.is_pending() {
            return Err(error::handshake_transition());
        }
        effect(draft, &handshake)?;
        let ended = Handshake { stored: end, changed: now, ..Handshake::clone(&handshake) };
        draft.put(ended.clone());
        features::advance(draft, &ended, now);
        Ok(shown(&draft.state, &ended, now))
    });
    work.await
}

pub(crate) async fn accept_handshake(ctx: Ctx, input: AcceptHandshakeInput) -> Result<AcceptHandshakeOutput> {
    let now = ctx.now();
    let account = ctx.account();
    let effect = |draft: &mut Draft, handshake: &Handshake| match handshake.kind {
        Kind::Invite => invitations::join(draft, handshake, account, now),
        Kind::EnableAllFeatures => features::finish(draft, handshake),
        Kind::ApproveAllFeatures => Ok(()),
    };
    let handshake = answer(&ctx, &input.handshake_id, HandshakeState::Accepted, effect).await?;
    Ok(AcceptHandshakeOutput { handshake: Some(handshake) })
}

pub(crate) async fn decline_handshake(
    ctx: Ctx,
    input: DeclineHandshakeInput,
) -> Result<DeclineHandshakeOutput> {
    let handshake = answer(&ctx, &input.handshake_id, HandshakeState::Declined, |_, _| Ok(())).await?;
    Ok(DeclineHandshakeOutput { handshake: Some(handshake) })
}

pub(crate) async fn cancel_handshake(ctx: Ctx, input: CancelHandshakeInput) -> Result<CancelHandshakeOutput> {
    let handshake = answer(&ctx, &input.handshake_id, HandshakeState::Canceled, |_, _| Ok(())).await?;
    Ok(CancelHandshakeOutput { handshake: Some(handshake) })
}

fn passes(filter: Option<&HandshakeFilter>, handshake: &Handshake) -> bool {
    let Some(filter) = filter else { return true };
    filter.action_type.as_deref().is_none_or(|action| action == handshake.kind.as_str())
        && filter.parent_handshake_id.as_ref().is_none_or(|parent| Some(parent) == handshake.parent.as_ref())
}

fn list(
    ctx: &Ctx,
    state: &State,
    is_mine: impl Fn(&Handshake) -> bool,
    filter: Option<&HandshakeFilter>,
    next_token: Option<&str>,
    max_results: Option<i32>,
) -> Result<(Vec<Shown>, Option<String>)> {
    let now = ctx.now();
    let handshakes = state.handshakes.values();
    let handshakes: Vec<&Arc<Handshake>> =
        handshakes.filter(|one| is_mine(one) && !one.is_forgotten(now) && passes(filter, one)).collect();
    let (handshakes, token) = page(handshakes, next_token, max_results, |one| one.id.as_str())?;
    Ok((handshakes.into_iter().map(|one| shown(state, one, now)).collect(), token))
}

pub(crate) async fn list_handshakes_for_account(
    ctx: Ctx,
    input: ListHandshakesForAccountInput,
) -> Result<ListHandshakesForAccountOutput> {
    let view = ctx.state::<Realm>().view();
    let is_mine = |handshake: &Handshake| handshake.account == Some(ctx.account());
    let (filter, token) = (input.filter.as_ref(), input.next_token.as_deref());
    let (handshakes, next_token) = list(&ctx, &view.state, is_mine, filter, token, input.max_results)?;
    Ok(ListHandshakesForAccountOutput { handshakes: Some(handshakes), next_token })
}

pub(crate) async fn list_handshakes_for_organization(
    ctx: Ctx,
    input: ListHandshakesForOrganizationInput,
) -> Result<ListHandshakesForOrganizationOutput> {
    let seat = seat(&ctx)?;
    let is_ours = |handshake: &Handshake| handshake.organization == seat.organization.id;
    let (filter, token) = (input.filter.as_ref(), input.next_token.as_deref());
    let (handshakes, next_token) = list(&ctx, seat.state(), is_ours, filter, token, input.max_results)?;
    Ok(ListHandshakesForOrganizationOutput { handshakes: Some(handshakes), next_token })
}
