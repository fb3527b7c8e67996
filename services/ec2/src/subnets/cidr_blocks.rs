//! IPv6 blocks of subnets.

use super::life::{block6, check_block6};
use super::{Subnet, shown_ipv6};
use crate::access::{self, Asked};
use crate::commit::{change, refuse};
use crate::nouns::{self, ALL, Home, new_id};
use crate::vpcs::{CidrBlock, Vpc};
use crate::{dependents, error};
use yakumo_api_ec2::{
    self as api, AssociateSubnetCidrBlockInput, AssociateSubnetCidrBlockOutput,
    DisassociateSubnetCidrBlockInput, DisassociateSubnetCidrBlockOutput,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room};

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::AssociateSubnetCidrBlock,
        access::needs("ec2:AssociateSubnetCidrBlock", |input: &AssociateSubnetCidrBlockInput| {
            Asked::on::<Subnet>(&input.subnet_id)
        }),
        associate_subnet_cidr_block,
    )
    .on(
        api::DisassociateSubnetCidrBlock,
        access::looked_up(
            "ec2:DisassociateSubnetCidrBlock",
            |ctx: &Ctx, input: &DisassociateSubnetCidrBlockInput| {
                Box::pin(async move {
                    let subnets: Vec<Subnet> = ctx.list(&Home::of(ctx).scope(), &[], None, ALL).await?;
                    let has = |subnet: &&Subnet| {
                        subnet.ipv6.iter().any(|block| block.association == input.association_id)
                    };
                    let id = subnets.iter().find(has).map_or("", |subnet| subnet.id.as_str());
                    Ok(Asked::on::<Subnet>(id))
                })
            },
        ),
        disassociate_subnet_cidr_block,
    )
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateSubnetCidrBlock.html>
async fn associate_subnet_cidr_block(
    ctx: Ctx,
    input: AssociateSubnetCidrBlockInput,
) -> Result<AssociateSubnetCidrBlockOutput> {
    refuse(&[
        ("Ipv6IpamPoolId", input.ipv6_ipam_pool_id.is_some()),
        ("Ipv6NetmaskLength", input.ipv6_netmask_length.is_some()),
    ])?;
    let text = input.ipv6_cidr_block.as_deref().ok_or_else(|| error::missing_parameter("ipv6CidrBlock"))?;
    let cidr = block6(text)?;
    let block = change(&ctx, None, |tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let home = Home::of(ctx);
            let before: Subnet = nouns::find(&tx, home, &input.subnet_id).await?;
            if !before.ipv6.is_empty() {
                // AWS: "You can associate a single IPv6 CIDR block with a subnet."
                let text = format!("Subnet {} already has an IPv6 CIDR block", before.id);
                return Err(Error::sender("InvalidSubnet.Conflict", text));
            }
            let vpc: Vpc = nouns::find(&tx, home, &before.vpc).await?;
            let others: Vec<Subnet> = nouns::all(&tx, home).await?;
            let others: Vec<&Subnet> = others.iter().filter(|subnet| subnet.vpc == vpc.id).collect();
            check_block6(&vpc, &others, cidr)?;
            let block = CidrBlock { association: new_id(ctx, "subnet-cidr-assoc-"), cidr };
            let after = Subnet { ipv6: vec![block.clone()], ..before.clone() };
            nouns::put(&tx, Some(&before), &after);
            Ok(block)
        }
    })
    .await?;
    Ok(AssociateSubnetCidrBlockOutput {
        ipv6_cidr_block_association: Some(shown_ipv6(&block, "associating")),
        subnet_id: Some(input.subnet_id),
    })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisassociateSubnetCidrBlock.html>
async fn disassociate_subnet_cidr_block(
    ctx: Ctx,
    input: DisassociateSubnetCidrBlockInput,
) -> Result<DisassociateSubnetCidrBlockOutput> {
    let (id, block) = change(&ctx, None, |tx| {
        let (home, id) = (Home::of(&ctx), &input.association_id);
        async move {
            let subnets: Vec<Subnet> = nouns::all(&tx, home).await?;
            let has = |block: &CidrBlock| block.association == *id;
            let Some(before) = subnets.into_iter().find(|subnet| subnet.ipv6.iter().any(has)) else {
                let text = format!("The subnet CIDR block association ID '{id}' does not exist");
                return Err(Error::sender("InvalidSubnetCidrBlockAssociationID.NotFound", text));
            };
            dependents::check_ipv6_of_subnet(&tx, &before).await?;
            let block = before.ipv6.iter().find(|block| has(block)).cloned();
            let block = block.ok_or_else(|| Error::internal("the block was there a line above"))?;
            let mut after = before.clone();
            after.ipv6.retain(|block| !has(block));
            after.assigns_ipv6 = after.assigns_ipv6 && !after.ipv6.is_empty();
            nouns::put(&tx, Some(&before), &after);
            Ok((after.id, block))
        }
    })
    .await?;
    Ok(DisassociateSubnetCidrBlockOutput {
        ipv6_cidr_block_association: Some(shown_ipv6(&block, "disassociating")),
        subnet_id: Some(id),
    })
}
