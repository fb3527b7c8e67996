//! Subnets: the record, what the API shows of it, Describe.
//!
//! Invariant: a subnet's block lies in a block of its VPC and overlaps no other subnet's; it is associated with exactly
//! one network ACL.
//! Source: <https://docs.aws.amazon.com/vpc/latest/userguide/configure-subnets.html>

mod attributes;
mod cidr_blocks;
mod life;

pub(crate) use life::put_new;

use crate::access::{self, Asked};
use crate::cidr::Cidr;
use crate::dependents;
use crate::filters::{Filtered, fact};
use crate::noun_record::noun;
use crate::nouns::{Home, Noun, new_id};
use crate::pages::{Wanted, describe};
use crate::tags::{self, Tags};
use crate::vpcs::{CidrBlock, Vpc};
use crate::zones::Zone;
use serde::{Deserialize, Serialize};
use yakumo_api_ec2::{
    self as api, DescribeSubnetsInput, DescribeSubnetsOutput, PrivateDnsNameOptionsOnLaunch,
    SubnetCidrBlockState, SubnetIpv6CidrBlockAssociation,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Resource, Room};

/// AWS: the first four addresses of a subnet and the last one are AWS's own.
pub(crate) const RESERVED: u64 = 5;

/// A subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Subnet {
    /// `subnet-…`.
    pub id: String,
    /// Owner and region.
    pub home: Home,
    /// Its VPC.
    pub vpc: String,
    /// Its IPv4 block.
    pub cidr: Cidr,
    /// Its IPv6 blocks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ipv6: Vec<CidrBlock>,
    /// The zone's name, `us-east-1a`.
    pub zone: String,
    /// The zone's id, `use1-az1`.
    pub zone_id: String,
    /// Whether it is the default subnet of its zone.
    pub is_default: bool,
    /// Whether interfaces of new instances get public addresses.
    pub maps_public_ip: bool,
    /// Whether interfaces get IPv6 addresses.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub assigns_ipv6: bool,
    /// What instances are named after: `ip-name` or `resource-name`.
    pub hostname_type: String,
    /// Whether names after instance ids have A records.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resource_name_a: bool,
    /// Whether they have AAAA records.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resource_name_aaaa: bool,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

noun!(
    Subnet,
    table: "subnets",
    type: "AWS::EC2::Subnet",
    kind: "subnet",
    prefix: "subnet-",
    not_found: "InvalidSubnetID.NotFound",
    malformed: "InvalidSubnetID.Malformed",
    spoken: "subnet ID",
    keys: |subnet| vec![
        ("ec2:SubnetID".to_owned(), vec![subnet.id.clone()]),
        ("ec2:Vpc".to_owned(), vec![subnet.home.arn(Vpc::KIND, &subnet.vpc)]),
        ("ec2:AvailabilityZone".to_owned(), vec![subnet.zone.clone()]),
        ("ec2:AvailabilityZoneId".to_owned(), vec![subnet.zone_id.clone()]),
    ],
);

impl Subnet {
    /// A subnet as it is when nothing else is said.
    pub(crate) fn new(ctx: &Ctx, vpc: &Vpc, zone: &Zone, cidr: Cidr) -> Subnet {
        Subnet {
            id: new_id(ctx, Subnet::PREFIX),
            home: Home::of(ctx),
            vpc: vpc.id.clone(),
            cidr,
            ipv6: Vec::new(),
            zone: zone.name.clone(),
            zone_id: zone.id.clone(),
            is_default: false,
            maps_public_ip: false,
            assigns_ipv6: false,
            hostname_type: "ip-name".into(),
            resource_name_a: false,
            resource_name_aaaa: false,
            tags: Tags::new(),
        }
    }

    /// Its blocks of both families.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = &Cidr> {
        std::iter::once(&self.cidr).chain(self.ipv6.iter().map(|block| &block.cidr))
    }

    /// How many of its IPv4 addresses are free when `used` are in use.
    pub(crate) fn free(&self, used: usize) -> i32 {
        let free = self.cidr.size().saturating_sub(RESERVED).saturating_sub(used as u64);
        i32::try_from(free).unwrap_or(i32::MAX)
    }
}

/// A subnet, and how many of its addresses are in use.
struct Seen(Subnet, usize);

