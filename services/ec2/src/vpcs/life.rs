//! How VPCs come and go, with what belongs to them.
//!
//! Source: <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html>

use super::{CidrBlock, Vpc, shown};
use crate::cidr::Cidr;
use crate::commit::{change, refuse};
use crate::dhcp_options;
use crate::network_acls::{self, NetworkAcl};
use crate::nouns::{self, Home, Noun, new_id};
use crate::route_tables::{self, RouteTable};
use crate::security_groups::{self, SecurityGroup};
use crate::tags::{self, Tags};
use crate::{dependents, error, ipv6_pool, quotas, vpc_peering_connections};
use yakumo_api_ec2::{CreateVpcInput, CreateVpcOutput, DeleteVpcInput, DeleteVpcOutput};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Tx};

/// What a VPC is made from.
pub(crate) struct NewVpc {
    /// Its primary block.
    pub cidr: Cidr,
    /// Whether it has an IPv6 block.
    pub ipv6: bool,
    /// Its tenancy.
    pub tenancy: String,
    /// Whether it is the default VPC.
    pub is_default: bool,
    /// Its tags.
    pub tags: Tags,
}

/// A new VPC and what came with it.
pub(crate) struct Furnished {
    /// The VPC.
    pub vpc: Vpc,
    /// Its main route table.
    pub route_table: RouteTable,
    /// Its default network ACL.
    pub acl: NetworkAcl,
}

/// Makes a VPC with its main route table, default network ACL and default security group.
pub(crate) async fn furnish(tx: &Tx, ctx: &Ctx, new: NewVpc) -> Result<Furnished> {
    let home = Home::of(ctx);
    let block = |cidr| CidrBlock { association: new_id(ctx, "vpc-cidr-assoc-"), cidr };
    let ipv6 = if new.ipv6 { Some(ipv6_pool::take(tx, ctx).await?) } else { None };
    let vpc = Vpc {
        id: new_id(ctx, Vpc::PREFIX),
        home,
        cidrs: vec![block(new.cidr)],
        ipv6: ipv6.map(block).into_iter().collect(),
        dhcp_options: dhcp_options::of_region(tx, home).await?,
        tenancy: new.tenancy,
        is_default: new.is_default,
        dns_support: true,
        // AWS: only the default VPC gives its instances public names from the beginning.
        dns_hostnames: new.is_default,
        tags: new.tags,
    };
    nouns::put(tx, None, &vpc);
    let route_table = route_tables::main_of(ctx, &vpc);
    nouns::put(tx, None, &route_table);
    let acl = network_acls::default_of(ctx, &vpc);
    nouns::put(tx, None, &acl);
    nouns::put(tx, None, &security_groups::default_of(ctx, &vpc));
    Ok(Furnished { vpc, route_table, acl })
}

/// Addresses that no interface can have: this network, the host itself, the links' own, multicast and what is beyond.
const NOBODYS: [&str; 4] = ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"];

