//! Who refers to a prefix list.

use super::PrefixList;
use crate::access::{self, Asked};
use crate::nouns::{self, ALL, Home};
use crate::pages::Wanted;
use crate::route_tables::RouteTable;
use crate::security_groups::{Peer, SecurityGroup};
use yakumo_api_ec2::{
    self as api, GetManagedPrefixListAssociationsInput, GetManagedPrefixListAssociationsOutput,
    PrefixListAssociation,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Room};

/// Registers the operation of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::GetManagedPrefixListAssociations,
        access::needs(
            "ec2:GetManagedPrefixListAssociations",
            |input: &GetManagedPrefixListAssociationsInput| Asked::on::<PrefixList>(&input.prefix_list_id),
        ),
        get_managed_prefix_list_associations,
    )
}

/// Ids and owners of the route tables and groups that refer to a list.
pub(super) fn of_list(id: &str, tables: &[RouteTable], groups: &[SecurityGroup]) -> Vec<(String, String)> {
    let routed = tables.iter().filter(|table| table.routes.iter().any(|route| route.destination == id));
    let names = |peer: &Peer| matches!(peer, Peer::PrefixList(list) if list == id);
    let ruled = groups.iter().filter(|group| group.rules.iter().any(|rule| names(&rule.peer)));
    let routed = routed.map(|table| (table.id.clone(), table.home.account.to_string()));
    routed.chain(ruled.map(|group| (group.id.clone(), group.home.account.to_string()))).collect()
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetManagedPrefixListAssociations.html>
async fn get_managed_prefix_list_associations(
    ctx: Ctx,
    input: GetManagedPrefixListAssociationsInput,
) -> Result<GetManagedPrefixListAssociationsOutput> {
    let list: PrefixList = nouns::look_up(&ctx, Home::of(&ctx), &input.prefix_list_id).await?;
    let scope = list.home.scope();
    let tables: Vec<RouteTable> = ctx.list(&scope, &[], None, ALL).await?;
    let groups: Vec<SecurityGroup> = ctx.list(&scope, &[], None, ALL).await?;
    let mut found = of_list(&list.id, &tables, &groups);
    found.sort();
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let page = wanted.cut(found, |(id, _)| id.clone())?;
    let shown = page
        .items
        .into_iter()
        .map(|(id, owner)| PrefixListAssociation { resource_id: Some(id), resource_owner: Some(owner) });
    Ok(GetManagedPrefixListAssociationsOutput {
        prefix_list_associations: Some(shown.collect()),
        next_token: page.next_token,
    })
}
