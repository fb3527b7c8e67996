//! Elastic IPs: the record, what the API shows of it, Describe.
//!
//! Invariant: an address has one owner in the whole cloud, and stands for at most one private address; a private address
//! has at most one that stands for it.
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/elastic-ip-addresses-eip.html>

mod associations;
mod life;

pub(crate) use associations::{check_gateway, link, unlink, unlink_interface};
pub(crate) use life::{give_back, key_of_note, lend};

use crate::access::{self, Asked};
use crate::commit::only_if;
use crate::error;
use crate::filters::{Filtered, Filters, fact};
use crate::network_interfaces::NetworkInterface;
use crate::noun_record::noun;
use crate::nouns::{ALL, Home};
use crate::pages;
use crate::tags::{self, Tags};
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;
use yakumo_api_ec2::{
    self as api, Address, DescribeAddressesAttributeInput, DescribeAddressesAttributeOutput,
    DescribeAddressesInput, DescribeAddressesOutput,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room};

/// An Elastic IP address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ElasticIp {
    /// `eipalloc-…`.
    pub id: String,
    /// Owner and region.
    pub home: Home,
    /// The address.
    pub address: Ipv4Addr,
    /// What it stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// An association with a private address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Link {
    /// `eipassoc-…`.
    pub id: String,
    /// The interface.
    pub interface: String,
    /// The subnet of the interface, which never changes.
    pub subnet: String,
    /// The VPC of the interface.
    pub vpc: String,
    /// Which of its addresses.
    pub private: Ipv4Addr,
    /// Whether one of AWS's services made it: it is that service's to undo.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_managed: bool,
}

noun!(
    ElasticIp,
    table: "elastic-ips",
    type: "AWS::EC2::EIP",
    kind: "elastic-ip",
    prefix: "eipalloc-",
    not_found: "InvalidAllocationID.NotFound",
    malformed: "InvalidAllocationID.NotFound",
    spoken: "allocation ID",
    keys: |address| vec![
        ("ec2:AllocationId".to_owned(), vec![address.id.clone()]),
        ("ec2:Domain".to_owned(), vec!["vpc".to_owned()]),
        ("ec2:PublicIpAddress".to_owned(), vec![address.address.to_string()]),
    ],
);

/// An address and what the API shows of it.
struct Seen(ElasticIp, Address);

impl Filtered for Seen {
    const FILTERS: &'static [&'static str] = &[
        "allocation-id",
        "association-id",
        "domain",
        "instance-id",
        "network-border-group",
        "network-interface-id",
        "network-interface-owner-id",
        "private-ip-address",
        "public-ip",
    ];

    fn facts(&self, filter: &str) -> Vec<String> {
        let Seen(address, shown) = self;
        let link = address.link.as_ref();
        match filter {
            "allocation-id" => fact(address.id.clone()),
            "instance-id" => fact(shown.instance_id.clone()),
            "association-id" => fact(link.map(|link| link.id.clone())),
            "domain" => fact("vpc".to_owned()),
            "network-border-group" => fact(address.home.region.to_string()),
            "network-interface-id" => fact(link.map(|link| link.interface.clone())),
            "network-interface-owner-id" => fact(link.map(|_| address.home.account.to_string())),
            "private-ip-address" => fact(link.map(|link| link.private.to_string())),
            "public-ip" => fact(address.address.to_string()),
            _ => Vec::new(),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.0.tags)
    }
}

/// Registers the operations of this noun.
pub(crate) fn register(room: Room) -> Room {
    let room = associations::register(room);
    room.on(
        api::AllocateAddress,
        access::needs("ec2:AllocateAddress", |input: &api::AllocateAddressInput| {
            Asked::any().making::<ElasticIp>(input.tag_specifications.as_ref())
        }),
        life::allocate_address,
    )
    .on(
        api::ReleaseAddress,
        access::needs("ec2:ReleaseAddress", |input: &api::ReleaseAddressInput| {
            Asked::any().and_maybe::<ElasticIp>(input.allocation_id.as_deref())
        }),
        life::release_address,
    )
    .on(api::DescribeAddresses, access::reads("ec2:DescribeAddresses"), describe_addresses)
    .on(
        api::DescribeAddressesAttribute,
        access::reads("ec2:DescribeAddressesAttribute"),
        describe_addresses_attribute,
    )
}