impl Filtered for Seen {
    const FILTERS: &'static [&'static str] = &[
        "availability-zone",
        "availabilityZone",
        "availability-zone-id",
        "availabilityZoneId",
        "available-ip-address-count",
        "cidr",
        "cidr-block",
        "cidrBlock",
        "customer-owned-ipv4-pool",
        "default-for-az",
        "defaultForAz",
        "enable-dns64",
        "enable-lni-at-device-index",
        "ipv6-cidr-block-association.ipv6-cidr-block",
        "ipv6-cidr-block-association.association-id",
        "ipv6-cidr-block-association.state",
        "ipv6-native",
        "map-customer-owned-ip-on-launch",
        "map-public-ip-on-launch",
        "outpost-arn",
        "owner-id",
        "private-dns-name-options-on-launch.hostname-type",
        "private-dns-name-options-on-launch.enable-resource-name-dns-a-record",
        "private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record",
        "state",
        "subnet-arn",
        "subnet-id",
        "vpc-id",
    ];

    fn facts(&self, filter: &str) -> Vec<String> {
        let Seen(subnet, used) = self;
        match filter {
            "availability-zone" | "availabilityZone" => fact(subnet.zone.clone()),
            "availability-zone-id" | "availabilityZoneId" => fact(subnet.zone_id.clone()),
            "available-ip-address-count" => fact(subnet.free(*used).to_string()),
            "cidr" | "cidr-block" | "cidrBlock" => fact(subnet.cidr.to_string()),
            "default-for-az" | "defaultForAz" => fact(subnet.is_default.to_string()),
            "enable-dns64" | "ipv6-native" | "map-customer-owned-ip-on-launch" => fact("false".to_owned()),
            "ipv6-cidr-block-association.ipv6-cidr-block" => {
                subnet.ipv6.iter().map(|block| block.cidr.to_string()).collect()
            }
            "ipv6-cidr-block-association.association-id" => {
                subnet.ipv6.iter().map(|block| block.association.clone()).collect()
            }
            "ipv6-cidr-block-association.state" => {
                subnet.ipv6.iter().map(|_| "associated".to_owned()).collect()
            }
            "map-public-ip-on-launch" => fact(subnet.maps_public_ip.to_string()),
            "owner-id" => fact(subnet.home.account.to_string()),
            "private-dns-name-options-on-launch.hostname-type" => fact(subnet.hostname_type.clone()),
            "private-dns-name-options-on-launch.enable-resource-name-dns-a-record" => {
                fact(subnet.resource_name_a.to_string())
            }
            "private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record" => {
                fact(subnet.resource_name_aaaa.to_string())
            }
            "state" => fact("available".to_owned()),
            "subnet-arn" => fact(subnet.arn()),
            "subnet-id" => fact(subnet.id.clone()),
            "vpc-id" => fact(subnet.vpc.clone()),
            _ => Vec::new(),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.0.tags)
    }
}

/// Registers the operations of this noun.
pub(crate) fn register(room: Room) -> Room {
    let room = attributes::register(cidr_blocks::register(room));
    room.on(
        api::CreateSubnet,
        access::needs("ec2:CreateSubnet", |input: &api::CreateSubnetInput| {
            Asked::on::<Vpc>(&input.vpc_id).making::<Subnet>(input.tag_specifications.as_ref())
        }),
        life::create_subnet,
    )
    .on(
        api::DeleteSubnet,
        access::needs("ec2:DeleteSubnet", |input: &api::DeleteSubnetInput| {
            Asked::on::<Subnet>(&input.subnet_id)
        }),
        life::delete_subnet,
    )
    .on(api::DescribeSubnets, access::reads("ec2:DescribeSubnets"), describe_subnets)
}

/// What the API shows of a subnet in which `used` addresses are in use.
pub(crate) fn shown(subnet: &Subnet, used: usize) -> api::Subnet {
    api::Subnet {
        availability_zone_id: Some(subnet.zone_id.clone()),
        map_customer_owned_ip_on_launch: Some(false),
        owner_id: Some(subnet.home.account.to_string()),
        assign_ipv6_address_on_creation: Some(subnet.assigns_ipv6),
        ipv6_cidr_block_association_set: Some(
            subnet.ipv6.iter().map(|block| shown_ipv6(block, "associated")).collect(),
        ),
        tags: tags::shown(&subnet.tags),
        subnet_arn: Some(subnet.arn()),
        enable_dns64: Some(false),
        ipv6_native: Some(false),
        private_dns_name_options_on_launch: Some(PrivateDnsNameOptionsOnLaunch {
            hostname_type: Some(subnet.hostname_type.clone()),
            enable_resource_name_dns_a_record: Some(subnet.resource_name_a),
            enable_resource_name_dns_aaaa_record: Some(subnet.resource_name_aaaa),
        }),
        block_public_access_states: Some(api::BlockPublicAccessStates {
            internet_gateway_block_mode: Some("off".into()),
        }),
        subnet_id: Some(subnet.id.clone()),
        state: Some("available".into()),
        vpc_id: Some(subnet.vpc.clone()),
        cidr_block: Some(subnet.cidr.to_string()),
        available_ip_address_count: Some(subnet.free(used)),
        availability_zone: Some(subnet.zone.clone()),
        default_for_az: Some(subnet.is_default),
        map_public_ip_on_launch: Some(subnet.maps_public_ip),
        ..api::Subnet::default()
    }
}

fn shown_ipv6(block: &CidrBlock, state: &str) -> SubnetIpv6CidrBlockAssociation {
    SubnetIpv6CidrBlockAssociation {
        association_id: Some(block.association.clone()),
        ipv6_cidr_block: Some(block.cidr.to_string()),
        ipv6_cidr_block_state: Some(SubnetCidrBlockState {
            state: Some(state.to_owned()),
            status_message: None,
        }),
        ipv6_address_attribute: Some("public".into()),
        ip_source: Some("amazon".into()),
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSubnets.html>
async fn describe_subnets(ctx: Ctx, input: DescribeSubnetsInput) -> Result<DescribeSubnetsOutput> {
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let used = dependents::used_addresses(&ctx, Home::of(&ctx)).await?;
    let count = |subnet: &Subnet| used.get(&subnet.id).copied().unwrap_or_default();
    let see = |subnet: Subnet| {
        let count = count(&subnet);
        Seen(subnet, count)
    };
    let ids = (input.subnet_ids.as_ref(), "subnetIds");
    let page = describe(&ctx, ids, input.filters.as_ref(), wanted, see).await?;
    Ok(DescribeSubnetsOutput {
        subnets: Some(page.items.iter().map(|Seen(subnet, used)| shown(subnet, *used)).collect()),
        next_token: page.next_token,
    })
}
