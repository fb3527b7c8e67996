//! Route tables, rules and blocks in the words of the network engine. Pure.

use crate::cidr::Cidr;
use crate::dhcp_options::{AMAZON_DNS, DhcpOptions, domain_of};
use crate::network_acls::{Entry, NetworkAcl};
use crate::route_tables::{Route, RouteTable, Target};
use crate::security_groups::{Peer, Rule, SecurityGroup, Traffic};
use yakumo_net::topology::{self, Destination, NameServer, Ports};

/// A block.
pub(super) fn cidr(block: &Cidr) -> Option<yakumo_net::Cidr> {
    yakumo_net::Cidr::around(block.first(), block.prefix())
}

/// The domain of names when it is not the region's own.
pub(super) fn domain(options: Option<&DhcpOptions>) -> Option<String> {
    let options = options?;
    let name = options.values("domain-name")?.first()?;
    (*name != domain_of(options.home.region)).then(|| name.clone())
}

/// The name servers that interfaces learn. Without options they learn none.
pub(super) fn name_servers(options: Option<&DhcpOptions>) -> Vec<NameServer> {
    let values = options.and_then(|options| options.values("domain-name-servers")).unwrap_or_default();
    let server = |value: &String| match value.as_str() {
        AMAZON_DNS => Some(NameServer::Amazon),
        address => address.parse().ok().map(NameServer::At),
    };
    values.iter().filter_map(server).collect()
}

/// A route table without the local routes, which are implied.
pub(super) fn route_table(table: &RouteTable) -> topology::RouteTable {
    topology::RouteTable { vpc: table.vpc.clone(), routes: table.routes.iter().filter_map(route).collect() }
}

fn route(route: &Route) -> Option<topology::Route> {
    let destination = match Cidr::parse(&route.destination) {
        Some(block) => Destination::Cidr(cidr(&block)?),
        None => Destination::PrefixList(route.destination.clone()),
    };
    let target = match &route.target {
        Target::Gateway(id) => topology::Target::InternetGateway(id.clone()),
        Target::EgressOnly(id) => topology::Target::EgressOnlyGateway(id.clone()),
        Target::Nat(id) => topology::Target::NatGateway(id.clone()),
        Target::Interface(id) => topology::Target::Interface(id.clone()),
        Target::Peering(id) => topology::Target::Peering(id.clone()),
        Target::Transit(id) => topology::Target::TransitGateway(id.clone()),
        Target::Endpoint(id) => topology::Target::GatewayEndpoint(id.clone()),
    };
    Some(topology::Route { destination, target })
}

/// A network ACL without its last entries, which deny.
pub(super) fn acl(acl: &NetworkAcl) -> topology::Acl {
    let of = |egress: bool| acl.entries.iter().filter(move |entry| entry.egress == egress).filter_map(entry);
    topology::Acl { ingress: of(false).collect(), egress: of(true).collect() }
}

fn entry(entry: &Entry) -> Option<topology::AclEntry> {
    let any = |number: i16| u8::try_from(number).ok();
    let (kind, code) = entry.icmp.map_or((None, None), |(kind, code)| (any(kind), any(code)));
    let ports = entry.ports.map_or(Ports::ALL, |(from, to)| Ports { from, to });
    let traffic = match entry.protocol {
        6 => topology::Traffic::Tcp(ports),
        17 => topology::Traffic::Udp(ports),
        1 => topology::Traffic::Icmp { kind, code },
        58 => topology::Traffic::Icmpv6 { kind, code },
        number => u8::try_from(number).map_or(topology::Traffic::All, topology::Traffic::Protocol),
    };
    Some(topology::AclEntry { number: entry.number, allow: entry.allow, traffic, cidr: cidr(&entry.cidr)? })
}

/// A security group.
pub(super) fn group(group: &SecurityGroup) -> topology::Group {
    let of = |egress: bool| group.rules.iter().filter(move |rule| rule.egress == egress).filter_map(rule);
    topology::Group { vpc: group.vpc.clone(), ingress: of(false).collect(), egress: of(true).collect() }
}

fn rule(rule: &Rule) -> Option<topology::GroupRule> {
    let peer = match &rule.peer {
        Peer::Cidr(block) => topology::Peer::Cidr(cidr(block)?),
        Peer::PrefixList(id) => topology::Peer::PrefixList(id.clone()),
        Peer::Group { id, .. } => topology::Peer::Group(id.clone()),
    };
    Some(topology::GroupRule { id: rule.id.clone(), traffic: traffic(&rule.traffic)?, peer })
}

fn traffic(traffic: &Traffic) -> Option<topology::Traffic> {
    let port =
        |port: Option<i32>, otherwise: u16| port.map_or(Some(otherwise), |port| u16::try_from(port).ok());
    // Of ICMP the same fields are type and code, where -1 is any: only these two protocols have ports.
    let ports = || Some(Ports { from: port(traffic.from, 0)?, to: port(traffic.to, u16::MAX)? });
    let any = |number: Option<i32>| number.and_then(|number| u8::try_from(number).ok());
    let (kind, code) = (any(traffic.from), any(traffic.to));
    Some(match traffic.protocol.as_str() {
        "-1" => topology::Traffic::All,
        "tcp" => topology::Traffic::Tcp(ports()?),
        "udp" => topology::Traffic::Udp(ports()?),
        "icmp" => topology::Traffic::Icmp { kind, code },
        "icmpv6" => topology::Traffic::Icmpv6 { kind, code },
        number => topology::Traffic::Protocol(number.parse().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::{entry, traffic};
    use crate::cidr::Cidr;
    use crate::network_acls::Entry;
    use crate::security_groups::Traffic;
    use yakumo_net::topology::{self, Ports};

    #[test]
    fn traffic_is_said_in_the_engines_words() {
        let said = |protocol: &str, from, to| {
            traffic(&Traffic { protocol: protocol.into(), from, to }).expect("a rule that was accepted")
        };
        let icmp = |kind, code| topology::Traffic::Icmp { kind, code };
        assert_eq!(said("tcp", Some(22), Some(23)), topology::Traffic::Tcp(Ports { from: 22, to: 23 }));
        assert_eq!(said("udp", Some(0), Some(65_535)), topology::Traffic::Udp(Ports::ALL));
        assert_eq!(said("-1", None, None), topology::Traffic::All);
        assert_eq!(said("icmp", Some(8), Some(-1)), icmp(Some(8), None));
        assert_eq!(said("icmp", Some(-1), Some(-1)), icmp(None, None));
        assert_eq!(said("50", None, None), topology::Traffic::Protocol(50));
    }

    #[test]
    fn entries_of_acls_are_said_too() {
        let said = |protocol, ports, icmp| {
            let cidr = Cidr::parse("10.0.0.0/8").expect("a block");
            let written = Entry { number: 1, egress: true, allow: false, protocol, cidr, ports, icmp };
            entry(&written).expect("an entry that was accepted").traffic
        };
        assert_eq!(said(-1, None, None), topology::Traffic::All);
        assert_eq!(said(6, Some((80, 81)), None), topology::Traffic::Tcp(Ports { from: 80, to: 81 }));
        let echo = topology::Traffic::Icmpv6 { kind: Some(128), code: None };
        assert_eq!(said(58, None, Some((128, -1))), echo);
        assert_eq!(said(47, None, None), topology::Traffic::Protocol(47));
    }
}
