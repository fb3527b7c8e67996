//! The default VPC that every account has in every region from its beginning, made when somebody first looks.
//!
//! Invariant: it is made once. Whoever deletes it stays without, until CreateDefaultVpc.
//! Source: <https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc.html>

use crate::cidr::Cidr;
use crate::commit::change;
use crate::dhcp_options;
use crate::internet_gateways::{self, InternetGateway};
use crate::nouns::{self, Home};
use crate::route_tables::{Origin, Route, RouteTable, Target};
use crate::subnets::{self, Subnet};
use crate::tags::Tags;
use crate::vpcs::{self, NewVpc, Vpc};
use crate::zones::{self, Zone};
use crate::{access, error};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};
use yakumo_api_ec2::{
    self as api, CreateDefaultSubnetInput, CreateDefaultSubnetOutput, CreateDefaultVpcInput,
    CreateDefaultVpcOutput,
};
use yakumo_aws::{AccountId, Error, Region, Result};
use yakumo_room::{Ctx, Record, Room, Scope, Tx};

/// A note that an account has been given its default VPC in a region: so it is known where there are VPCs at all.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The account and the region.
    pub home: Home,
}

impl Record for Place {
    const TABLE: &'static str = "places";
}

impl Place {
    /// Where the notes of the whole cloud are.
    pub(crate) fn scope() -> Scope {
        Scope { account: None, region: None, service: "ec2" }
    }
}

/// Where the note is known to be, so that it is read once.
#[derive(Default)]
pub(crate) struct Known(Mutex<HashSet<(AccountId, Region), foldhash::fast::FixedState>>);

/// Registers the operations of this file.
pub(crate) fn register(room: Room) -> Room {
    room.on(api::CreateDefaultVpc, access::reads("ec2:CreateDefaultVpc"), create_default_vpc).on(
        api::CreateDefaultSubnet,
        access::reads("ec2:CreateDefaultSubnet"),
        create_default_subnet,
    )
}

/// Sees to it that the caller's account has had its default VPC in this region.
pub(crate) async fn ensure(ctx: &Ctx) -> Result<()> {
    let known: &Known = ctx.state();
    let place = (ctx.account(), ctx.region());
    if known.0.lock().contains(&place) {
        return Ok(());
    }
    change(ctx, None, |tx| async move {
        let home = Home::of(ctx);
        let id = [home.account.as_str(), home.region.as_str()];
        if tx.get::<Place>(&Place::scope(), &id).await?.is_none() {
            tx.put(&Place::scope(), &id, &Place { home });
            dhcp_options::make_default(&tx, ctx);
            make(&tx, ctx).await?;
        }
        Ok(())
    })
    .await?;
    known.0.lock().insert(place);
    Ok(())
}

/// 172.31.0.0/16.
fn block() -> Option<Cidr> {
    Cidr::new(IpAddr::V4(Ipv4Addr::new(172, 31, 0, 0)), 16)
}

/// Makes a default VPC with its subnets, internet gateway and default route.
async fn make(tx: &Tx, ctx: &Ctx) -> Result<Vpc> {
    let cidr = block().ok_or_else(|| Error::internal("172.31.0.0/16 is a block"))?;
    let new = NewVpc { cidr, ipv6: false, tenancy: "default".into(), is_default: true, tags: Tags::new() };
    let vpcs::Furnished { vpc, mut route_table, mut acl } = vpcs::furnish(tx, ctx, new).await?;
    for (index, zone) in zones::of(ctx.region()).iter().enumerate() {
        let part = cidr.part(20, index as u128).ok_or_else(|| Error::internal("a /16 has sixteen /20"))?;
        let subnet = default_subnet(ctx, &vpc, zone, part);
        acl.admit(ctx, &subnet.id);
        nouns::put(tx, None, &subnet);
    }
    nouns::put(tx, None, &acl);
    let gateway = internet_gateways::attached(ctx, &vpc.id);
    nouns::put::<InternetGateway>(tx, None, &gateway);
    route_table.routes.push(Route {
        destination: "0.0.0.0/0".into(),
        target: Target::Gateway(gateway.id),
        origin: Origin::CreateRoute,
    });
    nouns::put::<RouteTable>(tx, None, &route_table);
    Ok(vpc)
}

fn default_subnet(ctx: &Ctx, vpc: &Vpc, zone: &Zone, cidr: Cidr) -> Subnet {
    let mut subnet = Subnet::new(ctx, vpc, zone, cidr);
    subnet.is_default = true;
    subnet.maps_public_ip = true;
    subnet
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateDefaultVpc.html>
async fn create_default_vpc(ctx: Ctx, input: CreateDefaultVpcInput) -> Result<CreateDefaultVpcOutput> {
    let vpc = change(&ctx, input.dry_run, |tx| {
        let ctx = &ctx;
        async move {
            if nouns::all::<Vpc>(&tx, Home::of(ctx)).await?.iter().any(|vpc| vpc.is_default) {
                let text = "A Default VPC already exists for this account in this region.";
                return Err(Error::sender("DefaultVpcAlreadyExists", text));
            }
            make(&tx, ctx).await
        }
    })
    .await?;
    let mut shown = vpcs::shown(&vpc);
    shown.state = Some("pending".into());
    Ok(CreateDefaultVpcOutput { vpc: Some(shown) })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateDefaultSubnet.html>
async fn create_default_subnet(
    ctx: Ctx,
    input: CreateDefaultSubnetInput,
) -> Result<CreateDefaultSubnetOutput> {
    crate::commit::refuse(&[("Ipv6Native", input.ipv6_native == Some(true))])?;
    let (name, id) = (input.availability_zone.as_deref(), input.availability_zone_id.as_deref());
    let zone = zones::wanted(ctx.region(), name, id)?;
    let zone = zone.ok_or_else(|| error::missing_parameter("AvailabilityZone"))?;
    let subnet = change(&ctx, input.dry_run, |tx| {
        let (ctx, zone) = (&ctx, &zone);
        async move {
            let home = Home::of(ctx);
            let vpcs: Vec<Vpc> = nouns::all(&tx, home).await?;
            let Some(vpc) = vpcs.iter().find(|vpc| vpc.is_default) else {
                let text = "No default VPC for this user";
                return Err(Error::sender("DefaultVpcDoesNotExist", text));
            };
            let subnets: Vec<Subnet> = nouns::all(&tx, home).await?;
            if subnets.iter().any(|subnet| subnet.is_default && subnet.zone == zone.name) {
                let text = format!("Default subnet already exists in {}.", zone.name);
                return Err(Error::sender("DefaultSubnetAlreadyExistsInAvailabilityZone", text));
            }
            let taken = |part: &Cidr| {
                subnets
                    .iter()
                    .any(|subnet| subnet.vpc == vpc.id && subnet.blocks().any(|own| own.overlaps(part)))
            };
            let primary = vpc.cidrs.first().map(|block| block.cidr);
            let mut parts = (0..16).filter_map(|index| primary?.part(20, index));
            let Some(part) = parts.find(|part| !taken(part)) else {
                let text = "There is no free /20 block in the default VPC.";
                return Err(Error::sender("InsufficientFreeAddressesInVpc", text));
            };
            let subnet = default_subnet(ctx, vpc, zone, part);
            subnets::put_new(&tx, ctx, &subnet).await?;
            Ok(subnet)
        }
    })
    .await?;
    Ok(CreateDefaultSubnetOutput { subnet: Some(subnets::shown(&subnet, 0)) })
}
