//! Propagations: which attachments tell a table the blocks of their VPCs.

use super::TransitGatewayRouteTable;
use super::members::{Member, both, look_up, page};
use crate::access::{self, Asked};
use crate::commit::{change, refuse};
use crate::filters::{Filtered, Filters, fact};
use crate::nouns::{self, ALL, Home};
use crate::pages::Wanted;
use crate::tags::Tags;
use crate::transit_gateway_attachments::TransitGatewayAttachment;
use crate::transit_gateways::missing;
use yakumo_api_ec2::{
    self as api, DisableTransitGatewayRouteTablePropagationInput,
    DisableTransitGatewayRouteTablePropagationOutput, EnableTransitGatewayRouteTablePropagationInput,
    EnableTransitGatewayRouteTablePropagationOutput, GetTransitGatewayAttachmentPropagationsInput,
    GetTransitGatewayAttachmentPropagationsOutput, GetTransitGatewayRouteTablePropagationsInput,
    GetTransitGatewayRouteTablePropagationsOutput, TransitGatewayAttachmentPropagation,
    TransitGatewayPropagation, TransitGatewayRouteTablePropagation,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room, Tx};

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    let on = |table: &str, attachment: Option<&str>| {
        Asked::on::<TransitGatewayRouteTable>(table).and_maybe::<TransitGatewayAttachment>(attachment)
    };
    room.on(
        api::EnableTransitGatewayRouteTablePropagation,
        access::needs(
            "ec2:EnableTransitGatewayRouteTablePropagation",
            move |input: &EnableTransitGatewayRouteTablePropagationInput| {
                on(&input.transit_gateway_route_table_id, input.transit_gateway_attachment_id.as_deref())
            },
        ),
        enable_transit_gateway_route_table_propagation,
    )
    .on(
        api::DisableTransitGatewayRouteTablePropagation,
        access::needs(
            "ec2:DisableTransitGatewayRouteTablePropagation",
            move |input: &DisableTransitGatewayRouteTablePropagationInput| {
                on(&input.transit_gateway_route_table_id, input.transit_gateway_attachment_id.as_deref())
            },
        ),
        disable_transit_gateway_route_table_propagation,
    )
    .on(
        api::GetTransitGatewayRouteTablePropagations,
        access::reads("ec2:GetTransitGatewayRouteTablePropagations"),
        get_transit_gateway_route_table_propagations,
    )
    .on(
        api::GetTransitGatewayAttachmentPropagations,
        access::reads("ec2:GetTransitGatewayAttachmentPropagations"),
        get_transit_gateway_attachment_propagations,
    )
}

fn shown(table: &str, attachment: &TransitGatewayAttachment, state: &str) -> TransitGatewayPropagation {
    TransitGatewayPropagation {
        transit_gateway_attachment_id: Some(attachment.id.clone()),
        resource_id: Some(attachment.vpc.clone()),
        resource_type: Some("vpc".into()),
        transit_gateway_route_table_id: Some(table.to_owned()),
        state: Some(state.to_owned()),
        ..TransitGatewayPropagation::default()
    }
}

/// Lets a new attachment propagate to a table.
pub(crate) async fn propagate(tx: &Tx, home: Home, table: &str, attachment: &str) -> Result<()> {
    let before: TransitGatewayRouteTable = nouns::find(tx, home, table).await?;
    let mut after = before.clone();
    after.propagations.push(attachment.to_owned());
    nouns::put(tx, Some(&before), &after);
    Ok(())
}

