//! Accounts of an organization: shown, listed, closed.

use crate::error;
use crate::pages::page;
use crate::realm::{Realm, State};
use crate::reconcile;
use crate::seats::{Seat, need_all_features, seat};
use crate::state::account::DAY_MS;
use crate::state::{Account, Life};
use std::sync::Arc;
use yakumo_api_organizations::{
    Account as Shown, CloseAccountInput, CloseAccountOutput, DescribeAccountInput, DescribeAccountOutput,
    ListAccountsForParentInput, ListAccountsForParentOutput, ListAccountsInput, ListAccountsOutput,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Resource};

/// AWS: so many accounts may be closed in 30 days, or a tenth of the members if that is more, up to a thousand
/// (<https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html>).
const CLOSED_MIN: usize = 10;
const CLOSED_MAX: usize = 1_000;
const CLOSED_WITHIN_MS: i64 = 30 * DAY_MS;

/// How a member is shown.
pub(crate) fn shown(seat: &Seat, account: &Account) -> Shown {
    let membership = account.membership.as_ref();
    let path = membership.map(|membership| {
        format!("{}{}/", seat.state().path(&seat.organization, &membership.parent), account.id)
    });
    Shown {
        id: Some(account.id.to_string()),
        arn: Some(account.arn()),
        email: Some(account.email.clone()),
        name: Some(account.name.clone()),
        status: Some(account.life.status().into()),
        state: Some(account.life.state().into()),
        paths: path.map(|path| vec![path]),
        joined_method: membership.map(|membership| membership.method.as_str().into()),
        joined_timestamp: membership.map(|membership| membership.joined),
    }
}

fn shown_page(
    seat: &Seat,
    accounts: Vec<&Arc<Account>>,
    next_token: Option<&str>,
    max_results: Option<i32>,
) -> Result<(Vec<Shown>, Option<String>)> {
    let (accounts, token) = page(accounts, next_token, max_results, |account| account.id.as_str())?;
    Ok((accounts.into_iter().map(|account| shown(seat, account)).collect(), token))
}

pub(crate) async fn describe_account(ctx: Ctx, input: DescribeAccountInput) -> Result<DescribeAccountOutput> {
    let seat = seat(&ctx)?;
    let account = seat.state().member(&seat.organization.id, &input.account_id);
    let account = shown(&seat, account.ok_or_else(error::account_not_found)?);
    Ok(DescribeAccountOutput { account: Some(account) })
}

pub(crate) async fn list_accounts(ctx: Ctx, input: ListAccountsInput) -> Result<ListAccountsOutput> {
    let seat = seat(&ctx)?;
    let accounts = seat.state().members(&seat.organization.id).collect();
    let (accounts, next_token) = shown_page(&seat, accounts, input.next_token.as_deref(), input.max_results)?;
    Ok(ListAccountsOutput { accounts: Some(accounts), next_token })
}

pub(crate) async fn list_accounts_for_parent(
    ctx: Ctx,
    input: ListAccountsForParentInput,
) -> Result<ListAccountsForParentOutput> {
    let seat = seat(&ctx)?;
    if !seat.state().is_parent(&seat.organization, &input.parent_id) {
        return Err(error::parent_not_found());
    }
    let accounts = seat.state().accounts_below(&input.parent_id).collect();
    let (accounts, next_token) = shown_page(&seat, accounts, input.next_token.as_deref(), input.max_results)?;
    Ok(ListAccountsForParentOutput { accounts: Some(accounts), next_token })
}

pub(crate) async fn close_account(ctx: Ctx, input: CloseAccountInput) -> Result<CloseAccountOutput> {
    let now = ctx.now();
    let work = ctx.state::<Realm>().change(&ctx, |draft| {
        let organization = draft.organization(&ctx)?;
        need_all_features(&organization)?;
        let account = draft.account(&organization, &input.account_id)?;
        if account.id == organization.management {
            return Err(error::cannot_close_management());
        }
        match account.life {
            Life::Active => {}
            Life::Closing(_) => return Err(error::account_closing()),
            Life::Closed(_) => return Err(error::account_already_closed()),
        }
        if account.membership.as_ref().is_some_and(|membership| !membership.delegated.is_empty()) {
            return Err(error::delegate_stays());
        }
        let since = now.plus_millis(-CLOSED_WITHIN_MS);
        if closed_since(&draft.state, &organization.id, since) >= quota(&draft.state, &organization.id) {
            return Err(error::close_quota());
        }
        draft.put(Account { life: Life::Closing(now), ..account });
        Ok(())
    });
    work.await?;
    ctx.base().nudge(reconcile::NAME);
    Ok(CloseAccountOutput {})
}

fn closed_since(state: &State, organization: &str, since: yakumo_aws::Timestamp) -> usize {
    state.members(organization).filter(|account| account.life.closed() > Some(since)).count()
}

fn quota(state: &State, organization: &str) -> usize {
    (state.members(organization).count() / 10).clamp(CLOSED_MIN, CLOSED_MAX)
}
