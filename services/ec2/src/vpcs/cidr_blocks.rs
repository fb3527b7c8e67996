//! Secondary IPv4 blocks and IPv6 blocks of VPCs.
//!
//! Source: <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html#add-cidr-block-restrictions>

use super::life::{block_of_vpc, check_border_group};
use super::{CidrBlock, Vpc, shown_ipv4, shown_ipv6};
use crate::access::{self, Asked};
use crate::cidr::Cidr;
use crate::commit::{change, refuse};
use crate::nouns::{self, ALL, Home, new_id};
use crate::route_tables::RouteTable;
use crate::subnets::Subnet;
use crate::{error, ipv6_pool, quotas};
use yakumo_api_ec2::{
    self as api, AssociateVpcCidrBlockInput, AssociateVpcCidrBlockOutput, DisassociateVpcCidrBlockInput,
    DisassociateVpcCidrBlockOutput,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room, Tx};

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::AssociateVpcCidrBlock,
        access::needs("ec2:AssociateVpcCidrBlock", |input: &AssociateVpcCidrBlockInput| {
            Asked::on::<Vpc>(&input.vpc_id)
        }),
        associate_vpc_cidr_block,
    )
    .on(
        api::DisassociateVpcCidrBlock,
        access::looked_up(
            "ec2:DisassociateVpcCidrBlock",
            |ctx: &Ctx, input: &DisassociateVpcCidrBlockInput| {
                Box::pin(async move {
                    let vpcs: Vec<Vpc> = ctx.list(&Home::of(ctx).scope(), &[], None, ALL).await?;
                    let has =
                        |vpc: &&Vpc| vpc.blocks().any(|block| block.association == input.association_id);
                    let id = vpcs.iter().find(has).map_or("", |vpc| vpc.id.as_str());
                    Ok(Asked::on::<Vpc>(id))
                })
            },
        ),
        disassociate_vpc_cidr_block,
    )
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateVpcCidrBlock.html>
async fn associate_vpc_cidr_block(
    ctx: Ctx,
    input: AssociateVpcCidrBlockInput,
) -> Result<AssociateVpcCidrBlockOutput> {
    refuse(&[
        ("Ipv6Pool", input.ipv6_pool.is_some()),
        ("Ipv6CidrBlock", input.ipv6_cidr_block.is_some()),
        ("Ipv4IpamPoolId", input.ipv4_ipam_pool_id.is_some()),
        ("Ipv4NetmaskLength", input.ipv4_netmask_length.is_some()),
        ("Ipv6IpamPoolId", input.ipv6_ipam_pool_id.is_some()),
        ("Ipv6NetmaskLength", input.ipv6_netmask_length.is_some()),
    ])?;
    check_border_group(&ctx, input.ipv6_cidr_block_network_border_group.as_deref())?;
    let wants_ipv6 = input.amazon_provided_ipv6_cidr_block == Some(true);
    let ipv4 = input.cidr_block.as_deref().map(block_of_vpc).transpose()?;
    match (ipv4, wants_ipv6) {
        (None, false) => return Err(error::missing_parameter("cidrBlock")),
        (Some(_), true) => return Err(error::not_together("cidrBlock", "amazonProvidedIpv6CidrBlock")),
        _ => {}
    }
    let (vpc, block) = change(&ctx, None, |tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let before: Vpc = nouns::find(&tx, Home::of(ctx), &input.vpc_id).await?;
            let mut after = before.clone();
            let block = |cidr| CidrBlock { association: new_id(ctx, "vpc-cidr-assoc-"), cidr };
            let made = match ipv4 {
                Some(cidr) => {
                    check_ipv4(&tx, &before, cidr).await?;
                    block(cidr)
                }
                None => {
                    let what = "IPv6 CIDR blocks";
                    quotas::check(before.ipv6.len() + 1, quotas::BLOCKS, "CidrLimitExceeded", what)?;
                    block(ipv6_pool::take(&tx, ctx).await?)
                }
            };
            let blocks = if ipv4.is_some() { &mut after.cidrs } else { &mut after.ipv6 };
            blocks.push(made.clone());
            nouns::put(&tx, Some(&before), &after);
            Ok((after, made))
        }
    })
    .await?;
    let (home, id) = (vpc.home, vpc.id);
    Ok(match block.cidr.is_v4() {
        true => AssociateVpcCidrBlockOutput {
            cidr_block_association: Some(shown_ipv4(&block, "associating")),
            vpc_id: Some(id),
            ..Default::default()
        },
        false => AssociateVpcCidrBlockOutput {
            ipv6_cidr_block_association: Some(shown_ipv6(home, &block, "associating")),
            vpc_id: Some(id),
            ..Default::default()
        },
    })
}

