//! Associations: which table decides about packets from an attachment. They are kept with the attachment, which has at
//! most one.

use super::TransitGatewayRouteTable;
use super::members::{Member, both, page};
use crate::access::{self, Asked};
use crate::commit::change;
use crate::nouns::{self, Home};
use crate::pages::Wanted;
use crate::transit_gateway_attachments::TransitGatewayAttachment;
use yakumo_api_ec2::{
    self as api, AssociateTransitGatewayRouteTableInput, AssociateTransitGatewayRouteTableOutput,
    DisassociateTransitGatewayRouteTableInput, DisassociateTransitGatewayRouteTableOutput,
    GetTransitGatewayRouteTableAssociationsInput, GetTransitGatewayRouteTableAssociationsOutput,
    TransitGatewayAssociation, TransitGatewayRouteTableAssociation,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room};

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    let on = |table: &str, attachment: &str| {
        Asked::on::<TransitGatewayRouteTable>(table).and::<TransitGatewayAttachment>(attachment)
    };
    room.on(
        api::AssociateTransitGatewayRouteTable,
        access::needs(
            "ec2:AssociateTransitGatewayRouteTable",
            move |input: &AssociateTransitGatewayRouteTableInput| {
                on(&input.transit_gateway_route_table_id, &input.transit_gateway_attachment_id)
            },
        ),
        associate_transit_gateway_route_table,
    )
    .on(
        api::DisassociateTransitGatewayRouteTable,
        access::needs(
            "ec2:DisassociateTransitGatewayRouteTable",
            move |input: &DisassociateTransitGatewayRouteTableInput| {
                on(&input.transit_gateway_route_table_id, &input.transit_gateway_attachment_id)
            },
        ),
        disassociate_transit_gateway_route_table,
    )
    .on(
        api::GetTransitGatewayRouteTableAssociations,
        access::reads("ec2:GetTransitGatewayRouteTableAssociations"),
        get_transit_gateway_route_table_associations,
    )
}

fn shown(table: &str, attachment: &TransitGatewayAttachment, state: &str) -> TransitGatewayAssociation {
    TransitGatewayAssociation {
        transit_gateway_route_table_id: Some(table.to_owned()),
        transit_gateway_attachment_id: Some(attachment.id.clone()),
        resource_id: Some(attachment.vpc.clone()),
        resource_type: Some("vpc".into()),
        state: Some(state.to_owned()),
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateTransitGatewayRouteTable.html>
async fn associate_transit_gateway_route_table(
    ctx: Ctx,
    input: AssociateTransitGatewayRouteTableInput,
) -> Result<AssociateTransitGatewayRouteTableOutput> {
    let (table, id) = (&input.transit_gateway_route_table_id, &input.transit_gateway_attachment_id);
    let attachment = change(&ctx, input.dry_run, |tx| {
        let home = Home::of(&ctx);
        async move {
            let (table, before) = both(&tx, home, table, id).await?;
            if before.table.is_some() {
                // AWS: the text as clients report it.
                let text = format!("Transit Gateway Attachment {id} is already associated to a route table.");
                return Err(Error::sender("Resource.AlreadyAssociated", text));
            }
            let after = TransitGatewayAttachment { table: Some(table.id), ..before.clone() };
            nouns::put(&tx, Some(&before), &after);
            Ok(after)
        }
    })
    .await?;
    let association = shown(table, &attachment, "associating");
    Ok(AssociateTransitGatewayRouteTableOutput { association: Some(association) })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisassociateTransitGatewayRouteTable.html>
async fn disassociate_transit_gateway_route_table(
    ctx: Ctx,
    input: DisassociateTransitGatewayRouteTableInput,
) -> Result<DisassociateTransitGatewayRouteTableOutput> {
    let (table, id) = (&input.transit_gateway_route_table_id, &input.transit_gateway_attachment_id);
    let attachment = change(&ctx, input.dry_run, |tx| {
        let home = Home::of(&ctx);
        async move {
            let (table, before) = both(&tx, home, table, id).await?;
            if before.table.as_ref() != Some(&table.id) {
                let text = format!("Transit Gateway Attachment {id} is not associated to {}.", table.id);
                return Err(Error::sender("InvalidAssociation.NotFound", text));
            }
            let after = TransitGatewayAttachment { table: None, ..before.clone() };
            nouns::put(&tx, Some(&before), &after);
            Ok(after)
        }
    })
    .await?;
    let association = shown(table, &attachment, "disassociating");
    Ok(DisassociateTransitGatewayRouteTableOutput { association: Some(association) })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetTransitGatewayRouteTableAssociations.html>
async fn get_transit_gateway_route_table_associations(
    ctx: Ctx,
    input: GetTransitGatewayRouteTableAssociationsInput,
) -> Result<GetTransitGatewayRouteTableAssociationsOutput> {
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let (id, filters) = (&input.transit_gateway_route_table_id, input.filters.as_ref());
    let has = |table: &TransitGatewayRouteTable, found: &TransitGatewayAttachment| {
        found.table.as_ref() == Some(&table.id)
    };
    let page = page(&ctx, id, filters, wanted, has).await?;
    let association = |Member(found): Member| TransitGatewayRouteTableAssociation {
        transit_gateway_attachment_id: Some(found.id),
        resource_id: Some(found.vpc),
        resource_type: Some("vpc".into()),
        state: Some("associated".into()),
    };
    Ok(GetTransitGatewayRouteTableAssociationsOutput {
        associations: Some(page.items.into_iter().map(association).collect()),
        next_token: page.next_token,
    })
}