/// An attachment that is deleted propagates to no table any more.
pub(crate) async fn attachment_gone(tx: &Tx, attachment: &TransitGatewayAttachment) -> Result<()> {
    for before in nouns::all::<TransitGatewayRouteTable>(tx, attachment.home).await? {
        if before.propagations.contains(&attachment.id) {
            let mut after = before.clone();
            after.propagations.retain(|id| *id != attachment.id);
            nouns::put(tx, Some(&before), &after);
        }
    }
    Ok(())
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EnableTransitGatewayRouteTablePropagation.html>
async fn enable_transit_gateway_route_table_propagation(
    ctx: Ctx,
    input: EnableTransitGatewayRouteTablePropagationInput,
) -> Result<EnableTransitGatewayRouteTablePropagationOutput> {
    let announcement = input.transit_gateway_route_table_announcement_id.is_some();
    refuse(&[("TransitGatewayRouteTableAnnouncementId", announcement)])?;
    let id = input.transit_gateway_attachment_id.ok_or_else(|| missing("TransitGatewayAttachmentId"))?;
    let table = &input.transit_gateway_route_table_id;
    let attachment = change(&ctx, input.dry_run, |tx| {
        let (home, id) = (Home::of(&ctx), &id);
        async move {
            let (before, attachment) = both(&tx, home, table, id).await?;
            if before.propagations.contains(id) {
                let text = format!("Propagation of {id} to {table} is enabled already.");
                return Err(Error::sender("TransitGatewayRouteTablePropagation.Duplicate", text));
            }
            propagate(&tx, home, table, id).await?;
            Ok(attachment)
        }
    })
    .await?;
    let propagation = shown(table, &attachment, "enabled");
    Ok(EnableTransitGatewayRouteTablePropagationOutput { propagation: Some(propagation) })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisableTransitGatewayRouteTablePropagation.html>
async fn disable_transit_gateway_route_table_propagation(
    ctx: Ctx,
    input: DisableTransitGatewayRouteTablePropagationInput,
) -> Result<DisableTransitGatewayRouteTablePropagationOutput> {
    let announcement = input.transit_gateway_route_table_announcement_id.is_some();
    refuse(&[("TransitGatewayRouteTableAnnouncementId", announcement)])?;
    let id = input.transit_gateway_attachment_id.ok_or_else(|| missing("TransitGatewayAttachmentId"))?;
    let table = &input.transit_gateway_route_table_id;
    let attachment = change(&ctx, input.dry_run, |tx| {
        let (home, id) = (Home::of(&ctx), &id);
        async move {
            let (before, attachment) = both(&tx, home, table, id).await?;
            let mut after = before.clone();
            after.propagations.retain(|known| known != id);
            if after == before {
                let text = format!("Propagation of {id} to {table} does not exist.");
                return Err(Error::sender("TransitGatewayRouteTablePropagation.NotFound", text));
            }
            nouns::put(&tx, Some(&before), &after);
            Ok(attachment)
        }
    })
    .await?;
    let propagation = shown(table, &attachment, "disabled");
    Ok(DisableTransitGatewayRouteTablePropagationOutput { propagation: Some(propagation) })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetTransitGatewayRouteTablePropagations.html>
async fn get_transit_gateway_route_table_propagations(
    ctx: Ctx,
    input: GetTransitGatewayRouteTablePropagationsInput,
) -> Result<GetTransitGatewayRouteTablePropagationsOutput> {
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let (id, filters) = (&input.transit_gateway_route_table_id, input.filters.as_ref());
    let has = |table: &TransitGatewayRouteTable, found: &TransitGatewayAttachment| {
        table.propagations.contains(&found.id)
    };
    let page = page(&ctx, id, filters, wanted, has).await?;
    let propagation = |Member(found): Member| TransitGatewayRouteTablePropagation {
        transit_gateway_attachment_id: Some(found.id),
        resource_id: Some(found.vpc),
        resource_type: Some("vpc".into()),
        state: Some("enabled".into()),
        ..TransitGatewayRouteTablePropagation::default()
    };
    Ok(GetTransitGatewayRouteTablePropagationsOutput {
        transit_gateway_route_table_propagations: Some(page.items.into_iter().map(propagation).collect()),
        next_token: page.next_token,
    })
}

/// A table that an attachment propagates to.
struct Told(String);

impl Filtered for Told {
    const FILTERS: &'static [&'static str] = &["transit-gateway-route-table-id"];
    const HAS_TAGS: bool = false;

    fn facts(&self, _: &str) -> Vec<String> {
        fact(self.0.clone())
    }

    fn tags(&self) -> Option<&Tags> {
        None
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetTransitGatewayAttachmentPropagations.html>
async fn get_transit_gateway_attachment_propagations(
    ctx: Ctx,
    input: GetTransitGatewayAttachmentPropagationsInput,
) -> Result<GetTransitGatewayAttachmentPropagationsOutput> {
    let filters = Filters::of::<Told>(input.filters.as_ref())?;
    let attachment: TransitGatewayAttachment = look_up(&ctx, &input.transit_gateway_attachment_id).await?;
    let tables: Vec<TransitGatewayRouteTable> = ctx.list(&attachment.home.scope(), &[], None, ALL).await?;
    let told = tables.into_iter().filter(|table| table.propagations.contains(&attachment.id));
    let told = told.map(|table| Told(table.id)).filter(|told| filters.pass(told)).collect();
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let page = wanted.cut(told, |Told(id)| id.clone())?;
    let propagation = |Told(id): Told| TransitGatewayAttachmentPropagation {
        transit_gateway_route_table_id: Some(id),
        state: Some("enabled".into()),
    };
    Ok(GetTransitGatewayAttachmentPropagationsOutput {
        transit_gateway_attachment_propagations: Some(page.items.into_iter().map(propagation).collect()),
        next_token: page.next_token,
    })
}
