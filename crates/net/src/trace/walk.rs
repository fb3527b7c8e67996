//! The way of a packet, from whoever sends it to where it ends.

use super::filter::{self, Direction};
use super::{Chosen, End, Flow, Hop, Packet, Step, choose};
use crate::Topology;
use crate::topology::{ENDPOINT_PORT, GATEWAY_PORTS, Id, Interface, NatGateway, Subnet, Target};
use std::net::IpAddr;

/// Where it came to an end, with the packet as it was there; or it was stopped, and the last hop says why.
pub type Outcome = Result<(End, Packet), Stop>;

/// The packet was dropped.
#[derive(Debug)]
pub struct Stop;

/// Decisions on one way; more mean a loop.
const HOPS_MAX: usize = 200;

/// What has an address in a subnet.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    id: &'a str,
    subnet_id: &'a str,
    subnet: &'a Subnet,
    kind: Kind<'a>,
}

#[derive(Clone, Copy)]
enum Kind<'a> {
    Interface(&'a Interface),
    Nat(&'a NatGateway),
}

impl<'a> Node<'a> {
    /// An interface's.
    pub fn interface(topology: &'a Topology, id: &str) -> Option<Node<'a>> {
        let (id, interface) = topology.interfaces.get_key_value(id)?;
        let (subnet_id, subnet) = topology.subnets.get_key_value(&interface.subnet)?;
        Some(Node { id, subnet_id, subnet, kind: Kind::Interface(interface) })
    }

    fn has(&self, address: IpAddr) -> bool {
        match self.kind {
            Kind::Interface(interface) => interface.has(address),
            Kind::Nat(gateway) => IpAddr::V4(gateway.private) == address,
        }
    }

    fn nat(topology: &'a Topology, id: &str) -> Option<Node<'a>> {
        let (id, gateway) = topology.nat_gateways.get_key_value(id)?;
        let (subnet_id, subnet) = topology.subnets.get_key_value(&gateway.subnet)?;
        Some(Node { id, subnet_id, subnet, kind: Kind::Nat(gateway) })
    }
}

/// Where a route leads next.
enum Next<'a> {
    Node(Node<'a>),
    Internet(&'a str),
    Vpc(&'a str, &'a str),
    Transit(&'a str),
    Endpoint(Id),
}

/// A walk through a topology.
pub struct Walk<'a> {
    topology: &'a Topology,
    /// Each decision so far.
    pub hops: Vec<Hop>,
    answer: bool,
    /// What NAT gateways translated on the way there: gateway, and the source as it was.
    translated: Vec<(&'a str, IpAddr)>,
}

impl<'a> Walk<'a> {
    /// A walk that has not begun.
    pub fn new(topology: &'a Topology) -> Walk<'a> {
        Walk { topology, hops: Vec::new(), answer: false, translated: Vec::new() }
    }

    /// Begins the way back from where the way there ended. `None` where nobody answers.
    pub fn turn(&mut self, end: &End, reply: Packet) -> Option<Outcome> {
        self.answer = true;
        match end {
            End::Interface(id) => {
                let node = Node::interface(self.topology, id)?;
                let Kind::Interface(interface) = node.kind else { return None };
                // An interface that forwards for others has its own mind about what it does with the packet.
                interface.has(reply.source).then(|| self.leave(node, reply))
            }
            End::Internet => Some(self.internet(reply, "the Internet")),
            End::Router(vpc) => Some(self.served(vpc, reply)),
            End::Endpoint(id) => {
                let vpc = &self.topology.endpoints.get(id)?.vpc;
                Some(self.enter(id, vpc, reply))
            }
            End::Dropped => None,
        }
    }

    /// A packet leaves an interface or a NAT gateway.
    pub fn leave(&mut self, from: Node<'a>, packet: Packet) -> Outcome {
        if let Kind::Interface(interface) = from.kind
            && interface.source_dest_check
        {
            let own = interface.has(packet.source);
            let why = if own {
                format!("{} is its own address", packet.source)
            } else {
                format!("{} is not its own address, and its source/destination check is on", packet.source)
            };
            self.hop(from.id, Step::SourceCheck, (own, why))?;
        }
        if let Some(outcome) = self.serve(from, packet) {
            return outcome;
        }
        self.groups(from, Direction::Egress, &packet)?;
        let next = self.route(from, &packet)?;
        let inside = matches!(&next, Next::Node(to) if to.subnet_id == from.subnet_id);
        if !inside {
            self.acl(from.subnet, Direction::Egress, &packet)?;
        }
        match next {
            Next::Node(to) => self.arrive(Some(from.subnet_id), to, packet),
            Next::Internet(gateway) => self.out(&from.subnet.vpc, gateway, packet),
            Next::Vpc(through, vpc) => self.enter(through, vpc, packet),
            Next::Transit(gateway) => self.transit(gateway, &from.subnet.vpc, packet),
            Next::Endpoint(id) => {
                if !matches!(packet.flow, Flow::Tcp { to, .. } if GATEWAY_PORTS.contains(&to)) {
                    let why = format!("the service does not answer {}", packet.flow);
                    return self.stop(&id, Step::Arrival, why);
                }
                self.hop(&id, Step::Arrival, (true, format!("{packet} reaches the service")))?;
                Ok((End::Endpoint(id), packet))
            }
        }
    }

    /// A packet to an address of the VPC's router, which no route, group or ACL is asked about. `None` when it is to
    /// somebody else.
    fn serve(&mut self, from: Node<'a>, packet: Packet) -> Option<Outcome> {
        let (id, vpc) = self.topology.vpcs.get_key_value(&from.subnet.vpc)?;
        let (service, _) = vpc.services().into_iter().find(|(_, own)| *own == packet.destination)?;
        let asked = match packet.flow {
            Flow::Tcp { to, .. } => service.tcp() && to == service.port(),
            Flow::Udp { to, .. } => service.udp() && to == service.port(),
            Flow::Icmp { .. } | Flow::Protocol(_) => false,
        };
        let decision = if !from.has(packet.source) {
            (false, format!("{} is not its own address: the router serves nobody else", packet.source))
        } else if !vpc.serves(service) {
            (false, "enableDnsSupport is off".to_owned())
        } else if asked {
            (true, format!("{packet} reaches {}, whatever groups and ACLs say", service.name()))
        } else {
            (false, format!("{} does not answer {}", service.name(), packet.flow))
        };
        let passed = self.hop(id, Step::Arrival, decision);
        Some(passed.map(|()| (End::Router(id.clone()), packet)))
    }

    /// The answer of a router's service.
    fn served(&mut self, vpc: &str, reply: Packet) -> Outcome {
        let Some(to) = self.holder(vpc, reply.destination) else {
            return self.stop(vpc, Step::Entry, format!("{} is not in {vpc}", reply.destination));
        };
        self.hop(to.id, Step::Arrival, (true, format!("{reply} arrives")))?;
        Ok((End::Interface(to.id.to_owned()), reply))
    }

    fn route(&mut self, from: Node<'a>, packet: &Packet) -> Result<Next<'a>, Stop> {
        let id = &from.subnet.route_table;
        let chosen = self
            .topology
            .route_tables
            .get(id)
            .and_then(|table| choose(self.topology, table, packet.destination));
        let Some(Chosen { cidr, target, active }) = chosen else {
            return self.stop(id, Step::Route, format!("no route leads to {}", packet.destination));
        };
        if !active {
            return self.stop(id, Step::Route, format!("{cidr} leads to {}: a blackhole", target.id()));
        }
        let Some(next) = self.next(&from.subnet.vpc, &target, packet) else {
            let why = format!("{cidr} leads to {}, where nothing takes {}", target.id(), packet.destination);
            return self.stop(id, Step::Route, why);
        };
        self.hop(id, Step::Route, (true, format!("{cidr} leads to {}", target.id())))?;
        Ok(next)
    }

    fn next(&self, vpc: &'a str, target: &Target, packet: &Packet) -> Option<Next<'a>> {
        let topology = self.topology;
        match target {
            Target::Local => self.holder(vpc, packet.destination).map(Next::Node),
            Target::InternetGateway(_) => {
                topology.vpcs.get(vpc)?.internet_gateway.as_deref().map(Next::Internet)
            }
            Target::EgressOnlyGateway(id) => {
                let gateway = topology.vpcs.get(vpc)?.egress_only_gateways.get(id)?;
                (!packet.destination.is_ipv4()).then_some(Next::Internet(gateway))
            }
            Target::NatGateway(id) => {
                Node::nat(topology, id).filter(|_| packet.destination.is_ipv4()).map(Next::Node)
            }
            Target::Peering(id) => {
                let (id, peering) = topology.peerings.get_key_value(id)?;
                Some(Next::Vpc(id, peering.other(vpc)?))
            }
            Target::TransitGateway(id) => {
                topology.transit_gateways.get_key_value(id).map(|(id, _)| Next::Transit(id))
            }
            Target::Interface(id) => Node::interface(topology, id).map(Next::Node),
            Target::GatewayEndpoint(id) => {
                topology.endpoints.contains_key(id).then(|| Next::Endpoint(id.clone()))
            }
            Target::Blackhole => None,
        }
    }

    /// Who has an address in a VPC.
    fn holder(&self, vpc: &str, address: IpAddr) -> Option<Node<'a>> {
        let topology = self.topology;
        let here = |subnet: &str| topology.vpc_of_subnet(subnet) == Some(vpc);
        let interface = topology.interfaces.iter().find(|(_, one)| one.has(address) && here(&one.subnet));
        if let Some((id, _)) = interface {
            return Node::interface(topology, id);
        }
        let nat = topology
            .nat_gateways
            .iter()
            .find(|(_, one)| IpAddr::V4(one.private) == address && here(&one.subnet));
        nat.and_then(|(id, _)| Node::nat(topology, id))
    }

    /// A packet reaches a subnet, and in it an interface or a NAT gateway.
    fn arrive(&mut self, from: Option<&str>, to: Node<'a>, packet: Packet) -> Outcome {
        if from != Some(to.subnet_id) {
            self.acl(to.subnet, Direction::Ingress, &packet)?;
        }
        match to.kind {
            Kind::Interface(interface) => self.arrive_at_interface(to, interface, packet),
            Kind::Nat(gateway) => self.arrive_at_nat(to, gateway, packet),
        }
    }

    fn arrive_at_interface(&mut self, to: Node<'a>, interface: &Interface, packet: Packet) -> Outcome {
        if !interface.has(packet.destination) {
            let why = format!("{} is not its own address", packet.destination);
            self.hop(to.id, Step::DestinationCheck, (!interface.source_dest_check, why))?;
        }
        self.groups(to, Direction::Ingress, &packet)?;
        let is_managed = !self.answer && self.topology.endpoint_of(to.id).is_some();
        if is_managed && !matches!(packet.flow, Flow::Tcp { to: ENDPOINT_PORT, .. }) {
            let why = format!("an endpoint does not answer {}", packet.flow);
            return self.stop(to.id, Step::Arrival, why);
        }
        let live = if interface.live { "" } else { " (nothing runs there)" };
        self.hop(to.id, Step::Arrival, (true, format!("{packet} arrives{live}")))?;
        Ok((End::Interface(to.id.to_owned()), packet))
    }

    fn arrive_at_nat(&mut self, to: Node<'a>, gateway: &NatGateway, mut packet: Packet) -> Outcome {
        if packet.destination == IpAddr::V4(gateway.private) {
            let before = self.translated.iter().find(|(id, _)| *id == to.id).filter(|_| self.answer);
            let Some((_, before)) = before.copied() else {
                return self.stop(to.id, Step::Arrival, "it forwards, and answers nobody".to_owned());
            };
            self.hop(
                to.id,
                Step::Translation,
                (true, format!("{} becomes {before} again", packet.destination)),
            )?;
            packet.destination = before;
            return self.leave(to, packet);
        }
        if self.answer {
            return self.stop(
                to.id,
                Step::Translation,
                "an answer of no connection that it knows".to_owned(),
            );
        }
        self.hop(to.id, Step::Translation, (true, format!("{} becomes {}", packet.source, gateway.private)))?;
        self.translated.push((to.id, packet.source));
        packet.source = IpAddr::V4(gateway.private);
        self.leave(to, packet)
    }

    /// A packet leaves a VPC through its internet gateway or egress-only gateway.
    fn out(&mut self, vpc: &str, gateway: &str, mut packet: Packet) -> Outcome {
        if packet.source.is_ipv4() {
            let Some(public) = self.public_of(vpc, packet.source) else {
                let why = format!("{} has no public address", packet.source);
                return self.stop(gateway, Step::Translation, why);
            };
            self.hop(gateway, Step::Translation, (true, format!("{} becomes {public}", packet.source)))?;
            packet.source = public;
        }
        self.internet(packet, gateway)
    }

    /// A packet is in the Internet: a public address leads back into a VPC, every other one to a host.
    pub fn internet(&mut self, mut packet: Packet, from: &str) -> Outcome {
        let Some((vpc, private)) = self.private_of(packet.destination) else {
            // AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html>
            if matches!(packet.destination, IpAddr::V4(to) if to.is_private() || to.is_link_local()) {
                let why = format!("{} is a private address", packet.destination);
                return self.stop("internet", Step::Arrival, why);
            }
            self.hop("internet", Step::Arrival, (true, format!("{packet} arrives")))?;
            return Ok((End::Internet, packet));
        };
        let attached = self.topology.vpcs.get(vpc).and_then(|vpc| vpc.internet_gateway.as_deref());
        // What was sent through an egress-only gateway is answered through it.
        let only = |vpc: &'a crate::topology::Vpc| vpc.egress_only_gateways.first().map(String::as_str);
        let answered =
            || self.topology.vpcs.get(vpc).and_then(only).filter(|_| self.answer && !private.is_ipv4());
        let Some(gateway) = attached.or_else(answered) else {
            return self.stop(vpc, Step::Entry, format!("it has no internet gateway for {from} to enter by"));
        };
        if packet.destination != private {
            self.hop(
                gateway,
                Step::Translation,
                (true, format!("{} becomes {private}", packet.destination)),
            )?;
        }
        packet.destination = private;
        self.enter(gateway, vpc, packet)
    }

    /// A packet enters a VPC from outside: it reaches what is local there and nothing else.
    fn enter(&mut self, through: &str, vpc: &str, packet: Packet) -> Outcome {
        match self.holder(vpc, packet.destination) {
            Some(to) => {
                self.hop(through, Step::Entry, (true, format!("{} is in {vpc}", packet.destination)))?;
                self.arrive(None, to, packet)
            }
            None => {
                let why = format!("{} is not in {vpc}, and nothing leads through it", packet.destination);
                self.stop(through, Step::Entry, why)
            }
        }
    }

    fn transit(&mut self, id: &str, vpc: &str, packet: Packet) -> Outcome {
        let Some(gateway) = self.topology.transit_gateways.get(id) else { return Err(Stop) };
        let from = gateway.attachments.iter().find(|(_, attachment)| attachment.vpc == vpc);
        let table = from.and_then(|(_, attachment)| attachment.route_table.as_ref());
        let Some(table) = table else {
            return self.stop(id, Step::Transit, format!("the attachment of {vpc} has no route table"));
        };
        let routes = gateway.route_tables.get(table).map(|table| table.routes.as_slice()).unwrap_or_default();
        let matching = routes.iter().filter(|route| route.cidr.contains(packet.destination));
        let Some(route) = matching.max_by_key(|route| route.cidr.prefix()) else {
            return self.stop(table, Step::Transit, format!("no route leads to {}", packet.destination));
        };
        let found =
            route.attachment.as_ref().and_then(|to| gateway.attachments.get(to).map(|found| (to, found)));
        let Some((to, attachment)) = found else {
            return self.stop(table, Step::Transit, format!("{} is a blackhole", route.cidr));
        };
        self.hop(table, Step::Transit, (true, format!("{} leads to {to}", route.cidr)))?;
        self.enter(to, &attachment.vpc, packet)
    }

    fn public_of(&self, vpc: &str, private: IpAddr) -> Option<IpAddr> {
        match self.holder(vpc, private)?.kind {
            Kind::Interface(interface) => {
                let own = interface.addresses.iter().find(|own| IpAddr::V4(own.private) == private)?;
                own.public.map(IpAddr::V4)
            }
            Kind::Nat(gateway) => gateway.public.map(IpAddr::V4),
        }
    }

    /// The VPC and the private address behind a public one.
    fn private_of(&self, public: IpAddr) -> Option<(&'a str, IpAddr)> {
        let topology = self.topology;
        let interfaces = topology.interfaces.values().find_map(|interface| {
            let v4 = interface.addresses.iter().find(|one| one.public.map(IpAddr::V4) == Some(public));
            let private = v4.map(|one| IpAddr::V4(one.private));
            let private = private
                .or_else(|| interface.ipv6.iter().map(|own| IpAddr::V6(*own)).find(|own| *own == public));
            Some((topology.vpc_of(interface)?, private?))
        });
        interfaces.or_else(|| {
            let gateway =
                topology.nat_gateways.values().find(|one| one.public.map(IpAddr::V4) == Some(public))?;
            Some((topology.vpc_of_subnet(&gateway.subnet)?, IpAddr::V4(gateway.private)))
        })
    }

    fn groups(&mut self, node: Node<'_>, direction: Direction, packet: &Packet) -> Result<(), Stop> {
        let Kind::Interface(interface) = node.kind else { return Ok(()) };
        let step = if direction == Direction::Egress { Step::GroupEgress } else { Step::GroupIngress };
        let decision = if self.answer {
            (true, "an answer of a connection that was allowed".to_owned())
        } else {
            filter::groups(self.topology, &node.subnet.vpc, &interface.groups, direction, packet)
        };
        self.hop(node.id, step, decision)
    }

    fn acl(&mut self, subnet: &Subnet, direction: Direction, packet: &Packet) -> Result<(), Stop> {
        let step = if direction == Direction::Egress { Step::AclEgress } else { Step::AclIngress };
        match self.topology.acls.get(&subnet.acl) {
            Some(acl) => self.hop(&subnet.acl, step, filter::acl(acl, direction, packet)),
            None => self.stop(&subnet.acl, step, "it is not there".to_owned()),
        }
    }

    fn hop(&mut self, at: &str, step: Step, (passed, why): (bool, String)) -> Result<(), Stop> {
        let looped = self.hops.len() >= HOPS_MAX;
        let why = if looped { "the packet goes round in circles".to_owned() } else { why };
        let passed = passed && !looped;
        self.hops.push(Hop { at: at.to_owned(), step, why, passed, answer: self.answer });
        if passed { Ok(()) } else { Err(Stop) }
    }

    fn stop<T>(&mut self, at: &str, step: Step, why: String) -> Result<T, Stop> {
        self.hops.push(Hop { at: at.to_owned(), step, why, passed: false, answer: self.answer });
        Err(Stop)
    }
}
