//! What the API shows of network interfaces, and DescribeNetworkInterfaces.
//!
//! Invariant: what an interface has from elsewhere (names of groups, Elastic IPs, names in DNS) is read, never kept twice.

use super::NetworkInterface;
use crate::dns_names;
use crate::elastic_ips::ElasticIp;
use crate::filters::{Filtered, fact};
use crate::nouns::{ALL, Home};
use crate::pages::{Wanted, describe};
use crate::security_groups::SecurityGroup;
use crate::tags::{self, Tags};
use crate::vpcs::Vpc;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use yakumo_api_ec2::{
    self as api, DescribeNetworkInterfacesInput, DescribeNetworkInterfacesOutput, GroupIdentifier,
    NetworkInterfaceAssociation, NetworkInterfaceAttachment, NetworkInterfaceIpv6Address,
    NetworkInterfacePrivateIpAddress, OperatorResponse,
};
use yakumo_aws::Result;
use yakumo_room::Ctx;

/// What stands around the interfaces of an account in a region, as last committed.
pub(crate) struct Around {
    home: Home,
    /// Names of groups by id.
    groups: BTreeMap<String, String>,
    /// Elastic IPs by interface and private address.
    public: BTreeMap<(String, Ipv4Addr), ElasticIp>,
    /// Whether interfaces of a VPC have names in DNS.
    named: BTreeMap<String, bool>,
}

impl Around {
    /// Reads it where the request acts.
    pub(crate) async fn read(ctx: &Ctx) -> Result<Around> {
        let home = Home::of(ctx);
        let groups: Vec<SecurityGroup> = ctx.list(&home.scope(), &[], None, ALL).await?;
        let addresses: Vec<ElasticIp> = ctx.list(&home.scope(), &[], None, ALL).await?;
        let vpcs: Vec<Vpc> = ctx.list(&home.scope(), &[], None, ALL).await?;
        let public = addresses.into_iter().filter_map(|address| {
            let link = address.link.clone()?;
            Some(((link.interface, link.private), address))
        });
        Ok(Around {
            home,
            groups: groups.into_iter().map(|group| (group.id, group.name)).collect(),
            public: public.collect(),
            named: vpcs.into_iter().map(|vpc| (vpc.id, vpc.dns_support && vpc.dns_hostnames)).collect(),
        })
    }

    fn has_names(&self, interface: &NetworkInterface) -> bool {
        self.named.get(&interface.vpc).copied().unwrap_or_default()
    }

    fn elastic_ip(&self, interface: &NetworkInterface, private: Ipv4Addr) -> Option<&ElasticIp> {
        self.public.get(&(interface.id.clone(), private))
    }

    fn association(
        &self,
        interface: &NetworkInterface,
        private: Ipv4Addr,
    ) -> Option<NetworkInterfaceAssociation> {
        let elastic = self.elastic_ip(interface, private);
        let lent = interface.public.filter(|_| interface.primary() == Some(private));
        let public = elastic.map(|elastic| elastic.address).or(lent)?;
        // AWS: a VPC without DNS hostnames answers an empty name.
        let name = match self.has_names(interface) {
            true => dns_names::public(self.home.region, public),
            false => String::new(),
        };
        let Some(address) = elastic else {
            return Some(NetworkInterfaceAssociation {
                // AWS: an address that is lent is Amazon's.
                ip_owner_id: Some("amazon".into()),
                public_dns_name: Some(name),
                public_ip: Some(public.to_string()),
                ..NetworkInterfaceAssociation::default()
            });
        };
        Some(NetworkInterfaceAssociation {
            allocation_id: Some(address.id.clone()),
            association_id: address.link.as_ref().map(|link| link.id.clone()),
            ip_owner_id: Some(address.home.account.to_string()),
            public_dns_name: Some(name),
            public_ip: Some(address.address.to_string()),
            ..NetworkInterfaceAssociation::default()
        })
    }

    fn private_name(&self, interface: &NetworkInterface, private: Ipv4Addr) -> Option<String> {
        self.has_names(interface).then(|| dns_names::private(self.home.region, private))
    }

    /// The groups of an interface with their names.
    pub(crate) fn groups(&self, interface: &NetworkInterface) -> Vec<GroupIdentifier> {
        let group = |id: &String| GroupIdentifier {
            group_id: Some(id.clone()),
            group_name: self.groups.get(id).cloned(),
        };
        interface.groups.iter().map(group).collect()
    }

