//! What a VPC's router serves itself: name resolution, instance metadata, time.
//!
//! Invariant: only interfaces of the VPC reach these, by an address of their own; no security group and no network ACL
//! is asked. Every other packet to the router is dropped.
//! AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html>,
//! <https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html>

use super::Vpc;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Instance metadata in IPv4; TCP port 80.
pub const METADATA_V4: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
/// Instance metadata in IPv6.
pub const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
/// The resolver in IPv4, besides the address after next of the VPC's primary block; UDP and TCP port 53.
pub const DNS_V4: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 253);
/// The resolver in IPv6.
pub const DNS_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x253);
/// Time in IPv4; UDP port 123.
pub const TIME_V4: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 123);
/// Time in IPv6.
pub const TIME_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x123);

/// A service of a VPC's router.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Service {
    /// Instance metadata.
    Metadata,
    /// Name resolution.
    Dns,
    /// Time.
    Time,
}

impl Service {
    /// As people call it.
    pub fn name(self) -> &'static str {
        match self {
            Service::Metadata => "instance metadata",
            Service::Dns => "the VPC's resolver",
            Service::Time => "the time service",
        }
    }

    /// Its port.
    pub fn port(self) -> u16 {
        match self {
            Service::Metadata => 80,
            Service::Dns => 53,
            Service::Time => 123,
        }
    }

    /// Whether it is asked by TCP.
    pub fn tcp(self) -> bool {
        matches!(self, Service::Metadata | Service::Dns)
    }

    /// Whether it is asked by UDP.
    pub fn udp(self) -> bool {
        matches!(self, Service::Dns | Service::Time)
    }
}

impl Vpc {
    /// The addresses of its router's services.
    pub fn services(&self) -> Vec<(Service, IpAddr)> {
        let mut all = vec![
            (Service::Metadata, METADATA_V4.into()),
            (Service::Metadata, METADATA_V6.into()),
            (Service::Dns, DNS_V4.into()),
            (Service::Dns, DNS_V6.into()),
            (Service::Time, TIME_V4.into()),
            (Service::Time, TIME_V6.into()),
        ];
        all.extend(self.resolver().map(|address| (Service::Dns, address)));
        all
    }

    /// Its resolver's own address: two after the base of its primary block.
    pub fn resolver(&self) -> Option<IpAddr> {
        self.cidrs.iter().find(|cidr| cidr.is_ipv4()).and_then(|cidr| cidr.nth(2))
    }

    /// Whether a service answers at all: `enableDnsSupport` switches the resolver off.
    pub fn serves(&self, service: Service) -> bool {
        service != Service::Dns || self.dns.support
    }
}

#[cfg(test)]
mod tests {
    use super::Service;
    use crate::topology::Vpc;

    #[test]
    fn the_resolver_is_the_second_address_after_the_base() {
        let mut vpc = Vpc { cidrs: vec!["10.1.0.0/16".parse().unwrap()], ..Vpc::default() };
        vpc.cidrs.push("10.9.0.0/16".parse().unwrap());
        let dns = |vpc: &Vpc| -> Vec<String> {
            let all = vpc.services().into_iter().filter(|(service, _)| *service == Service::Dns);
            all.map(|(_, address)| address.to_string()).collect()
        };
        assert_eq!(dns(&vpc), ["169.254.169.253", "fd00:ec2::253", "10.1.0.2"]);
        assert!(vpc.serves(Service::Dns));
        vpc.dns.support = false;
        assert!(!vpc.serves(Service::Dns) && vpc.serves(Service::Metadata));
    }
}
