//! The way of a packet, from whoever sends it to where it ends.

mod joints;

use super::filter::{self, Decision, Direction};
use super::{Chosen, End, Flow, Hop, Packet, Rule, Step, choose};
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
    /// Whether who has the packet's source sent it, and who has its destination gets it, with nobody in between.
    itself: (bool, bool),
    /// What NAT gateways translated on the way there: gateway, and the source as it was.
    translated: Vec<(&'a str, IpAddr)>,
}

impl<'a> Walk<'a> {
    /// A walk that has not begun.
    pub fn new(topology: &'a Topology) -> Walk<'a> {
        Walk { topology, hops: Vec::new(), answer: false, itself: (true, true), translated: Vec::new() }
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
        if let Some(own) = self.own(from, packet.destination) {
            let why = format!("{} is an address of the sender's own: nothing leaves it", packet.destination);
            self.hop(own, Step::Arrival, &packet, (true, why))?;
            return Ok((End::Interface(own.to_owned()), packet));
        }
        if let Kind::Interface(interface) = from.kind
            && interface.source_dest_check
        {
            let own = interface.has(packet.source);
            let why = if own {
                format!("{} is its own address", packet.source)
            } else {
                format!("{} is not its own address, and its source/destination check is on", packet.source)
            };
            self.hop(from.id, Step::SourceCheck, &packet, (own, why))?;
        }
        if let Some(outcome) = self.serve(from, packet) {
            return outcome;
        }
        let chosen = choose(self.topology, from.subnet, packet.destination);
        self.itself = (from.has(packet.source), !chosen.as_ref().is_some_and(Chosen::detours));
        self.groups(from, Direction::Egress, &packet)?;
        let next = self.follow(from.subnet, &packet, chosen)?;
        let inside = matches!(&next, Next::Node(to) if to.subnet_id == from.subnet_id);
        if !inside {
            self.acl(from.subnet, Direction::Egress, &packet)?;
        }
        match next {
            Next::Node(to) => self.arrive(Some(from.subnet_id), to, packet),
            Next::Internet(gateway) => self.out(&from.subnet.vpc, gateway, packet),
            Next::Vpc(through, vpc) => self.enter(through, vpc, packet),
            Next::Transit(gateway) => self.transit(gateway, from.subnet, packet),
            Next::Endpoint(id) => {
                if !matches!(packet.flow, Flow::Tcp { to, .. } if GATEWAY_PORTS.contains(&to)) {
                    let why = format!("the service does not answer {}", packet.flow);
                    return self.stop(&id, Step::Arrival, &packet, why);
                }
                self.hop(&id, Step::Arrival, &packet, (true, format!("{packet} reaches the service")))?;
                Ok((End::Endpoint(id), packet))
            }
        }
    }

    /// The interface of the sender's own machine that has an address: the kernel there delivers to it by itself.
    fn own(&self, from: Node<'a>, address: IpAddr) -> Option<&'a str> {
        let topology = self.topology;
        let host = match from.kind {
            Kind::Interface(_) => topology.seat(from.id).host,
            Kind::Nat(_) => return None,
        };
        let machine = [host].into_iter().chain(topology.devices.keys().map(String::as_str));
        machine
            .filter(|id| topology.seat(id).host == host)
            .find(|id| topology.interfaces.get(*id).is_some_and(|one| one.has(address)))
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
        let passed = self.hop(id, Step::Arrival, &packet, decision);
        Some(passed.map(|()| (End::Router(id.clone()), packet)))
    }

    /// The answer of a router's service.
    fn served(&mut self, vpc: &str, reply: Packet) -> Outcome {
        let Some(to) = self.holder(vpc, reply.destination) else {
            return self.stop(vpc, Step::Entry, &reply, format!("{} is not in {vpc}", reply.destination));
        };
        self.hop(to.id, Step::Arrival, &reply, (true, format!("{reply} arrives")))?;
        Ok((End::Interface(to.id.to_owned()), reply))
    }

    /// Asks the route table of a subnet.
    fn route(&mut self, from: &'a Subnet, packet: &Packet) -> Result<Next<'a>, Stop> {
        self.follow(from, packet, choose(self.topology, from, packet.destination))
    }

    fn follow(
        &mut self,
        from: &'a Subnet,
        packet: &Packet,
        chosen: Option<Chosen>,
    ) -> Result<Next<'a>, Stop> {
        let id = &from.route_table;
        let Some(Chosen { cidr, list, target, active }) = chosen else {
            return self.stop(id, Step::Route, packet, format!("no route leads to {}", packet.destination));
        };
        let of = list.as_ref().map(|list| format!(" of {list}")).unwrap_or_default();
        let said = format!("{cidr}{of} leads to {}", target.id());
        let next = if active { self.next(&from.vpc, &target, packet) } else { None };
        let rule = Some(Rule::Route { cidr, list, target, active });
        match next {
            Some(next) => self.decide(id, Step::Route, packet, (true, said, rule)).map(|()| next),
            None if active => {
                let why = format!("{said}, where nothing takes {}", packet.destination);
                self.refuse(id, Step::Route, packet, (why, rule))
            }
            None => self.refuse(id, Step::Route, packet, (format!("{said}: a blackhole"), rule)),
        }
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
            self.hop(to.id, Step::DestinationCheck, &packet, (!interface.source_dest_check, why))?;
        }
        self.groups(to, Direction::Ingress, &packet)?;
        let is_managed = !self.answer && self.topology.endpoint_of(to.id).is_some();
        if is_managed && !matches!(packet.flow, Flow::Tcp { to: ENDPOINT_PORT, .. }) {
            let why = format!("an endpoint does not answer {}", packet.flow);
            return self.stop(to.id, Step::Arrival, &packet, why);
        }
        let live = if interface.live { "" } else { " (nothing runs there)" };
        self.hop(to.id, Step::Arrival, &packet, (true, format!("{packet} arrives{live}")))?;
        Ok((End::Interface(to.id.to_owned()), packet))
    }

    fn groups(&mut self, node: Node<'_>, direction: Direction, packet: &Packet) -> Result<(), Stop> {
        let Kind::Interface(interface) = node.kind else { return Ok(()) };
        let step = if direction == Direction::Egress { Step::GroupEgress } else { Step::GroupIngress };
        let decision = if self.answer {
            (true, "an answer of a connection that was allowed".to_owned(), None)
        } else {
            let itself = if direction == Direction::Egress { self.itself.1 } else { self.itself.0 };
            filter::groups(self.topology, &node.subnet.vpc, &interface.groups, direction, packet, itself)
        };
        self.decide(node.id, step, packet, decision)
    }

    fn acl(&mut self, subnet: &Subnet, direction: Direction, packet: &Packet) -> Result<(), Stop> {
        let step = if direction == Direction::Egress { Step::AclEgress } else { Step::AclIngress };
        match self.topology.acls.get(&subnet.acl) {
            Some(acl) => self.decide(&subnet.acl, step, packet, filter::acl(acl, direction, packet)),
            None => self.stop(&subnet.acl, step, packet, "it is not there".to_owned()),
        }
    }

    fn hop(
        &mut self,
        at: &str,
        step: Step,
        packet: &Packet,
        (passed, why): (bool, String),
    ) -> Result<(), Stop> {
        self.decide(at, step, packet, (passed, why, None))
    }

    fn decide(
        &mut self,
        at: &str,
        step: Step,
        packet: &Packet,
        (passed, why, rule): Decision,
    ) -> Result<(), Stop> {
        if self.hops.len() >= HOPS_MAX {
            return self.stop(at, step, packet, "the packet goes round in circles".to_owned());
        }
        let (at, answer, packet) = (at.to_owned(), self.answer, *packet);
        self.hops.push(Hop { at, step, why, rule, packet, passed, answer });
        if passed { Ok(()) } else { Err(Stop) }
    }

    fn stop<T>(&mut self, at: &str, step: Step, packet: &Packet, why: String) -> Result<T, Stop> {
        self.refuse(at, step, packet, (why, None))
    }

    fn refuse<T>(
        &mut self,
        at: &str,
        step: Step,
        packet: &Packet,
        (why, rule): (String, Option<Rule>),
    ) -> Result<T, Stop> {
        let (at, answer, packet) = (at.to_owned(), self.answer, *packet);
        self.hops.push(Hop { at, step, why, rule, packet, passed: false, answer });
        Err(Stop)
    }
}
