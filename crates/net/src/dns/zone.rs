//! What the names of a VPC mean, as seen from in it.
//!
//! Invariant: a VPC's private names are known in it alone; a public name leads to the private address in its own VPC and
//! in those that it is joined with for names (by a transit gateway, or by a peering connection's options), and to the public
//! one everywhere else.
//! AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html#vpc-dns-support>

use super::Services;
use crate::Topology;
use crate::topology::{Interface, Vpc};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use yakumo_aws::{Region, hostnames};

/// What a name leads to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    /// Addresses, of both families; none where only names below exist.
    Addresses(Vec<IpAddr>),
    /// Another name: of what has the address that was asked for.
    Name(String),
}

/// Looks up a name (in lower case, without a dot at its end) as the resolver of a VPC does. `None` when it does not exist.
pub fn find(topology: &Topology, services: &Services, vpc: &str, name: &str) -> Option<Found> {
    let here = topology.vpcs.get(vpc)?;
    let one = |address: Ipv4Addr| Found::Addresses(vec![address.into()]);
    if let Some(addresses) = own(here, name) {
        return Some(Found::Addresses(addresses.clone()));
    }
    if name == "localhost" || name.ends_with(".localhost") {
        // RFC 6761, section 6.3.
        return Some(Found::Addresses(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]));
    }
    if let Some(reverse) = name.strip_suffix(".in-addr.arpa") {
        return named(topology, vpc, reversed(reverse)?).map(Found::Name);
    }
    if let Some((address, domain)) = hostnames::address_in(name, "ip-") {
        let region = named_region(here)?;
        let held = domain == hostnames::private_domain(region) && holder(topology, vpc, address).is_some();
        return held.then(|| one(address));
    }
    if let Some((address, domain)) = hostnames::address_in(name, "ec2-") {
        return public(topology, vpc, address, domain).map(one);
    }
    if let Some(address) = services.address(name) {
        return Some(one(address));
    }
    let above = services.is_above(name) || is_above(here, name);
    above.then(|| Found::Addresses(Vec::new()))
}

/// The names of this VPC alone: the whole name, else the longest domain that it is in.
fn own<'a>(vpc: &'a Vpc, name: &str) -> Option<&'a Vec<IpAddr>> {
    if let Some(found) = vpc.names.get(name) {
        return Some(found);
    }
    let mut rest = name;
    while let Some((_, domain)) = rest.split_once('.') {
        if let Some(found) = vpc.names.get(&format!("*.{domain}")) {
            return Some(found);
        }
        rest = domain;
    }
    None
}

/// Whether a VPC's names are below this one.
fn is_above(vpc: &Vpc, name: &str) -> bool {
    let below = |known: &str| known.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'));
    let domain = named_region(vpc).map(hostnames::private_domain);
    !name.is_empty()
        && (domain.is_some_and(|domain| domain == name || below(&domain))
            || vpc.names.keys().any(|known| below(known)))
}

/// The region of a VPC whose interfaces have names.
fn named_region(vpc: &Vpc) -> Option<Region> {
    let region = vpc.dns.region.as_deref().filter(|_| vpc.dns.support && vpc.dns.hostnames)?;
    Region::parse(region)
}

/// The interface of a VPC that has a private address.
fn holder<'a>(topology: &'a Topology, vpc: &str, address: Ipv4Addr) -> Option<&'a Interface> {
    let mut all = topology.interfaces.values();
    all.find(|interface| interface.has(address.into()) && topology.vpc_of(interface) == Some(vpc))
}

/// Whose a public address is: the VPC, with the private address that it stands for.
fn public_holder(topology: &Topology, address: Ipv4Addr) -> Option<(&str, Ipv4Addr)> {
    let interfaces = topology.interfaces.values().filter_map(|interface| {
        let own = interface.addresses.iter().find(|own| own.public == Some(address))?;
        Some((topology.vpc_of(interface)?, own.private))
    });
    let gateways = topology.nat_gateways.values().filter(|gateway| gateway.public == Some(address));
    let gateways =
        gateways.filter_map(|gateway| Some((topology.vpc_of_subnet(&gateway.subnet)?, gateway.private)));
    interfaces.chain(gateways).next()
}

/// What `ec2-….DOMAIN` leads to, asked in a VPC.
fn public(topology: &Topology, asker: &str, address: Ipv4Addr, domain: &str) -> Option<Ipv4Addr> {
    let (vpc, private) = public_holder(topology, address)?;
    let region = named_region(topology.vpcs.get(vpc)?)?;
    let own = domain == hostnames::public_domain(region);
    let is_near = vpc == asker || are_joined(topology, vpc, asker) || are_peers(topology, vpc, asker);
    own.then_some(if is_near { private } else { address })
}