/// Reads the block of a VPC: /16 to /28, of addresses that interfaces can have.
pub(crate) fn block_of_vpc(text: &str) -> Result<Cidr> {
    let reason = "This is not a valid CIDR block.";
    let cidr = Cidr::parse4(text).ok_or_else(|| error::invalid_value(text, "cidrBlock", reason))?;
    let is_nobodys = || NOBODYS.iter().filter_map(|text| Cidr::parse4(text)).any(|own| own.contains(&cidr));
    match (16..=28).contains(&cidr.prefix()) && !is_nobodys() {
        true => Ok(cidr),
        false => Err(Error::sender("InvalidVpc.Range", format!("The CIDR '{text}' is invalid."))),
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpc.html>
pub(super) async fn create_vpc(ctx: Ctx, input: CreateVpcInput) -> Result<CreateVpcOutput> {
    refuse(&[
        ("Ipv6Pool", input.ipv6_pool.is_some()),
        ("Ipv6CidrBlock", input.ipv6_cidr_block.is_some()),
        ("Ipv4IpamPoolId", input.ipv4_ipam_pool_id.is_some()),
        ("Ipv4NetmaskLength", input.ipv4_netmask_length.is_some()),
        ("Ipv6IpamPoolId", input.ipv6_ipam_pool_id.is_some()),
        ("Ipv6NetmaskLength", input.ipv6_netmask_length.is_some()),
        ("VpcEncryptionControl", input.vpc_encryption_control.is_some()),
    ])?;
    let text = input.cidr_block.as_deref().ok_or_else(|| error::missing_parameter("cidrBlock"))?;
    let cidr = block_of_vpc(text)?;
    let tenancy = tenancy(input.instance_tenancy.as_deref())?;
    check_border_group(&ctx, input.ipv6_cidr_block_network_border_group.as_deref())?;
    let tags = tags::at_creation(Vpc::KIND, input.tag_specifications.as_ref())?;
    let vpc = change(&ctx, input.dry_run, |tx| {
        let ctx = &ctx;
        let ipv6 = input.amazon_provided_ipv6_cidr_block == Some(true);
        let (tenancy, tags) = (tenancy.clone(), tags.clone());
        async move {
            let count = nouns::all::<Vpc>(&tx, Home::of(ctx)).await?.len();
            quotas::check(count + 1, quotas::VPCS, "VpcLimitExceeded", "VPCs")?;
            let new = NewVpc { cidr, ipv6, tenancy, is_default: false, tags };
            Ok(furnish(&tx, ctx, new).await?.vpc)
        }
    })
    .await?;
    // AWS: the answer shows the VPC on its way; the next Describe finds it available.
    let mut shown = shown(&vpc);
    shown.state = Some("pending".into());
    for block in shown.ipv6_cidr_block_association_set.iter_mut().flatten() {
        block.ipv6_cidr_block_state = super::block_state("associating");
    }
    Ok(CreateVpcOutput { vpc: Some(shown) })
}

fn tenancy(wanted: Option<&str>) -> Result<String> {
    match wanted {
        None | Some("default") => Ok("default".into()),
        Some("dedicated") => Ok("dedicated".into()),
        Some(other) => Err(error::invalid_value(other, "instanceTenancy", "Unknown tenancy.")),
    }
}

/// There is no other border group than the region's own.
pub(super) fn check_border_group(ctx: &Ctx, wanted: Option<&str>) -> Result<()> {
    match wanted {
        Some(group) if group != ctx.region().as_str() => {
            Err(error::invalid_value(group, "networkBorderGroup", "Unknown network border group."))
        }
        _ => Ok(()),
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpc.html>
pub(super) async fn delete_vpc(ctx: Ctx, input: DeleteVpcInput) -> Result<DeleteVpcOutput> {
    change(&ctx, input.dry_run, |tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let home = Home::of(ctx);
            let vpc: Vpc = nouns::find(&tx, home, &input.vpc_id).await?;
            dependents::check_vpc(&tx, &vpc).await?;
            for table in nouns::all::<RouteTable>(&tx, home).await? {
                if table.vpc == vpc.id {
                    nouns::delete(&tx, &table);
                }
            }
            for acl in nouns::all::<NetworkAcl>(&tx, home).await? {
                if acl.vpc == vpc.id {
                    nouns::delete(&tx, &acl);
                }
            }
            for group in nouns::all::<SecurityGroup>(&tx, home).await? {
                if group.vpc == vpc.id {
                    nouns::delete(&tx, &group);
                }
            }
            vpc.ipv6.iter().for_each(|block| ipv6_pool::give_back(&tx, &block.cidr));
            vpc_peering_connections::vpc_gone(&tx, ctx, &vpc).await?;
            nouns::delete(&tx, &vpc);
            Ok(())
        }
    })
    .await?;
    Ok(DeleteVpcOutput {})
}

#[cfg(test)]
mod tests {
    use super::block_of_vpc;

    #[test]
    fn blocks_are_between_16_and_28() {
        for (text, code) in [
            ("10.0.0.0/16", None),
            ("10.0.0.0/28", None),
            ("8.8.8.0/24", None),
            ("10.0.0.0/15", Some("InvalidVpc.Range")),
            ("10.0.0.0/29", Some("InvalidVpc.Range")),
            ("0.1.0.0/16", Some("InvalidVpc.Range")),
            ("127.0.0.0/16", Some("InvalidVpc.Range")),
            ("169.254.1.0/24", Some("InvalidVpc.Range")),
            ("239.0.0.0/16", Some("InvalidVpc.Range")),
            ("255.255.0.0/16", Some("InvalidVpc.Range")),
            ("223.255.0.0/16", None),
            ("10.0.0.0", Some("InvalidParameterValue")),
            ("2001:db8::/56", Some("InvalidParameterValue")),
        ] {
            let found = block_of_vpc(text).err().map(|error| error.code.into_owned());
            assert_eq!(found.as_deref(), code, "{text}");
        }
    }
}
