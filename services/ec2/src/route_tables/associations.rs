//! Which table decides for which subnet.

use super::{Association, RouteTable, associated};
use crate::access::{self, Asked};
use crate::commit::{change, refuse};
use crate::error;
use crate::nouns::{self, ALL, Home, new_id};
use crate::subnets::Subnet;
use yakumo_api_ec2::{
    self as api, AssociateRouteTableInput, AssociateRouteTableOutput, DisassociateRouteTableInput,
    DisassociateRouteTableOutput, ReplaceRouteTableAssociationInput, ReplaceRouteTableAssociationOutput,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room, Tx};

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::AssociateRouteTable,
        access::needs("ec2:AssociateRouteTable", |input: &AssociateRouteTableInput| {
            Asked::on::<RouteTable>(&input.route_table_id).and_maybe::<Subnet>(input.subnet_id.as_deref())
        }),
        associate_route_table,
    )
    .on(
        api::DisassociateRouteTable,
        access::looked_up("ec2:DisassociateRouteTable", |ctx, input: &DisassociateRouteTableInput| {
            Box::pin(async move { about(ctx, &input.association_id, Asked::any()).await })
        }),
        disassociate_route_table,
    )
    .on(
        api::ReplaceRouteTableAssociation,
        access::looked_up(
            "ec2:ReplaceRouteTableAssociation",
            |ctx, input: &ReplaceRouteTableAssociationInput| {
                let asked = Asked::on::<RouteTable>(&input.route_table_id);
                Box::pin(async move { about(ctx, &input.association_id, asked).await })
            },
        ),
        replace_route_table_association,
    )
}

/// The table and the subnet of an association.
async fn about(ctx: &Ctx, id: &str, asked: Asked) -> Result<Asked> {
    let tables: Vec<RouteTable> = ctx.list(&Home::of(ctx).scope(), &[], None, ALL).await?;
    let found = tables.iter().find_map(|table| Some((table, find(table, id)?)));
    Ok(match found {
        Some((table, association)) => {
            asked.and::<RouteTable>(&table.id).and_maybe::<Subnet>(association.subnet.as_deref())
        }
        None => asked.and::<RouteTable>(""),
    })
}

fn find<'a>(table: &'a RouteTable, id: &str) -> Option<&'a Association> {
    table.associations.iter().find(|association| association.id == id)
}

async fn table_of(tx: &Tx, home: Home, id: &str) -> Result<(RouteTable, Association)> {
    let tables: Vec<RouteTable> = nouns::all(tx, home).await?;
    let found = tables.into_iter().find_map(|table| {
        let association = find(&table, id).cloned();
        association.map(|association| (table, association))
    });
    found.ok_or_else(|| {
        let text = format!("The association ID '{id}' does not exist");
        Error::sender("InvalidAssociationID.NotFound", text)
    })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateRouteTable.html>
async fn associate_route_table(
    ctx: Ctx,
    input: AssociateRouteTableInput,
) -> Result<AssociateRouteTableOutput> {
    refuse(&[
        ("GatewayId", input.gateway_id.is_some()),
        ("PublicIpv4Pool", input.public_ipv4_pool.is_some()),
    ])?;
    let subnet = input.subnet_id.as_deref().ok_or_else(|| error::missing_parameter("subnetId"))?;
    let id = change(&ctx, input.dry_run, |tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let home = Home::of(ctx);
            let before: RouteTable = nouns::find(&tx, home, &input.route_table_id).await?;
            let subnet: Subnet = nouns::find(&tx, home, subnet).await?;
            check_same_vpc(&before, &subnet)?;
            for other in nouns::all::<RouteTable>(&tx, home).await? {
                let own = other.associations.iter().find(|found| found.subnet.as_ref() == Some(&subnet.id));
                match own {
                    // AWS: the same association once more is the same association.
                    Some(own) if other.id == before.id => return Ok(own.id.clone()),
                    Some(_) => {
                        let text = format!(
                            "the specified association for route table {} conflicts with an existing association",
                            before.id
                        );
                        return Err(Error::sender("Resource.AlreadyAssociated", text));
                    }
                    None => {}
                }
            }
            let id = new_id(ctx, "rtbassoc-");
            let mut after = before.clone();
            after.associations.push(Association { id: id.clone(), subnet: Some(subnet.id) });
            nouns::put(&tx, Some(&before), &after);
            Ok(id)
        }
    })
    .await?;
    Ok(AssociateRouteTableOutput { association_id: Some(id), association_state: associated() })
}

fn check_same_vpc(table: &RouteTable, subnet: &Subnet) -> Result<()> {
    match table.vpc == subnet.vpc {
        true => Ok(()),
        false => Err(error::invalid_parameter_value(format!(
            "Route table {} and subnet {} belong to different networks",
            table.id, subnet.id
        ))),
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisassociateRouteTable.html>
async fn disassociate_route_table(
    ctx: Ctx,
    input: DisassociateRouteTableInput,
) -> Result<DisassociateRouteTableOutput> {
    change(&ctx, input.dry_run, |tx| {
        let (home, id) = (Home::of(&ctx), &input.association_id);
        async move {
            let (before, association) = table_of(&tx, home, id).await?;
            if association.subnet.is_none() {
                let text = "cannot disassociate the main route table association";
                return Err(error::invalid_parameter_value(format!("{text} {id}")));
            }
            let mut after = before.clone();
            after.associations.retain(|found| found.id != *id);
            nouns::put(&tx, Some(&before), &after);
            Ok(())
        }
    })
    .await?;
    Ok(DisassociateRouteTableOutput {})
}

/// Another table for a subnet, or another main table for the VPC.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReplaceRouteTableAssociation.html>
async fn replace_route_table_association(
    ctx: Ctx,
    input: ReplaceRouteTableAssociationInput,
) -> Result<ReplaceRouteTableAssociationOutput> {
    let id = change(&ctx, input.dry_run, |tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let home = Home::of(ctx);
            let (old, association) = table_of(&tx, home, &input.association_id).await?;
            let before: RouteTable = nouns::find(&tx, home, &input.route_table_id).await?;
            if old.vpc != before.vpc {
                let text = format!("Route tables {} and {} belong to different networks", old.id, before.id);
                return Err(error::invalid_parameter_value(text));
            }
            if old.id == before.id {
                return Ok(association.id);
            }
            let mut left = old.clone();
            left.associations.retain(|found| found.id != association.id);
            nouns::put(&tx, Some(&old), &left);
            let id = new_id(ctx, "rtbassoc-");
            let mut after = before.clone();
            after.associations.push(Association { id: id.clone(), subnet: association.subnet });
            nouns::put(&tx, Some(&before), &after);
            Ok(id)
        }
    })
    .await?;
    Ok(ReplaceRouteTableAssociationOutput { new_association_id: Some(id), association_state: associated() })
}
