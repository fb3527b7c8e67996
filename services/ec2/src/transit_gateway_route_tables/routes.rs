//! Static routes of transit gateways: create, replace, delete.

use super::members::both;
use super::search::shown;
use super::{Effective, StaticRoute, TransitGatewayRouteTable};
use crate::access::{self, Asked};
use crate::cidr::Cidr;
use crate::commit::change;
use crate::nouns::{self, ALL, Home};
use crate::transit_gateway_attachments::TransitGatewayAttachment;
use crate::transit_gateways::{alive, missing};
use crate::{error, quotas};
use yakumo_api_ec2::{
    self as api, CreateTransitGatewayRouteInput, CreateTransitGatewayRouteOutput,
    DeleteTransitGatewayRouteInput, DeleteTransitGatewayRouteOutput, ReplaceTransitGatewayRouteInput,
    ReplaceTransitGatewayRouteOutput, TransitGatewayRoute,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room, Tx};

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    let on = |table: &str, attachment: Option<&str>| {
        Asked::on::<TransitGatewayRouteTable>(table).and_maybe::<TransitGatewayAttachment>(attachment)
    };
    room.on(
        api::CreateTransitGatewayRoute,
        access::needs("ec2:CreateTransitGatewayRoute", move |input: &CreateTransitGatewayRouteInput| {
            on(&input.transit_gateway_route_table_id, given(&input.transit_gateway_attachment_id))
        }),
        create_transit_gateway_route,
    )
    .on(
        api::ReplaceTransitGatewayRoute,
        access::needs("ec2:ReplaceTransitGatewayRoute", move |input: &ReplaceTransitGatewayRouteInput| {
            on(&input.transit_gateway_route_table_id, given(&input.transit_gateway_attachment_id))
        }),
        replace_transit_gateway_route,
    )
    .on(
        api::DeleteTransitGatewayRoute,
        access::needs("ec2:DeleteTransitGatewayRoute", |input: &DeleteTransitGatewayRouteInput| {
            Asked::on::<TransitGatewayRouteTable>(&input.transit_gateway_route_table_id)
        }),
        delete_transit_gateway_route,
    )
}

/// An attachment that a request names. Terraform writes an empty one for a blackhole.
fn given(attachment: &Option<String>) -> Option<&str> {
    attachment.as_deref().filter(|id| !id.is_empty())
}

/// A route as a request writes it.
struct Asking<'a> {
    table: &'a str,
    cidr: Cidr,
    attachment: Option<&'a str>,
}

impl<'a> Asking<'a> {
    fn of(
        table: &'a str,
        destination: &str,
        attachment: Option<&'a str>,
        blackhole: Option<bool>,
    ) -> Result<Asking<'a>> {
        let attachment = match (attachment, blackhole.unwrap_or_default()) {
            (None, false) => return Err(missing("TransitGatewayAttachmentId")),
            (Some(_), true) => return Err(error::not_together("transitGatewayAttachmentId", "blackhole")),
            (attachment, _) => attachment,
        };
        Ok(Asking { table, cidr: block(destination)?, attachment })
    }

    /// Writes it where its table and its attachment are; `had` is whether a static route of the block must be there.
    async fn write(&self, tx: &Tx, home: Home, had: bool) -> Result<TransitGatewayRoute> {
        let (table, attachment) = match self.attachment {
            None => (alive::<TransitGatewayRouteTable>(tx, home, self.table).await?, None),
            Some(id) => {
                let (table, attachment) = both(tx, home, self.table, id).await?;
                (table, Some(attachment))
            }
        };
        let (scope, key) = (home.scope(), self.cidr.to_string());
        let known: Option<StaticRoute> = tx.get(&scope, &[&table.id, &key]).await?;
        match (known.is_some(), had) {
            (true, false) => return Err(already_exists(&table.id, &key)),
            (false, true) => return Err(not_found(&table.id, &key)),
            (true, true) => {}
            (false, false) => check_quota(tx, &table).await?,
        }
        let id = attachment.as_ref().map(|attachment| attachment.id.clone());
        let route = StaticRoute { table: table.id.clone(), cidr: self.cidr, attachment: id.clone() };
        tx.put(&scope, &[&table.id, &key], &route);
        // Routes have no rows of their own in the change feed: they are their table's.
        nouns::put(tx, Some(&table), &table);
        let effective = Effective { is_active: id.is_some(), attachment: id, is_static: true };
        Ok(shown(&self.cidr, &effective, attachment.as_ref(), None))
    }
}

