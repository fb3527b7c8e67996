//! CreateAccount and how far its requests are. The account itself is `reconcile`'s work.

use crate::error;
use crate::pages::page;
use crate::realm::{Draft, Realm};
use crate::seats::seat;
use crate::state::{Creation, Organization, Progress, fresh_id};
use crate::{reconcile, tags};
use std::sync::Arc;
use yakumo_api_organizations::{
    CreateAccountInput, CreateAccountOutput, CreateAccountStatus, DescribeCreateAccountStatusInput,
    DescribeCreateAccountStatusOutput, ListCreateAccountStatusInput, ListCreateAccountStatusOutput,
};
use yakumo_aws::{AccountId, Error, Result};
use yakumo_room::{Ctx, Ids};

/// DIFFERS: AWS begins with ten accounts and gives more when asked, up to so many
/// (<https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html>); nobody can be asked here.
pub(crate) const ACCOUNTS_MAX: usize = 10_000;
/// The role in a new account when the request does not name one.
const ROLE: &str = "OrganizationAccountAccessRole";

fn shown(creation: &Creation) -> CreateAccountStatus {
    let succeeded = matches!(creation.progress, Progress::Succeeded(_));
    CreateAccountStatus {
        id: Some(creation.id.clone()),
        account_name: Some(creation.name.clone()),
        state: Some(creation.progress.state().into()),
        requested_timestamp: Some(creation.requested),
        completed_timestamp: creation.progress.ended(),
        account_id: succeeded.then(|| creation.account.to_string()),
        gov_cloud_account_id: None,
        failure_reason: match &creation.progress {
            Progress::Failed(_, reason) => Some(reason.clone()),
            _ => None,
        },
    }
}

/// Twelve digits that are no account yet.
fn fresh_account(draft: &Draft, ids: &Ids) -> Result<AccountId> {
    for _ in 0..1_000 {
        let mut bytes = [0; 8];
        ids.fill(&mut bytes);
        let number = 100_000_000_000 + u64::from_be_bytes(bytes) % 900_000_000_000;
        let account = AccountId::parse(&number.to_string())
            .ok_or_else(|| Error::internal("twelve digits are an account"))?;
        let is_taken = draft.state.accounts.contains_key(account.as_str())
            || draft.state.creations.values().any(|creation| creation.account == account);
        if !is_taken {
            return Ok(account);
        }
    }
    Err(Error::internal("no account number is free"))
}

/// AWS: accounts that are being made, closed ones and open invitations count, too.
pub(crate) fn is_full(draft: &Draft, organization: &Organization, now: yakumo_aws::Timestamp) -> bool {
    let is_own = |owner: &str| owner == organization.id;
    let creations = draft.state.creations.values();
    let running = creations.filter(|one| is_own(&one.organization) && one.progress == Progress::Running);
    let handshakes = draft.state.handshakes.values();
    let invited = handshakes.filter(|one| {
        is_own(&one.organization) && one.kind == crate::state::Kind::Invite && one.state(now).is_pending()
    });
    let members = draft.state.members(&organization.id).count();
    members + running.count() + invited.count() >= ACCOUNTS_MAX
}

pub(crate) async fn create_account(ctx: Ctx, input: CreateAccountInput) -> Result<CreateAccountOutput> {
    if input.iam_user_access_to_billing.as_deref() == Some("DENY") {
        // There is no billing that users could be kept from.
        return Err(error::not_implemented("IamUserAccessToBilling DENY"));
    }
    let tags = tags::fresh(input.tags.as_deref())?;
    let now = ctx.now();
    let work = ctx.state::<Realm>().change(&ctx, |draft| {
        let organization = draft.organization(&ctx)?;
        if is_full(draft, &organization, now) {
            return Err(error::too_many_accounts());
        }
        let creation = Creation {
            id: fresh_id(&ctx.base().ids, "car-", 32),
            organization: organization.id.clone(),
            account: fresh_account(draft, &ctx.base().ids)?,
            name: input.account_name.clone(),
            email: input.email.clone(),
            role: input.role_name.clone().unwrap_or_else(|| ROLE.into()),
            tags,
            requested: now,
            progress: Progress::Running,
        };
        let answer = shown(&creation);
        draft.put(creation);
        Ok(answer)
    });
    let create_account_status = Some(work.await?);
    ctx.base().nudge(reconcile::NAME);
    Ok(CreateAccountOutput { create_account_status })
}

pub(crate) async fn describe_create_account_status(
    ctx: Ctx,
    input: DescribeCreateAccountStatusInput,
) -> Result<DescribeCreateAccountStatusOutput> {
    let seat = seat(&ctx)?;
    let creation = seat.state().creations.get(&input.create_account_request_id);
    let creation = creation.filter(|creation| creation.organization == seat.organization.id);
    let create_account_status = Some(shown(creation.ok_or_else(error::creation_not_found)?));
    Ok(DescribeCreateAccountStatusOutput { create_account_status })
}

pub(crate) async fn list_create_account_status(
    ctx: Ctx,
    input: ListCreateAccountStatusInput,
) -> Result<ListCreateAccountStatusOutput> {
    let seat = seat(&ctx)?;
    let is_wanted = |creation: &&Arc<Creation>| {
        let state = creation.progress.state();
        creation.organization == seat.organization.id
            && input
                .states
                .as_ref()
                .is_none_or(|states| states.is_empty() || states.iter().any(|wanted| wanted == state))
    };
    let creations: Vec<&Arc<Creation>> = seat.state().creations.values().filter(is_wanted).collect();
    let (creations, next_token) =
        page(creations, input.next_token.as_deref(), input.max_results, |creation| creation.id.as_str())?;
    let statuses = creations.into_iter().map(|creation| shown(creation)).collect();
    Ok(ListCreateAccountStatusOutput { create_account_statuses: Some(statuses), next_token })
}