async fn check_ipv4(tx: &Tx, vpc: &Vpc, cidr: Cidr) -> Result<()> {
    if let Some(block) = vpc.cidrs.iter().find(|block| block.cidr.overlaps(&cidr)) {
        let text = format!("The CIDR '{cidr}' conflicts with the CIDR block '{}' of the VPC", block.cidr);
        return Err(Error::sender("InvalidVpc.Conflict", text));
    }
    let primary = vpc.cidrs.first().map(|block| block.cidr);
    if primary.is_some_and(|primary| is_restricted(primary, cidr)) {
        let text = format!(
            "The CIDR '{cidr}' is restricted. Use a CIDR from the same private address range as the current VPC CIDR, or use a publicly-routable CIDR. For additional restrictions, see https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Subnets.html"
        );
        return Err(Error::sender("InvalidVpc.Range", text));
    }
    // AWS: "You cannot add a CIDR block that is the same as or larger than the range of a route in any of the VPC's
    // route tables."
    let tables: Vec<RouteTable> = nouns::all(tx, vpc.home).await?;
    let routes = tables.iter().filter(|table| table.vpc == vpc.id).flat_map(|table| &table.routes);
    let covered = routes.filter_map(|route| Cidr::parse(&route.destination)).find(|to| cidr.contains(to));
    if let Some(to) = covered {
        let text = format!("The CIDR '{cidr}' is the same as or larger than the route destination '{to}'");
        return Err(Error::sender("InvalidVpc.Conflict", text));
    }
    quotas::check(vpc.cidrs.len() + 1, quotas::BLOCKS, "CidrLimitExceeded", "CIDR blocks")
}

/// AWS's table of restrictions: what lies in one private range cannot be joined with the others.
fn is_restricted(primary: Cidr, added: Cidr) -> bool {
    let range = |text: &str| Cidr::parse(text);
    let (ten, twelve, sixteen) = (range("10.0.0.0/8"), range("172.16.0.0/12"), range("192.168.0.0/16"));
    let (special, link_local) = (range("198.19.0.0/16"), range("169.254.0.0/16"));
    let within = |block: Cidr, range: Option<Cidr>| range.is_some_and(|range| range.overlaps(&block));
    let never = [special, range("0.0.0.0/8"), range("127.0.0.0/8"), link_local, range("224.0.0.0/4")];
    if never.into_iter().any(|range| within(added, range)) {
        return true;
    }
    // DIFFERS: AWS also keeps 172.17.0.0/16 free for some of its services only; nothing of them is here.
    let private = [ten, twelve, sixteen];
    let Some(added_in) = private.iter().position(|range| within(added, *range)) else { return false };
    !within(primary, private[added_in])
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisassociateVpcCidrBlock.html>
async fn disassociate_vpc_cidr_block(
    ctx: Ctx,
    input: DisassociateVpcCidrBlockInput,
) -> Result<DisassociateVpcCidrBlockOutput> {
    let (vpc, block) = change(&ctx, None, |tx| {
        let (ctx, id) = (&ctx, &input.association_id);
        async move {
            let home = Home::of(ctx);
            let has = |block: &CidrBlock| block.association == *id;
            let vpcs: Vec<Vpc> = nouns::all(&tx, home).await?;
            let Some(before) = vpcs.into_iter().find(|vpc| vpc.blocks().any(has)) else {
                let text = format!("The vpc CIDR block association ID '{id}' does not exist");
                return Err(Error::sender("InvalidVpcCidrBlockAssociationID.NotFound", text));
            };
            if before.cidrs.first().is_some_and(has) {
                return Err(error::operation_not_permitted(format!(
                    "The vpc CIDR block with association ID {id} may not be disassociated. It is the primary IPv4 CIDR block of the VPC"
                )));
            }
            let block = before.blocks().find(|block| has(block)).cloned();
            let block = block.ok_or_else(|| Error::internal("the block was there a line above"))?;
            let subnets: Vec<Subnet> = nouns::all(&tx, home).await?;
            let uses = |subnet: &&Subnet| subnet.vpc == before.id && subnet.blocks().any(|own| block.cidr.contains(own));
            if let Some(subnet) = subnets.iter().find(uses) {
                let text = format!(
                    "The vpc CIDR block with association ID {id} has a subnet, '{}', and may not be disassociated",
                    subnet.id
                );
                return Err(Error::sender("InvalidCidrBlock.InUse", text));
            }
            let mut after = before.clone();
            after.cidrs.retain(|block| !has(block));
            after.ipv6.retain(|block| !has(block));
            if !block.cidr.is_v4() {
                ipv6_pool::give_back(&tx, &block.cidr);
            }
            nouns::put(&tx, Some(&before), &after);
            Ok((after, block))
        }
    })
    .await?;
    let mut output = DisassociateVpcCidrBlockOutput { vpc_id: Some(vpc.id), ..Default::default() };
    match block.cidr.is_v4() {
        true => output.cidr_block_association = Some(shown_ipv4(&block, "disassociating")),
        false => {
            output.ipv6_cidr_block_association = Some(shown_ipv6(vpc.home, &block, "disassociating"));
        }
    }
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::is_restricted;
    use crate::cidr::Cidr;

    #[test]
    fn private_ranges_are_not_mixed() {
        for (primary, added, expected) in [
            ("10.0.0.0/16", "10.1.0.0/16", false),
            ("10.0.0.0/16", "172.16.0.0/16", true),
            ("10.0.0.0/16", "192.168.0.0/16", true),
            ("10.0.0.0/16", "100.64.0.0/16", false),
            ("10.0.0.0/16", "8.8.8.0/24", false),
            ("10.0.0.0/16", "198.19.0.0/16", true),
            ("172.16.0.0/16", "172.31.0.0/16", false),
            ("192.168.0.0/20", "192.168.64.0/20", false),
            ("192.168.0.0/20", "10.0.0.0/16", true),
            ("8.8.0.0/16", "10.0.0.0/16", true),
        ] {
            let cidr = |text: &str| Cidr::parse(text).unwrap();
            assert_eq!(is_restricted(cidr(primary), cidr(added)), expected, "{primary} {added}");
        }
    }
}
