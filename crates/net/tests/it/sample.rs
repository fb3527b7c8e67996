//! Topologies for tests, made step by step. What a step names must be there.
//!
//! Invariant: only tests use it, so it panics where an id is not there.

use std::net::IpAddr;
use yakumo_net::Cidr;
use yakumo_net::topology::{
    Acl, AclEntry, Destination, Group, GroupRule, Id, Interface, NatGateway, Peer, Peering, PrivateAddress,
    Route, RouteTable, Subnet, Target, Topology, Traffic, TransitAttachment, TransitRoute, Vpc,
};

/// An address in a test.
pub fn ip(text: &str) -> IpAddr {
    text.parse().expect("a test's address")
}

/// A block in a test.
pub fn cidr(text: &str) -> Cidr {
    text.parse().expect("a test's block")
}

/// Builds a topology.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    /// What is built so far.
    pub topology: Topology,
    rules: u32,
}

impl Builder {
    /// A VPC with its main route table `rtb-VPC` and its default ACL `acl-VPC`, which allows everything.
    pub fn vpc(&mut self, id: &str, block: &str) -> &mut Builder {
        self.topology.vpcs.insert(id.into(), Vpc { cidrs: vec![cidr(block)], ..Vpc::default() });
        self.topology.route_tables.insert(format!("rtb-{id}"), RouteTable { vpc: id.into(), routes: vec![] });
        self.acl(&format!("acl-{id}"))
    }

    /// One more block of a VPC.
    pub fn block(&mut self, vpc: &str, block: &str) -> &mut Builder {
        self.topology.vpcs.get_mut(vpc).expect("a vpc").cidrs.push(cidr(block));
        self
    }

    /// An attached internet gateway.
    pub fn gateway(&mut self, vpc: &str, id: &str) -> &mut Builder {
        self.topology.vpcs.get_mut(vpc).expect("a vpc").internet_gateway = Some(id.into());
        self
    }

    /// A subnet with the VPC's main table and default ACL.
    pub fn subnet(&mut self, id: &str, vpc: &str, block: &str) -> &mut Builder {
        let (route_table, acl) = (format!("rtb-{vpc}"), format!("acl-{vpc}"));
        let subnet =
            Subnet { vpc: vpc.into(), cidrs: vec![cidr(block)], route_table, acl, zone: String::new() };
        self.topology.subnets.insert(id.into(), subnet);
        self
    }

    /// A route in the table of a subnet.
    pub fn route(&mut self, subnet: &str, to: &str, target: Target) -> &mut Builder {
        let table = self.topology.subnets[subnet].route_table.clone();
        let routes = &mut self.topology.route_tables.get_mut(&table).expect("a table").routes;
        routes.retain(|route| route.destination != Destination::Cidr(cidr(to)));
        routes.push(Route { destination: Destination::Cidr(cidr(to)), target });
        self
    }

    /// An empty route table of its own for a subnet.
    pub fn own_table(&mut self, subnet: &str, id: &str) -> &mut Builder {
        let found = self.topology.subnets.get_mut(subnet).expect("a subnet");
        found.route_table = id.into();
        let vpc = found.vpc.clone();
        self.topology.route_tables.insert(id.into(), RouteTable { vpc, routes: vec![] });
        self
    }

    /// An ACL that allows everything with its entries 100.
    pub fn acl(&mut self, id: &str) -> &mut Builder {
        let open = || {
            let entry = |cidr| AclEntry { number: 100, allow: true, traffic: Traffic::All, cidr };
            vec![entry(Cidr::ALL_V4), AclEntry { number: 101, ..entry(Cidr::ALL_V6) }]
        };
        self.topology.acls.insert(id.into(), Acl { ingress: open(), egress: open() });
        self
    }

    /// An ACL of its own, which allows everything, for a subnet.
    pub fn own_acl(&mut self, subnet: &str, id: &str) -> &mut Builder {
        self.topology.subnets.get_mut(subnet).expect("a subnet").acl = id.into();
        self.acl(id)
    }

    /// An entry of an ACL.
    pub fn acl_entry(
        &mut self,
        acl: &str,
        egress: bool,
        number: u16,
        allow: bool,
        traffic: Traffic,
        block: &str,
    ) -> &mut Builder {
        let acl = self.topology.acls.get_mut(acl).expect("an acl");
        let entries = if egress { &mut acl.egress } else { &mut acl.ingress };
        entries.retain(|entry| entry.number != number);
        entries.push(AclEntry { number, allow, traffic, cidr: cidr(block) });
        self
    }