fn block(text: &str) -> Result<Cidr> {
    let reason = "This is not a valid CIDR block.";
    Cidr::parse(text).ok_or_else(|| error::invalid_value(text, "destinationCidrBlock", reason))
}

/// AWS: the text as clients report it.
fn already_exists(table: &str, cidr: &str) -> Error {
    let text = format!("Route {cidr} already exists in Transit Gateway Route Table {table}.");
    Error::sender("RouteAlreadyExists", text)
}

fn not_found(table: &str, cidr: &str) -> Error {
    let text = format!("Route {cidr} does not exist in Transit Gateway Route Table {table}.");
    Error::sender("InvalidRoute.NotFound", text)
}

/// AWS counts the static routes of all tables of a gateway.
async fn check_quota(tx: &Tx, table: &TransitGatewayRouteTable) -> Result<()> {
    let mut count = 1;
    for other in nouns::all::<TransitGatewayRouteTable>(tx, table.home).await? {
        if other.gateway == table.gateway {
            count += tx.list::<StaticRoute>(&table.home.scope(), &[&other.id], None, ALL).await?.len();
        }
    }
    quotas::check(count, quotas::TRANSIT_ROUTES, "RouteLimitExceeded", "static routes of a transit gateway")
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTransitGatewayRoute.html>
async fn create_transit_gateway_route(
    ctx: Ctx,
    input: CreateTransitGatewayRouteInput,
) -> Result<CreateTransitGatewayRouteOutput> {
    let (table, attachment) =
        (&input.transit_gateway_route_table_id, given(&input.transit_gateway_attachment_id));
    let asking = &Asking::of(table, &input.destination_cidr_block, attachment, input.blackhole)?;
    let home = Home::of(&ctx);
    let route = change(&ctx, input.dry_run, |tx| async move { asking.write(&tx, home, false).await }).await?;
    Ok(CreateTransitGatewayRouteOutput { route: Some(route) })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReplaceTransitGatewayRoute.html>
async fn replace_transit_gateway_route(
    ctx: Ctx,
    input: ReplaceTransitGatewayRouteInput,
) -> Result<ReplaceTransitGatewayRouteOutput> {
    let (table, attachment) =
        (&input.transit_gateway_route_table_id, given(&input.transit_gateway_attachment_id));
    let asking = &Asking::of(table, &input.destination_cidr_block, attachment, input.blackhole)?;
    let home = Home::of(&ctx);
    let route = change(&ctx, input.dry_run, |tx| async move { asking.write(&tx, home, true).await }).await?;
    Ok(ReplaceTransitGatewayRouteOutput { route: Some(route) })
}

/// AWS: what is propagated is not deleted so, but ends with its propagation.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteTransitGatewayRoute.html>
async fn delete_transit_gateway_route(
    ctx: Ctx,
    input: DeleteTransitGatewayRouteInput,
) -> Result<DeleteTransitGatewayRouteOutput> {
    let cidr = block(&input.destination_cidr_block)?;
    let route = change(&ctx, input.dry_run, |tx| {
        let (home, table) = (Home::of(&ctx), &input.transit_gateway_route_table_id);
        async move {
            let table: TransitGatewayRouteTable = alive(&tx, home, table).await?;
            let (scope, key) = (home.scope(), cidr.to_string());
            let known: Option<StaticRoute> = tx.get(&scope, &[&table.id, &key]).await?;
            let known = known.ok_or_else(|| not_found(&table.id, &key))?;
            tx.delete::<StaticRoute>(&scope, &[&table.id, &key]);
            nouns::put(&tx, Some(&table), &table);
            let attachment: Option<TransitGatewayAttachment> = match &known.attachment {
                None => None,
                Some(id) => tx.get(&scope, &[id]).await?,
            };
            let effective = Effective { attachment: known.attachment, is_static: true, is_active: false };
            Ok(shown(&cidr, &effective, attachment.as_ref(), Some("deleting")))
        }
    })
    .await?;
    Ok(DeleteTransitGatewayRouteOutput { route: Some(route) })
}