    /// What the API shows of an interface.
    pub(crate) fn shown(&self, interface: &NetworkInterface) -> api::NetworkInterface {
        let private = |(index, address): (usize, &Ipv4Addr)| NetworkInterfacePrivateIpAddress {
            association: self.association(interface, *address),
            primary: Some(index == 0),
            private_dns_name: self.private_name(interface, *address),
            private_ip_address: Some(address.to_string()),
        };
        let primary = interface.primary();
        api::NetworkInterface {
            association: primary.and_then(|address| self.association(interface, address)),
            attachment: attachment(interface),
            availability_zone: Some(interface.zone.clone()),
            availability_zone_id: Some(interface.zone_id.clone()),
            description: Some(interface.description.clone()),
            groups: Some(self.groups(interface)),
            interface_type: Some(interface.kind.clone()),
            ipv6_addresses: Some(ipv6(interface)),
            ipv6_address: interface.ipv6.first().map(ToString::to_string),
            mac_address: Some(mac(interface)),
            network_interface_id: Some(interface.id.clone()),
            owner_id: Some(interface.home.account.to_string()),
            private_dns_name: primary.and_then(|address| self.private_name(interface, address)),
            private_ip_address: primary.map(|address| address.to_string()),
            private_ip_addresses: Some(interface.addresses.iter().enumerate().map(private).collect()),
            requester_id: interface.requester.as_ref().map(|requester| requester.account.to_string()),
            requester_managed: Some(interface.requester.is_some()),
            source_dest_check: Some(interface.source_dest_check),
            status: Some(status(interface).to_owned()),
            subnet_id: Some(interface.subnet.clone()),
            tag_set: tags::shown(&interface.tags),
            vpc_id: Some(interface.vpc.clone()),
            operator: Some(OperatorResponse { managed: Some(false), ..OperatorResponse::default() }),
            ..api::NetworkInterface::default()
        }
    }
}

fn status(interface: &NetworkInterface) -> &'static str {
    if interface.attachment.is_some() { "in-use" } else { "available" }
}

fn mac(interface: &NetworkInterface) -> String {
    interface.mac.map(|byte| format!("{byte:02x}")).join(":")
}

fn ipv6(interface: &NetworkInterface) -> Vec<NetworkInterfaceIpv6Address> {
    let shown = |address: &std::net::Ipv6Addr| NetworkInterfaceIpv6Address {
        ipv6_address: Some(address.to_string()),
        is_primary_ipv6: Some(false),
        ..NetworkInterfaceIpv6Address::default()
    };
    interface.ipv6.iter().map(shown).collect()
}

/// What the API shows of an attachment.
pub(super) fn attachment(interface: &NetworkInterface) -> Option<NetworkInterfaceAttachment> {
    let attachment = interface.attachment.as_ref()?;
    Some(NetworkInterfaceAttachment {
        attach_time: Some(attachment.at),
        attachment_id: Some(attachment.id.clone()),
        delete_on_termination: Some(attachment.delete_on_termination),
        device_index: Some(attachment.device_index),
        network_card_index: Some(0),
        instance_id: attachment.instance.clone(),
        instance_owner_id: Some(attachment.instance_owner.clone()),
        status: Some(attachment.progress.name().into()),
        ..NetworkInterfaceAttachment::default()
    })
}

/// An interface and what the API shows of it.
struct Seen(NetworkInterface, api::NetworkInterface);

