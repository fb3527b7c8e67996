//! How subnets come and go.

use super::{Subnet, shown};
use crate::cidr::Cidr;
use crate::commit::{change, refuse};
use crate::network_acls::NetworkAcl;
use crate::nouns::{self, Home, Noun, new_id};
use crate::route_tables::RouteTable;
use crate::tags;
use crate::vpcs::{CidrBlock, Vpc};
use crate::zones::{self, Zone};
use crate::{dependents, error, quotas};
use yakumo_api_ec2::{CreateSubnetInput, CreateSubnetOutput, DeleteSubnetInput, DeleteSubnetOutput};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Tx};

/// Writes a new subnet and associates it with its VPC's default network ACL.
pub(crate) async fn put_new(tx: &Tx, ctx: &Ctx, subnet: &Subnet) -> Result<()> {
    let acls: Vec<NetworkAcl> = nouns::all(tx, subnet.home).await?;
    let before = acls.into_iter().find(|acl| acl.vpc == subnet.vpc && acl.is_default);
    let before = before.ok_or_else(|| Error::internal("a VPC without its default network ACL"))?;
    let mut after = before.clone();
    after.admit(ctx, &subnet.id);
    nouns::put(tx, Some(&before), &after);
    nouns::put(tx, None, subnet);
    Ok(())
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSubnet.html>
pub(super) async fn create_subnet(ctx: Ctx, input: CreateSubnetInput) -> Result<CreateSubnetOutput> {
    refuse(&[
        ("OutpostArn", input.outpost_arn.is_some()),
        ("Ipv6Native", input.ipv6_native == Some(true)),
        ("Ipv4IpamPoolId", input.ipv4_ipam_pool_id.is_some()),
        ("Ipv4NetmaskLength", input.ipv4_netmask_length.is_some()),
        ("Ipv6IpamPoolId", input.ipv6_ipam_pool_id.is_some()),
        ("Ipv6NetmaskLength", input.ipv6_netmask_length.is_some()),
    ])?;
    let text = input.cidr_block.as_deref().ok_or_else(|| error::missing_parameter("cidrBlock"))?;
    let reason = "This is not a valid CIDR block.";
    let cidr = Cidr::parse4(text).ok_or_else(|| error::invalid_value(text, "cidrBlock", reason))?;
    let ipv6 = input.ipv6_cidr_block.as_deref().map(block6).transpose()?;
    let (name, id) = (input.availability_zone.as_deref(), input.availability_zone_id.as_deref());
    let wanted = zones::wanted(ctx.region(), name, id)?;
    let tags = tags::at_creation(Subnet::KIND, input.tag_specifications.as_ref())?;
    let subnet = change(&ctx, input.dry_run, |tx| {
        let (ctx, input, wanted, tags) = (&ctx, &input, wanted.clone(), tags.clone());
        async move {
            let home = Home::of(ctx);
            let vpc: Vpc = nouns::find(&tx, home, &input.vpc_id).await?;
            let others: Vec<Subnet> = nouns::all(&tx, home).await?;
            let others: Vec<&Subnet> = others.iter().filter(|subnet| subnet.vpc == vpc.id).collect();
            check_block(&vpc, &others, cidr)?;
            let zone = wanted.or_else(|| emptiest(ctx, &others));
            let zone = zone.ok_or_else(|| Error::internal("a region without zones"))?;
            let mut subnet = Subnet::new(ctx, &vpc, &zone, cidr);
            if let Some(cidr) = ipv6 {
                check_block6(&vpc, &others, cidr)?;
                subnet.ipv6 = vec![CidrBlock { association: new_id(ctx, "subnet-cidr-assoc-"), cidr }];
            }
            subnet.tags = tags;
            quotas::check(others.len() + 1, quotas::SUBNETS, "SubnetLimitExceeded", "subnets")?;
            put_new(&tx, ctx, &subnet).await?;
            Ok(subnet)
        }
    })
    .await?;
    Ok(CreateSubnetOutput { subnet: Some(shown(&subnet, 0)) })
}

/// The zone with the fewest subnets of the VPC: AWS chooses one, and says not how.
fn emptiest(ctx: &Ctx, subnets: &[&Subnet]) -> Option<Zone> {
    let count = |zone: &Zone| subnets.iter().filter(|subnet| subnet.zone == zone.name).count();
    zones::of(ctx.region()).into_iter().min_by_key(count)
}

/// Whether a VPC has room for a subnet of that block: /16 to /28, inside one of the VPC's and apart from the others.
fn check_block(vpc: &Vpc, others: &[&Subnet], cidr: Cidr) -> Result<()> {
    let is_inside = vpc.cidrs.iter().any(|block| block.cidr.contains(&cidr));
    if !(16..=28).contains(&cidr.prefix()) || !is_inside {
        return Err(Error::sender("InvalidSubnet.Range", format!("The CIDR '{cidr}' is invalid.")));
    }
    check_conflict(others, cidr)
}

fn check_conflict(others: &[&Subnet], cidr: Cidr) -> Result<()> {
    match others.iter().any(|subnet| subnet.blocks().any(|block| block.overlaps(&cidr))) {
        true => {
            let text = format!("The CIDR '{cidr}' conflicts with another subnet");
            Err(Error::sender("InvalidSubnet.Conflict", text))
        }
        false => Ok(()),
    }
}

/// Reads an IPv6 block.
pub(super) fn block6(text: &str) -> Result<Cidr> {
    let reason = "This is not a valid IPv6 CIDR block.";
    Cidr::parse6(text).ok_or_else(|| error::invalid_value(text, "ipv6CidrBlock", reason))
}

/// The same for IPv6: AWS: a netmask from /44 to /64 in steps of four.
pub(super) fn check_block6(vpc: &Vpc, others: &[&Subnet], cidr: Cidr) -> Result<()> {
    let is_inside = vpc.ipv6.iter().any(|block| block.cidr.contains(&cidr));
    let is_sized = (44..=64).contains(&cidr.prefix()) && cidr.prefix().is_multiple_of(4);
    if !is_sized || !is_inside {
        return Err(Error::sender("InvalidSubnet.Range", format!("The CIDR '{cidr}' is invalid.")));
    }
    check_conflict(others, cidr)
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSubnet.html>
pub(super) async fn delete_subnet(ctx: Ctx, input: DeleteSubnetInput) -> Result<DeleteSubnetOutput> {
    change(&ctx, input.dry_run, |tx| {
        let (home, id) = (Home::of(&ctx), &input.subnet_id);
        async move {
            let subnet: Subnet = nouns::find(&tx, home, id).await?;
            dependents::check_subnet(&tx, &subnet).await?;
            // AWS: associations go with the subnet.
            for before in nouns::all::<RouteTable>(&tx, home).await? {
                let mut after = before.clone();
                after.associations.retain(|association| association.subnet.as_ref() != Some(id));
                if after != before {
                    nouns::put(&tx, Some(&before), &after);
                }
            }
            for before in nouns::all::<NetworkAcl>(&tx, home).await? {
                let mut after = before.clone();
                after.associations.retain(|association| association.subnet != *id);
                if after != before {
                    nouns::put(&tx, Some(&before), &after);
                }
            }
            nouns::delete(&tx, &subnet);
            Ok(())
        }
    })
    .await?;
    Ok(DeleteSubnetOutput {})
}