/// Whether two VPCs are attached to a transit gateway by attachments that support names.
/// AWS: <https://docs.aws.amazon.com/vpc/latest/tgw/create-tgw.html> (DNS support)
fn are_joined(topology: &Topology, one: &str, other: &str) -> bool {
    topology.transit_gateways.values().any(|gateway| {
        let has = |vpc: &str| gateway.attachments.values().any(|found| found.dns && found.vpc == vpc);
        has(one) && has(other)
    })
}

/// Whether an active peering connection lets the names of one VPC be asked for in another as in itself.
/// AWS: <https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-dns.html>
fn are_peers(topology: &Topology, holder: &str, asker: &str) -> bool {
    topology.peerings.values().any(|peering| peering.shares_names(holder, asker))
}

/// The name of an address, asked in a VPC.
fn named(topology: &Topology, vpc: &str, address: Ipv4Addr) -> Option<String> {
    let region = |vpc: &str| named_region(topology.vpcs.get(vpc)?);
    if holder(topology, vpc, address).is_some() {
        let other = topology.vpcs.get(vpc).and_then(|vpc| vpc.reverse.get(&address));
        if let (Some(other), Some(_)) = (other, region(vpc)) {
            return Some(other.clone());
        }
        return Some(hostnames::private(region(vpc)?, address));
    }
    let (vpc, _) = public_holder(topology, address)?;
    Some(hostnames::public(region(vpc)?, address))
}