impl Filtered for Seen {
    const FILTERS: &'static [&'static str] = &[
        "addresses.association.owner-id",
        "addresses.association.public-ip",
        "addresses.primary",
        "addresses.private-ip-address",
        "association.allocation-id",
        "association.association-id",
        "association.ip-owner-id",
        "association.public-dns-name",
        "association.public-ip",
        "attachment.attach-time",
        "attachment.attachment-id",
        "attachment.delete-on-termination",
        "attachment.device-index",
        "attachment.instance-id",
        "attachment.instance-owner-id",
        "attachment.nat-gateway-id",
        "attachment.status",
        "availability-zone",
        "availability-zone-id",
        "description",
        "group-id",
        "group-name",
        "interface-type",
        "ipv6-addresses.ipv6-address",
        "ipv6-addresses.is-primary",
        "mac-address",
        "network-interface-id",
        "operator.managed",
        "operator.principal",
        "owner-id",
        "private-dns-name",
        "private-ip-address",
        "requester-id",
        "requester-managed",
        "source-dest-check",
        "status",
        "subnet-id",
        "vpc-id",
    ];

    fn facts(&self, filter: &str) -> Vec<String> {
        let Seen(interface, shown) = self;
        if let Some(filter) = filter.strip_prefix("attachment.") {
            return self.facts_of_attachment(filter);
        }
        if filter.starts_with("association.") || filter.starts_with("addresses.") {
            return self.facts_of_addresses(filter);
        }
        match filter {
            "availability-zone" => fact(interface.zone.clone()),
            "availability-zone-id" => fact(interface.zone_id.clone()),
            "description" => fact(interface.description.clone()),
            "group-id" => interface.groups.clone(),
            "group-name" => {
                shown.groups.iter().flatten().filter_map(|group| group.group_name.clone()).collect()
            }
            "interface-type" => fact(interface.kind.clone()),
            "ipv6-addresses.ipv6-address" => interface.ipv6.iter().map(ToString::to_string).collect(),
            "ipv6-addresses.is-primary" => interface.ipv6.iter().map(|_| "false".to_owned()).collect(),
            "mac-address" => fact(mac(interface)),
            "network-interface-id" => fact(interface.id.clone()),
            "operator.managed" => fact("false".to_owned()),
            "owner-id" => fact(interface.home.account.to_string()),
            "private-dns-name" => fact(shown.private_dns_name.clone()),
            "private-ip-address" => interface.addresses.iter().map(ToString::to_string).collect(),
            "requester-id" => fact(shown.requester_id.clone()),
            "requester-managed" => fact(interface.requester.is_some().to_string()),
            "source-dest-check" => fact(interface.source_dest_check.to_string()),
            "status" => fact(status(interface).to_owned()),
            "subnet-id" => fact(interface.subnet.clone()),
            "vpc-id" => fact(interface.vpc.clone()),
            _ => Vec::new(),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.0.tags)
    }
}

impl Seen {
    fn facts_of_attachment(&self, filter: &str) -> Vec<String> {
        let Some(attachment) = &self.0.attachment else { return Vec::new() };
        match filter {
            "attach-time" => fact(attachment.at.to_date_time()),
            "attachment-id" => fact(attachment.id.clone()),
            "delete-on-termination" => fact(attachment.delete_on_termination.to_string()),
            "device-index" => fact(attachment.device_index.to_string()),
            "instance-id" => fact(attachment.instance.clone()),
            "instance-owner-id" => fact(attachment.instance_owner.clone()),
            "nat-gateway-id" => {
                let resource = self.0.requester.as_ref().map(|requester| requester.resource.clone());
                fact(resource.filter(|resource| resource.starts_with("nat-")))
            }
            "status" => fact(attachment.progress.name().to_owned()),
            _ => Vec::new(),
        }
    }

    fn facts_of_addresses(&self, filter: &str) -> Vec<String> {
        let addresses = self.1.private_ip_addresses.iter().flatten();
        let associations = addresses.clone().filter_map(|address| address.association.as_ref());
        let of_associations = |fact: fn(&NetworkInterfaceAssociation) -> &Option<String>| {
            associations.clone().filter_map(|found| fact(found).clone()).collect()
        };
        match filter {
            "addresses.association.owner-id" | "association.ip-owner-id" => {
                of_associations(|found| &found.ip_owner_id)
            }
            "addresses.association.public-ip" | "association.public-ip" => {
                of_associations(|found| &found.public_ip)
            }
            "association.allocation-id" => of_associations(|found| &found.allocation_id),
            "association.association-id" => of_associations(|found| &found.association_id),
            "association.public-dns-name" => of_associations(|found| &found.public_dns_name),
            "addresses.primary" => {
                addresses.filter_map(|address| address.primary).map(|primary| primary.to_string()).collect()
            }
            "addresses.private-ip-address" => {
                addresses.filter_map(|address| address.private_ip_address.clone()).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html>
/// No interface here is hidden from who does not ask for managed resources, so IncludeManagedResources shows no more.
pub(super) async fn describe_network_interfaces(
    ctx: Ctx,
    input: DescribeNetworkInterfacesInput,
) -> Result<DescribeNetworkInterfacesOutput> {
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let around = Around::read(&ctx).await?;
    let see = |interface: NetworkInterface| {
        let shown = around.shown(&interface);
        Seen(interface, shown)
    };
    let ids = (input.network_interface_ids.as_ref(), "networkInterfaceIds");
    let page = describe(&ctx, ids, input.filters.as_ref(), wanted, see).await?;
    Ok(DescribeNetworkInterfacesOutput {
        network_interfaces: Some(page.items.into_iter().map(|Seen(_, shown)| shown).collect()),
        next_token: page.next_token,
    })
}