    /// A security group that lets everything out and nothing in.
    pub fn group(&mut self, id: &str, vpc: &str) -> &mut Builder {
        let egress = [Cidr::ALL_V4, Cidr::ALL_V6].map(|cidr| self.rule(Traffic::All, Peer::Cidr(cidr)));
        self.topology
            .groups
            .insert(id.into(), Group { vpc: vpc.into(), ingress: vec![], egress: egress.into() });
        self
    }

    fn rule(&mut self, traffic: Traffic, peer: Peer) -> GroupRule {
        self.rules += 1;
        GroupRule { id: format!("sgr-{:04x}", self.rules), traffic, peer }
    }

    /// Lets traffic in from a block.
    pub fn allow_cidr(&mut self, group: &str, traffic: Traffic, block: &str) -> &mut Builder {
        self.allow(group, traffic, Peer::Cidr(cidr(block)))
    }

    /// Lets traffic in from a group.
    pub fn allow_group(&mut self, group: &str, traffic: Traffic, peer: &str) -> &mut Builder {
        self.allow(group, traffic, Peer::Group(peer.into()))
    }

    /// Lets traffic in.
    pub fn allow(&mut self, group: &str, traffic: Traffic, peer: Peer) -> &mut Builder {
        let rule = self.rule(traffic, peer);
        self.topology.groups.get_mut(group).expect("a group").ingress.push(rule);
        self
    }

    /// A live interface with one address and one group.
    pub fn interface(&mut self, id: &str, subnet: &str, address: &str, group: &str) -> &mut Builder {
        let private = address.parse().expect("a test's address");
        let interface = Interface {
            subnet: subnet.into(),
            addresses: vec![PrivateAddress { private, public: None }],
            ipv6: vec![],
            groups: [Id::from(group)].into(),
            source_dest_check: true,
            mac: None,
            live: true,
        };
        self.topology.interfaces.insert(id.into(), interface);
        self
    }

    /// A public address for the primary address of an interface.
    pub fn public(&mut self, interface: &str, address: &str) -> &mut Builder {
        let interface = self.topology.interfaces.get_mut(interface).expect("an interface");
        interface.addresses.first_mut().expect("an address").public =
            Some(address.parse().expect("a test's address"));
        self
    }

    /// A NAT gateway.
    pub fn nat(&mut self, id: &str, subnet: &str, private: &str, public: Option<&str>) -> &mut Builder {
        let gateway = NatGateway {
            subnet: subnet.into(),
            interface: format!("eni-{id}"),
            private: private.parse().expect("a test's address"),
            public: public.map(|public| public.parse().expect("a test's address")),
        };
        self.topology.nat_gateways.insert(id.into(), gateway);
        self
    }

    /// The zone of a subnet.
    pub fn zone(&mut self, subnet: &str, zone: &str) -> &mut Builder {
        self.topology.subnets.get_mut(subnet).expect("a subnet").zone = zone.into();
        self
    }

    /// An attachment `tgw-attach-VPC` by some subnets, each of which is in its zone already, with the gateway's table `tgw-rtb-1`.
    pub fn attach(&mut self, gateway: &str, vpc: &str, subnets: &[&str]) -> &mut Builder {
        let zoned = |id: &&str| (self.topology.subnets[*id].zone.clone(), Id::from(*id));
        let attachment = TransitAttachment {
            vpc: vpc.into(),
            subnets: subnets.iter().map(zoned).collect(),
            route_table: Some("tgw-rtb-1".into()),
            ..TransitAttachment::default()
        };
        let gateway = self.topology.transit_gateways.entry(gateway.into()).or_default();
        gateway.route_tables.entry("tgw-rtb-1".into()).or_default();
        gateway.attachments.insert(format!("tgw-attach-{vpc}"), attachment);
        self
    }

    /// A route of a transit gateway's table `tgw-rtb-1` to the attachment of a VPC.
    pub fn transit_route(&mut self, gateway: &str, to: &str, vpc: &str) -> &mut Builder {
        let route =
            TransitRoute { cidr: cidr(to), attachment: Some(format!("tgw-attach-{vpc}")), propagated: false };
        let gateway = self.topology.transit_gateways.get_mut(gateway).expect("a gateway");
        gateway.route_tables.get_mut("tgw-rtb-1").expect("a table").routes.push(route);
        self
    }

    /// An active peering connection.
    pub fn peering(&mut self, id: &str, requester: &str, accepter: &str) -> &mut Builder {
        let peering =
            Peering { requester: requester.into(), accepter: accepter.into(), ..Peering::default() };
        self.topology.peerings.insert(id.into(), peering);
        self
    }
}