fn shown(address: &ElasticIp, interfaces: &[NetworkInterface]) -> Address {
    let link = address.link.as_ref();
    Address {
        allocation_id: Some(address.id.clone()),
        association_id: link.map(|link| link.id.clone()),
        domain: Some("vpc".into()),
        instance_id: link.and_then(|link| instance_of(link, interfaces)),
        network_interface_id: link.map(|link| link.interface.clone()),
        network_interface_owner_id: link.map(|_| address.home.account.to_string()),
        private_ip_address: link.map(|link| link.private.to_string()),
        tags: tags::shown(&address.tags),
        public_ipv4_pool: Some("amazon".into()),
        network_border_group: Some(address.home.region.to_string()),
        subnet_id: link.map(|link| link.subnet.clone()),
        public_ip: Some(address.address.to_string()),
        ..Address::default()
    }
}

/// The instance whose interface an address stands for.
fn instance_of(link: &Link, interfaces: &[NetworkInterface]) -> Option<String> {
    let interface = interfaces.iter().find(|interface| interface.id == link.interface)?;
    interface.instance().map(str::to_owned)
}

/// AWS's text for an address that is not the caller's.
fn no_address(address: &str) -> Error {
    Error::sender("InvalidAddress.NotFound", format!("Address '{address}' not found."))
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAddresses.html>
async fn describe_addresses(ctx: Ctx, input: DescribeAddressesInput) -> Result<DescribeAddressesOutput> {
    let filters = Filters::of::<Seen>(input.filters.as_ref())?;
    let mut found: Vec<ElasticIp> = pages::by_ids(&ctx, input.allocation_ids.as_ref()).await?;
    if let Some(wanted) = input.public_ips.filter(|wanted| !wanted.is_empty()) {
        for text in &wanted {
            if !found.iter().any(|address| address.address.to_string() == *text) {
                return Err(no_address(text));
            }
        }
        found.retain(|address| wanted.contains(&address.address.to_string()));
    }
    only_if(input.dry_run)?;
    let interfaces: Vec<NetworkInterface> = ctx.list(&Home::of(&ctx).scope(), &[], None, ALL).await?;
    let seen = found.into_iter().map(|address| {
        let shown = shown(&address, &interfaces);
        Seen(address, shown)
    });
    let passed = seen.filter(|seen| filters.pass(seen)).map(|Seen(_, shown)| shown);
    Ok(DescribeAddressesOutput { addresses: Some(passed.collect()) })
}

/// No address has a reverse name here, and ModifyAddressAttribute, which would give it one, is 501.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAddressesAttribute.html>
async fn describe_addresses_attribute(
    ctx: Ctx,
    input: DescribeAddressesAttributeInput,
) -> Result<DescribeAddressesAttributeOutput> {
    match input.attribute.as_deref() {
        Some("domain-name") => {}
        None => return Err(error::missing_parameter("Attribute")),
        Some(other) => return Err(error::invalid_value(other, "attribute", "Unknown attribute.")),
    }
    pages::by_ids::<ElasticIp>(&ctx, input.allocation_ids.as_ref()).await?;
    only_if(input.dry_run)?;
    Ok(DescribeAddressesAttributeOutput { addresses: Some(Vec::new()), next_token: None })
}

/// Whether the internet gateway of a VPC may go: no address is reached through it.
pub(crate) fn is_mapped(addresses: &[ElasticIp], vpc: &str) -> bool {
    addresses.iter().filter_map(|address| address.link.as_ref()).any(|link| link.vpc == vpc)
}

/// The address that stands for a private one of an interface.
pub(crate) fn of<'a>(
    addresses: &'a [ElasticIp],
    interface: &NetworkInterface,
    private: Ipv4Addr,
) -> Option<&'a ElasticIp> {
    let is_its = |link: &Link| link.interface == interface.id && link.private == private;
    addresses.iter().find(|address| address.link.as_ref().is_some_and(is_its))
}
