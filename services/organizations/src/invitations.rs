//! Invitations: an account that stands alone is asked to join.

use crate::error;
use crate::handshakes::shown;
use crate::realm::{Draft, Realm};
use crate::seats::default_policies;
use crate::state::account::account_of_default_email;
use crate::state::{Account, Handshake, HandshakeState, Joined, Kind, Membership, Organization, fresh_id};
use crate::{creations, features, tags};
use std::collections::BTreeMap;
use yakumo_api_organizations::{InviteAccountToOrganizationInput, InviteAccountToOrganizationOutput};
use yakumo_aws::{AccountId, Result, Timestamp};
use yakumo_room::Ctx;

pub(crate) async fn invite_account_to_organization(
    ctx: Ctx,
    input: InviteAccountToOrganizationInput,
) -> Result<InviteAccountToOrganizationOutput> {
    let tags = tags::fresh(input.tags.as_deref())?;
    let invited = input.target.id.clone();
    let now = ctx.now();
    let work = ctx.state::<Realm>().change(&ctx, |draft| {
        let organization = draft.organization(&ctx)?;
        let account = whose(draft, &input.target.r#type, &invited)?;
        if features::pending(draft, &organization, now).is_some() {
            return Err(error::invitations_closed());
        }
        if account.is_some_and(|account| draft.state.organization_of(account).is_some()) {
            return Err(error::invited_is_member());
        }
        if creations::is_full(draft, &organization, now) {
            return Err(error::too_many_invited());
        }
        let is_twin = |one: &Handshake| {
            one.organization == organization.id
                && one.kind == Kind::Invite
                && one.state(now).is_pending()
                && (one.invited == invited || (account.is_some() && one.account == account))
        };
        if draft.state.handshakes.values().any(|one| is_twin(one)) {
            return Err(error::duplicate_handshake());
        }
        let handshake = Handshake {
            id: fresh_id(&ctx.base().ids, "h-", 32),
            organization: organization.id.clone(),
            management: organization.management,
            kind: Kind::Invite,
            invited: invited.clone(),
            account,
            notes: input.notes.clone(),
            tags,
            parent: None,
            requested: now,
            expires: now.plus_millis(Kind::Invite.patience_ms()),
            stored: HandshakeState::Open,
            changed: now,
        };
        let answer = shown(&draft.state, &handshake, now);
        draft.put(handshake);
        Ok(answer)
    });
    Ok(InviteAccountToOrganizationOutput { handshake: Some(work.await?) })
}

/// The account that is meant; `None` when nobody has the address.
fn whose(draft: &Draft, party_type: &str, id: &str) -> Result<Option<AccountId>> {
    match party_type {
        "ACCOUNT" => {
            let text = "You specified an invalid account ID.";
            let account = AccountId::parse(id);
            account.map(Some).ok_or_else(|| error::invalid_input("INVALID_PATTERN", text))
        }
        "EMAIL" if id.contains('@') => {
            let known = draft.state.accounts.values().find(|account| account.email == id);
            Ok(known.map(|account| account.id).or_else(|| account_of_default_email(id)))
        }
        "EMAIL" => {
            let text = "You specified an invalid email address.";
            Err(error::invalid_input("INVALID_EMAIL_ADDRESS_TARGET", text))
        }
        _ => {
            let text = "You specified the wrong type of entity (account, organization, or email) as a party.";
            Err(error::invalid_input("INVALID_PARTY_TYPE_TARGET", text))
        }
    }
}

/// Takes an account that accepts into the organization.
pub(crate) fn join(draft: &mut Draft, handshake: &Handshake, id: AccountId, now: Timestamp) -> Result<()> {
    let organization = draft.state.organizations.get(&handshake.organization);
    let organization = Organization::clone(organization.ok_or_else(error::handshake_not_found)?);
    let known = draft.state.accounts.get(id.as_str());
    let account = known.map_or_else(|| Account::unknown(id), |known| Account::clone(known));
    if account.membership.is_some() {
        return Err(error::invited_is_member());
    }
    let membership = Membership {
        organization: organization.id.clone(),
        management: organization.management,
        parent: organization.root.clone(),
        method: Joined::Invited,
        joined: now,
        tags: handshake.tags.clone(),
        policies: default_policies(&organization),
        delegated: BTreeMap::new(),
    };
    draft.put(Account { membership: Some(membership), ..account });
    Ok(())
}
