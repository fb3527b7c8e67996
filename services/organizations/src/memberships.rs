//! Leaving an organization.

use crate::error;
use crate::realm::{Draft, Realm};
use crate::state::account::DAY_MS;
use crate::state::{Account, Joined, Organization};
use yakumo_api_organizations::{
    LeaveOrganizationInput, LeaveOrganizationOutput, RemoveAccountFromOrganizationInput,
    RemoveAccountFromOrganizationOutput,
};
use yakumo_aws::{Result, Timestamp};
use yakumo_room::Ctx;

/// AWS: an account that was created in an organization stays so long
/// (<https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html>).
const STAY_MS: i64 = 7 * DAY_MS;

pub(crate) async fn leave_organization(
    ctx: Ctx,
    _input: LeaveOrganizationInput,
) -> Result<LeaveOrganizationOutput> {
    let now = ctx.now();
    let work = ctx.state::<Realm>().change(&ctx, |draft| {
        let organization = draft.organization(&ctx)?;
        let account = draft.account(&organization, ctx.account().as_str())?;
        depart(draft, &organization, account, now)
    });
    work.await?;
    Ok(LeaveOrganizationOutput {})
}

pub(crate) async fn remove_account_from_organization(
    ctx: Ctx,
    input: RemoveAccountFromOrganizationInput,
) -> Result<RemoveAccountFromOrganizationOutput> {
    let now = ctx.now();
    let work = ctx.state::<Realm>().change(&ctx, |draft| {
        let organization = draft.organization(&ctx)?;
        let account = draft.account(&organization, &input.account_id)?;
        depart(draft, &organization, account, now)
    });
    work.await?;
    Ok(RemoveAccountFromOrganizationOutput {})
}

/// Makes an account stand alone. Its tags and what hung on it go.
fn depart(draft: &mut Draft, organization: &Organization, account: Account, now: Timestamp) -> Result<()> {
    let Some(membership) = &account.membership else { return Err(error::account_not_found()) };
    if account.id == organization.management {
        return Err(error::master_cannot_leave());
    }
    if !membership.delegated.is_empty() {
        return Err(error::delegate_stays());
    }
    if !account.life.is_active() {
        return Err(error::closed_stays());
    }
    let is_new = |created: Timestamp| now < created.plus_millis(STAY_MS);
    if membership.method == Joined::Created && account.created.is_some_and(is_new) {
        return Err(error::wait_period());
    }
    draft.put(Account { membership: None, ..account });
    Ok(())
}
