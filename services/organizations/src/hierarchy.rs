//! The tree of an organization: parents, children, and accounts that move.

use crate::error;
use crate::pages::page;
use crate::realm::Realm;
use crate::seats::seat;
use crate::state::{Account, Membership};
use yakumo_api_organizations::{
    Child, ListChildrenInput, ListChildrenOutput, ListParentsInput, ListParentsOutput, MoveAccountInput,
    MoveAccountOutput, Parent,
};
use yakumo_aws::Result;
use yakumo_room::Ctx;

pub(crate) async fn list_parents(ctx: Ctx, input: ListParentsInput) -> Result<ListParentsOutput> {
    let seat = seat(&ctx)?;
    let (state, organization) = (seat.state(), &seat.organization);
    let unit = state.unit(&organization.id, &input.child_id).map(|unit| unit.parent.clone());
    let account = state.member(&organization.id, &input.child_id);
    let account =
        account.and_then(|account| account.membership.as_ref()).map(|membership| membership.parent.clone());
    let parent = unit.or(account).ok_or_else(error::child_not_found)?;
    let (parents, next_token) =
        page(vec![parent], input.next_token.as_deref(), input.max_results, |id| id.as_str())?;
    let parents = parents.into_iter().map(|id| {
        let is_root = id == organization.root;
        let parent_type = if is_root { "ROOT" } else { "ORGANIZATIONAL_UNIT" };
        Parent { id: Some(id), r#type: Some(parent_type.into()) }
    });
    Ok(ListParentsOutput { parents: Some(parents.collect()), next_token })
}

pub(crate) async fn list_children(ctx: Ctx, input: ListChildrenInput) -> Result<ListChildrenOutput> {
    let seat = seat(&ctx)?;
    let state = seat.state();
    if !state.is_parent(&seat.organization, &input.parent_id) {
        return Err(error::parent_not_found());
    }
    let ids: Vec<String> = if input.child_type == "ACCOUNT" {
        state.accounts_below(&input.parent_id).map(|account| account.id.to_string()).collect()
    } else {
        state.units_below(&input.parent_id).map(|unit| unit.id.clone()).collect()
    };
    let (ids, next_token) = page(ids, input.next_token.as_deref(), input.max_results, |id| id.as_str())?;
    let child = |id| Child { id: Some(id), r#type: Some(input.child_type.clone()) };
    Ok(ListChildrenOutput { children: Some(ids.into_iter().map(child).collect()), next_token })
}

pub(crate) async fn move_account(ctx: Ctx, input: MoveAccountInput) -> Result<MoveAccountOutput> {
    let work = ctx.state::<Realm>().change(&ctx, |draft| {
        let organization = draft.organization(&ctx)?;
        let account = draft.account(&organization, &input.account_id)?;
        let Some(membership) = account.membership.clone() else { return Err(error::account_not_found()) };
        if membership.parent != input.source_parent_id {
            return Err(error::source_parent_not_found());
        }
        if !draft.state.is_parent(&organization, &input.destination_parent_id) {
            return Err(error::destination_parent_not_found());
        }
        if membership.parent == input.destination_parent_id {
            return Err(error::duplicate_account());
        }
        let membership = Membership { parent: input.destination_parent_id.clone(), ..membership };
        draft.put(Account { membership: Some(membership), ..account });
        Ok(())
    });
    work.await?;
    Ok(MoveAccountOutput {})
}
