//! Delegated administrators: member accounts that administer an AWS service and may read the organization.

use crate::error;
use crate::pages::page;
use crate::realm::{Draft, Realm};
use crate::seats::{need_all_features, seat};
use crate::state::{Account, Organization};
use crate::trusted_services::need_known;
use std::sync::Arc;
use yakumo_api_organizations::{
    DelegatedAdministrator, DelegatedService, DeregisterDelegatedAdministratorInput,
    DeregisterDelegatedAdministratorOutput, ListDelegatedAdministratorsInput,
    ListDelegatedAdministratorsOutput, ListDelegatedServicesForAccountInput,
    ListDelegatedServicesForAccountOutput, RegisterDelegatedAdministratorInput,
    RegisterDelegatedAdministratorOutput,
};
use yakumo_aws::{Result, Timestamp};
use yakumo_room::{Ctx, Resource};

/// A member that may be made a delegate or is one.
fn candidate(draft: &Draft, ctx: &Ctx, id: &str, service: &str) -> Result<(Arc<Organization>, Account)> {
    let organization = draft.organization(ctx)?;
    need_all_features(&organization)?;
    need_known(service)?;
    let account = draft.account(&organization, id)?;
    Ok((organization, account))
}

pub(crate) async fn register_delegated_administrator(
    ctx: Ctx,
    input: RegisterDelegatedAdministratorInput,
) -> Result<RegisterDelegatedAdministratorOutput> {
    let now = ctx.now();
    let work = ctx.state::<Realm>().change(&ctx, |draft| {
        let service = &input.service_principal;
        let (organization, mut account) = candidate(draft, &ctx, &input.account_id, service)?;
        if account.id == organization.management {
            return Err(error::management_as_delegate());
        }
        if !organization.services.contains_key(service) {
            return Err(error::service_access_not_enabled());
        }
        if !account.life.is_active() {
            return Err(error::suspended_as_delegate());
        }
        let Some(membership) = &mut account.membership else { return Err(error::account_not_found()) };
        if membership.delegated.contains_key(service) {
            return Err(error::already_delegate());
        }
        membership.delegated.insert(service.clone(), now);
        draft.put(account);
        Ok(())
    });
    work.await?;
    Ok(RegisterDelegatedAdministratorOutput {})
}

pub(crate) async fn deregister_delegated_administrator(
    ctx: Ctx,
    input: DeregisterDelegatedAdministratorInput,
) -> Result<DeregisterDelegatedAdministratorOutput> {
    let work = ctx.state::<Realm>().change(&ctx, |draft| {
        let service = &input.service_principal;
        let (_, mut account) = candidate(draft, &ctx, &input.account_id, service)?;
        let Some(membership) = &mut account.membership else { return Err(error::account_not_found()) };
        if membership.delegated.remove(service).is_none() {
            return Err(error::not_delegate());
        }
        draft.put(account);
        Ok(())
    });
    work.await?;
    Ok(DeregisterDelegatedAdministratorOutput {})
}

/// Since when an account is a delegate, of this service or of any.
fn since(account: &Account, service: Option<&str>) -> Option<Timestamp> {
    let delegated = &account.membership.as_ref()?.delegated;
    match service {
        Some(service) => delegated.get(service).copied(),
        None => delegated.values().min().copied(),
    }
}

pub(crate) async fn list_delegated_administrators(
    ctx: Ctx,
    input: ListDelegatedAdministratorsInput,
) -> Result<ListDelegatedAdministratorsOutput> {
    let seat = seat(&ctx)?;
    need_all_features(&seat.organization)?;
    let service = input.service_principal.as_deref();
    if let Some(service) = service {
        need_known(service)?;
    }
    let members = seat.state().members(&seat.organization.id);
    let delegates: Vec<(&Arc<Account>, Timestamp)> =
        members.filter_map(|account| Some((account, since(account, service)?))).collect();
    let (delegates, next_token) =
        page(delegates, input.next_token.as_deref(), input.max_results, |(account, _)| account.id.as_str())?;
    let delegates = delegates.into_iter().map(|(account, since)| DelegatedAdministrator {
        id: Some(account.id.to_string()),
        arn: Some(account.arn()),
        email: Some(account.email.clone()),
        name: Some(account.name.clone()),
        status: Some(account.life.status().into()),
        state: Some(account.life.state().into()),
        joined_method: account.membership.as_ref().map(|known| known.method.as_str().into()),
        joined_timestamp: account.membership.as_ref().map(|known| known.joined),
        delegation_enabled_date: Some(since),
    });
    let delegated_administrators = Some(delegates.collect());
    Ok(ListDelegatedAdministratorsOutput { delegated_administrators, next_token })
}

pub(crate) async fn list_delegated_services_for_account(
    ctx: Ctx,
    input: ListDelegatedServicesForAccountInput,
) -> Result<ListDelegatedServicesForAccountOutput> {
    let seat = seat(&ctx)?;
    need_all_features(&seat.organization)?;
    let account = seat.state().member(&seat.organization.id, &input.account_id);
    let membership = account.ok_or_else(error::account_not_found)?.membership.as_ref();
    let delegated = membership.map(|membership| &membership.delegated);
    let delegated = delegated.filter(|delegated| !delegated.is_empty()).ok_or_else(error::not_delegate)?;
    let services = delegated.iter().collect();
    let (services, next_token) =
        page(services, input.next_token.as_deref(), input.max_results, |(name, _)| name.as_str())?;
    let services = services.into_iter().map(|(name, since)| DelegatedService {
        service_principal: Some(name.clone()),
        delegation_enabled_date: Some(*since),
    });
    Ok(ListDelegatedServicesForAccountOutput { delegated_services: Some(services.collect()), next_token })
}