/// The address of `5.0.0.10`, which is written from its end.
fn reversed(text: &str) -> Option<Ipv4Addr> {
    let mut parts: Vec<&str> = text.split('.').collect();
    parts.reverse();
    parts.join(".").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Found, find};
    use crate::dns::Services;
    use crate::engine::Ranges;
    use crate::sample::{Builder, ip};
    use crate::topology::{TransitAttachment, TransitGateway};

    fn told(b: &Builder, vpc: &str, name: &str) -> Option<String> {
        let services = Services::new(["sqs".to_owned()], Ranges::new("abcdefgh", 0));
        find(&b.topology, &services, vpc, name).map(|found| match found {
            Found::Addresses(all) => all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            Found::Name(name) => name,
        })
    }

    fn world() -> Builder {
        let mut b = Builder::default();
        b.vpc("vpc-1", "10.0.0.0/16").subnet("subnet-1", "vpc-1", "10.0.1.0/24").group("sg-1", "vpc-1");
        b.interface("eni-1", "subnet-1", "10.0.1.4", "sg-1").public("eni-1", "198.18.0.20");
        b.vpc("vpc-2", "10.0.0.0/16").subnet("subnet-2", "vpc-2", "10.0.1.0/24").group("sg-2", "vpc-2");
        b.interface("eni-2", "subnet-2", "10.0.1.5", "sg-2").nat(
            "nat-2",
            "subnet-2",
            "10.0.1.9",
            Some("198.18.0.21"),
        );
        for (vpc, region) in [("vpc-1", "us-east-1"), ("vpc-2", "eu-west-1")] {
            let dns = &mut b.topology.vpcs.get_mut(vpc).unwrap().dns;
            (dns.hostnames, dns.region) = (true, Some(region.into()));
        }
        b
    }

    #[test]
    fn private_names_are_known_in_their_vpc() {
        let mut b = world();
        for (vpc, name, wanted) in [
            ("vpc-1", "ip-10-0-1-4.ec2.internal", Some("10.0.1.4")),
            ("vpc-2", "ip-10-0-1-4.ec2.internal", None),
            ("vpc-2", "ip-10-0-1-5.eu-west-1.compute.internal", Some("10.0.1.5")),
            ("vpc-2", "ip-10-0-1-5.ec2.internal", None),
            ("vpc-1", "ip-10-0-1-5.ec2.internal", None),
            ("vpc-1", "ip-10-0-1-4.example.com", None),
            ("vpc-1", "ec2.internal", Some("")),
            ("vpc-1", "4.1.0.10.in-addr.arpa", Some("ip-10-0-1-4.ec2.internal")),
            ("vpc-2", "4.1.0.10.in-addr.arpa", None),
            ("vpc-1", "1.0.10.in-addr.arpa", None),
            ("vpc-1", "localhost", Some("127.0.0.1 ::1")),
            ("vpc-1", "example.com", None),
            ("vpc-1", "", None),
            ("vpc-9", "localhost", None),
        ] {
            assert_eq!(told(&b, vpc, name).as_deref(), wanted, "{name} in {vpc}");
        }
        b.topology.vpcs.get_mut("vpc-1").unwrap().dns.hostnames = false;
        assert_eq!(told(&b, "vpc-1", "ip-10-0-1-4.ec2.internal"), None);
        assert_eq!(told(&b, "vpc-1", "4.1.0.10.in-addr.arpa"), None);
        assert!(told(&b, "vpc-1", "sqs.us-east-1.amazonaws.com").is_some());
    }

    #[test]
    fn public_names_lead_to_the_private_address_in_their_vpc() {
        let mut b = world();
        let name = "ec2-198-18-0-20.compute-1.amazonaws.com";
        assert_eq!(told(&b, "vpc-1", name).as_deref(), Some("10.0.1.4"));
        assert_eq!(told(&b, "vpc-2", name).as_deref(), Some("198.18.0.20"));
        assert_eq!(told(&b, "vpc-2", "ec2-198-18-0-20.eu-west-1.compute.amazonaws.com"), None);
        assert_eq!(told(&b, "vpc-2", "ec2-198-18-0-99.compute-1.amazonaws.com"), None);
        assert_eq!(told(&b, "vpc-2", "20.0.18.198.in-addr.arpa").as_deref(), Some(name));
        let gateway = "ec2-198-18-0-21.eu-west-1.compute.amazonaws.com";
        assert_eq!(told(&b, "vpc-1", gateway).as_deref(), Some("198.18.0.21"));
        b.topology.vpcs.get_mut("vpc-1").unwrap().dns.hostnames = false;
        assert_eq!(told(&b, "vpc-2", name), None);
    }

    #[test]
    fn transit_gateways_with_dns_support_join_public_names() {
        let mut b = world();
        let name = "ec2-198-18-0-20.compute-1.amazonaws.com";
        for (dns, expected) in [(true, "10.0.1.4"), (false, "198.18.0.20")] {
            let attach =
                |vpc: &str, dns| TransitAttachment { vpc: vpc.into(), dns, ..TransitAttachment::default() };
            let attachments =
                [("tgw-attach-1", attach("vpc-1", true)), ("tgw-attach-2", attach("vpc-2", dns))];
            let attachments = attachments.map(|(id, attachment)| (id.to_owned(), attachment)).into();
            let gateway = TransitGateway { attachments, ..TransitGateway::default() };
            b.topology.transit_gateways.insert("tgw-1".into(), gateway);
            assert_eq!(told(&b, "vpc-2", name).as_deref(), Some(expected), "{dns}");
        }
    }

    #[test]
    fn peering_connections_join_public_names_of_the_side_that_lets_them() {
        let mut b = world();
        let name = "ec2-198-18-0-20.compute-1.amazonaws.com";
        for (requester_names, accepter_names, expected) in
            [(false, false, "198.18.0.20"), (true, false, "198.18.0.20"), (false, true, "10.0.1.4")]
        {
            // The name's holder is the accepter.
            b.peering("pcx-1", "vpc-2", "vpc-1");
            let peering = b.topology.peerings.get_mut("pcx-1").unwrap();
            (peering.requester_names, peering.accepter_names) = (requester_names, accepter_names);
            assert_eq!(
                told(&b, "vpc-2", name).as_deref(),
                Some(expected),
                "{requester_names} {accepter_names}"
            );
        }
    }

    #[test]
    fn names_of_a_vpc_alone_go_first() {
        let mut b = world();
        let names = &mut b.topology.vpcs.get_mut("vpc-1").unwrap().names;
        names.insert("sqs.us-east-1.amazonaws.com".into(), vec![ip("10.0.1.7"), ip("10.0.1.8")]);
        names.insert("*.s3.us-east-1.amazonaws.com".into(), vec![ip("10.0.1.9")]);
        let sqs = "sqs.us-east-1.amazonaws.com";
        assert_eq!(told(&b, "vpc-1", sqs).as_deref(), Some("10.0.1.7 10.0.1.8"));
        assert_eq!(told(&b, "vpc-2", sqs).as_deref(), Some("198.18.0.3"));
        assert_eq!(told(&b, "vpc-1", "a.b.s3.us-east-1.amazonaws.com").as_deref(), Some("10.0.1.9"));
        assert_eq!(told(&b, "vpc-1", "s3.us-east-1.amazonaws.com").as_deref(), Some("198.18.0.4"));
        assert_eq!(told(&b, "vpc-1", "sqs.eu-west-1.amazonaws.com").as_deref(), Some("198.18.0.3"));
    }
}
