//! Names: what a VPC's resolver does, and what an interface learns of it.
//!
//! Invariant: an interface learns by DHCP what the options of its VPC say, and nothing else.

use super::{DNS_V6, Interface, Topology};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use yakumo_aws::{Region, hostnames};

/// How many name servers an interface uses: what resolvers take (`resolv.conf(5)`).
const SERVERS_MAX: usize = 3;

/// What a VPC's resolver does.
/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-dns.html>
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Dns {
    /// `enableDnsSupport`: whether the resolver answers.
    pub support: bool,
    /// `enableDnsHostnames`: whether interfaces with public addresses have public names.
    pub hostnames: bool,
    /// The domain name of the DHCP options; `None` is the region's own.
    pub domain: Option<String>,
    /// The VPC's region, which is in the names; `None` gives no names.
    pub region: Option<String>,
    /// The name servers that interfaces learn.
    pub servers: Vec<NameServer>,
}

impl Default for Dns {
    fn default() -> Dns {
        let servers = vec![NameServer::Amazon];
        Dns { support: true, hostnames: false, domain: None, region: None, servers }
    }
}

/// A name server of DHCP options.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NameServer {
    /// `AmazonProvidedDNS`: the VPC's resolver.
    Amazon,
    /// One of the customer's.
    At(IpAddr),
}

impl Dns {
    /// The domain that an interface completes short names with.
    pub fn search(&self) -> Option<String> {
        let region = || self.region.as_deref().and_then(Region::parse).map(hostnames::private_domain);
        self.domain.clone().or_else(region)
    }
}

impl Topology {
    /// What an interface's `/etc/resolv.conf` says, as a DHCP client writes it. `None` when there is no such interface.
    pub fn resolv_conf(&self, interface: &str) -> Option<String> {
        let interface = self.interfaces.get(interface)?;
        let vpc = self.vpcs.get(self.vpc_of(interface)?)?;
        let mut text = String::new();
        // Nobody who has no server completes names.
        if let Some(search) = vpc.dns.search().filter(|_| !vpc.dns.servers.is_empty()) {
            text.push_str(&format!("search {search}\n"));
        }
        let amazon = if has_ipv4(interface) { vpc.resolver() } else { Some(DNS_V6.into()) };
        let servers = vpc.dns.servers.iter().filter_map(|server| match server {
            NameServer::Amazon => amazon,
            NameServer::At(address) => Some(*address),
        });
        servers.take(SERVERS_MAX).for_each(|server| text.push_str(&format!("nameserver {server}\n")));
        Some(text)
    }
}

fn has_ipv4(interface: &Interface) -> bool {
    !interface.addresses.is_empty()
}

#[cfg(test)]
mod tests {
    use crate::sample::Builder;
    use crate::topology::NameServer;

    #[test]
    fn an_interface_learns_what_the_options_say() {
        let mut b = Builder::default();
        b.vpc("vpc-1", "10.0.0.0/16").subnet("subnet-1", "vpc-1", "10.0.1.0/24").group("sg-1", "vpc-1");
        b.interface("eni-1", "subnet-1", "10.0.1.4", "sg-1");
        let told = |b: &Builder| b.topology.resolv_conf("eni-1").unwrap();
        assert_eq!(told(&b), "nameserver 10.0.0.2\n");
        b.topology.vpcs.get_mut("vpc-1").unwrap().dns.region = Some("us-east-1".into());
        assert_eq!(told(&b), "search ec2.internal\nnameserver 10.0.0.2\n");
        let dns = &mut b.topology.vpcs.get_mut("vpc-1").unwrap().dns;
        dns.domain = Some("example.com".into());
        dns.servers = vec![NameServer::At("10.0.9.9".parse().unwrap()), NameServer::Amazon];
        assert_eq!(told(&b), "search example.com\nnameserver 10.0.9.9\nnameserver 10.0.0.2\n");
        let interface = b.topology.interfaces.get_mut("eni-1").unwrap();
        interface.addresses.clear();
        interface.ipv6.push("fd00::4".parse().unwrap());
        assert!(told(&b).ends_with("nameserver fd00:ec2::253\n"));
        b.topology.vpcs.get_mut("vpc-1").unwrap().dns.servers.clear();
        assert_eq!(told(&b), "");
        assert_eq!(b.topology.resolv_conf("eni-9"), None);
    }
}
