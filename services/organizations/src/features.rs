//! From consolidated billing to all features: invited members agree, then the management account finishes it.
//! AWS: <https://docs.aws.amazon.com/organizations/latest/APIReference/API_EnableAllFeatures.html>

use crate::error;
use crate::handshakes::shown;
use crate::realm::{Draft, Realm};
use crate::state::{Account, Handshake, HandshakeState, Joined, Kind, Organization, Tags, fresh_id};
use std::sync::Arc;
use yakumo_api_organizations::{EnableAllFeaturesInput, EnableAllFeaturesOutput};
use yakumo_aws::{Result, Timestamp};
use yakumo_room::{Ctx, Ids};

/// The change that is under way.
pub(crate) fn pending(draft: &Draft, organization: &Organization, now: Timestamp) -> Option<Arc<Handshake>> {
    let mut handshakes = draft.state.handshakes.values();
    let found = handshakes.find(|one| {
        one.organization == organization.id
            && one.kind == Kind::EnableAllFeatures
            && one.state(now).is_pending()
    });
    found.cloned()
}

fn handshake(
    ids: &Ids,
    organization: &Organization,
    kind: Kind,
    member: Option<&Account>,
    parent: Option<&str>,
    now: Timestamp,
) -> Handshake {
    Handshake {
        id: fresh_id(ids, "h-", 32),
        organization: organization.id.clone(),
        management: organization.management,
        kind,
        invited: member.map(|account| account.id.to_string()).unwrap_or_default(),
        account: member.map(|account| account.id),
        notes: None,
        tags: Tags::new(),
        parent: parent.map(str::to_owned),
        requested: now,
        expires: now.plus_millis(kind.patience_ms()),
        stored: HandshakeState::Open,
        changed: now,
    }
}

pub(crate) async fn enable_all_features(
    ctx: Ctx,
    _input: EnableAllFeaturesInput,
) -> Result<EnableAllFeaturesOutput> {
    let now = ctx.now();
    let work = ctx.state::<Realm>().change(&ctx, |draft| {
        let organization = draft.organization(&ctx)?;
        if organization.all_features {
            return Err(error::has_all_features());
        }
        if pending(draft, &organization, now).is_some() {
            return Err(error::all_features_pending());
        }
        let ids = &ctx.base().ids;
        let mut whole = handshake(ids, &organization, Kind::EnableAllFeatures, None, None, now);
        // AWS: accounts that were created in the organization need not agree.
        let is_asked = |account: &&Arc<Account>| {
            let invited = account.membership.as_ref().is_some_and(|known| known.method == Joined::Invited);
            invited && account.id != organization.management
        };
        let asked: Vec<Arc<Account>> =
            draft.state.members(&organization.id).filter(is_asked).cloned().collect();
        for account in &asked {
            let (kind, parent) = (Kind::ApproveAllFeatures, Some(whole.id.as_str()));
            draft.put(handshake(ids, &organization, kind, Some(account), parent, now));
        }
        if !asked.is_empty() {
            whole.stored = HandshakeState::Requested;
        }
        draft.put(whole.clone());
        Ok(shown(&draft.state, &whole, now))
    });
    Ok(EnableAllFeaturesOutput { handshake: Some(work.await?) })
}

/// Whether every member that was asked and is still there has agreed.
fn is_agreed(draft: &Draft, whole: &Handshake) -> bool {
    let mut parts = draft.state.handshakes.values().filter(|one| one.parent.as_deref() == Some(&whole.id));
    parts.all(|part| {
        let stays = part.account.and_then(|account| draft.state.organization_of(account));
        part.stored == HandshakeState::Accepted || stays.is_none_or(|stays| stays.id != whole.organization)
    })
}

/// Opens the whole when its last part is agreed on; ends its parts when it is canceled.
pub(crate) fn advance(draft: &mut Draft, ended: &Handshake, now: Timestamp) {
    if ended.kind == Kind::EnableAllFeatures && ended.stored == HandshakeState::Canceled {
        let is_part =
            |one: &&Arc<Handshake>| one.parent.as_deref() == Some(&ended.id) && one.state(now).is_pending();
        let parts: Vec<Arc<Handshake>> = draft.state.handshakes.values().filter(is_part).cloned().collect();
        for part in parts {
            draft.put(Handshake {
                stored: HandshakeState::Canceled,
                changed: now,
                ..Handshake::clone(&part)
            });
        }
        return;
    }
    let whole = ended.parent.as_ref().and_then(|id| draft.state.handshakes.get(id)).cloned();
    if let Some(whole) = whole
        && whole.state(now) == HandshakeState::Requested
        && is_agreed(draft, &whole)
    {
        draft.put(Handshake { stored: HandshakeState::Open, changed: now, ..Handshake::clone(&whole) });
    }
}

/// Turns all features on.
pub(crate) fn finish(draft: &mut Draft, whole: &Handshake) -> Result<()> {
    if !is_agreed(draft, whole) {
        return Err(error::handshake_transition());
    }
    let organization = draft.state.organizations.get(&whole.organization);
    let organization = Organization::clone(organization.ok_or_else(error::handshake_not_found)?);
    draft.put(Organization { all_features: true, ..organization });
    Ok(())
}
