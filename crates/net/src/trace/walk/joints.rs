//! What joins networks, as a packet meets it: NAT gateways, internet gateways, peering connections, transit gateways.

use super::super::filter::Direction;
use super::super::hop::End;
use super::super::{Packet, Rule, Step};
use super::{Kind, Next, Node, Outcome, Stop, Walk};
use crate::topology::{NatGateway, Subnet, TransitAttachment};
use std::net::IpAddr;

impl<'a> Walk<'a> {
    pub(super) fn arrive_at_nat(
        &mut self,
        to: Node<'a>,
        gateway: &NatGateway,
        mut packet: Packet,
    ) -> Outcome {
        if packet.destination == IpAddr::V4(gateway.private) {
            let before = self.translated.iter().find(|(id, _)| *id == to.id).filter(|_| self.answer);
            let Some((_, before)) = before.copied() else {
                return self.stop(
                    to.id,
                    Step::Arrival,
                    &packet,
                    "it forwards, and answers nobody".to_owned(),
                );
            };
            let why = format!("{} becomes {before} again", packet.destination);
            packet.destination = before;
            self.hop(to.id, Step::Translation, &packet, (true, why))?;
            return self.leave(to, packet);
        }
        if self.answer {
            let why = "an answer of no connection that it knows".to_owned();
            return self.stop(to.id, Step::Translation, &packet, why);
        }
        let why = format!("{} becomes {}", packet.source, gateway.private);
        self.translated.push((to.id, packet.source));
        packet.source = IpAddr::V4(gateway.private);
        self.hop(to.id, Step::Translation, &packet, (true, why))?;
        self.leave(to, packet)
    }

    /// A packet leaves a VPC through its internet gateway or egress-only gateway.
    pub(super) fn out(&mut self, vpc: &str, gateway: &str, mut packet: Packet) -> Outcome {
        if packet.source.is_ipv4() {
            let Some(public) = self.public_of(vpc, packet.source) else {
                let why = format!("{} has no public address", packet.source);
                return self.stop(gateway, Step::Translation, &packet, why);
            };
            let why = format!("{} becomes {public}", packet.source);
            packet.source = public;
            self.hop(gateway, Step::Translation, &packet, (true, why))?;
        }
        self.internet(packet, gateway)
    }

    /// A packet is in the Internet: a public address leads back into a VPC, every other one to a host.
    pub fn internet(&mut self, mut packet: Packet, from: &str) -> Outcome {
        let Some((vpc, private)) = self.private_of(packet.destination) else {
            // AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html>
            if matches!(packet.destination, IpAddr::V4(to) if to.is_private() || to.is_link_local()) {
                let why = format!("{} is a private address", packet.destination);
                return self.stop("internet", Step::Arrival, &packet, why);
            }
            self.hop("internet", Step::Arrival, &packet, (true, format!("{packet} arrives")))?;
            return Ok((End::Internet, packet));
        };
        let attached = self.topology.vpcs.get(vpc).and_then(|vpc| vpc.internet_gateway.as_deref());
        // What was sent through an egress-only gateway is answered through it.
        let only = |vpc: &'a crate::topology::Vpc| vpc.egress_only_gateways.first().map(String::as_str);
        let answered =
            || self.topology.vpcs.get(vpc).and_then(only).filter(|_| self.answer && !private.is_ipv4());
        let Some(gateway) = attached.or_else(answered) else {
            let why = format!("it has no internet gateway for {from} to enter by");
            return self.stop(vpc, Step::Entry, &packet, why);
        };
        if packet.destination != private {
            let why = format!("{} becomes {private}", packet.destination);
            packet.destination = private;
            self.hop(gateway, Step::Translation, &packet, (true, why))?;
        }
        self.enter(gateway, vpc, packet)
    }

    /// A packet enters a VPC from outside: it reaches what is local there and nothing else.
    pub(super) fn enter(&mut self, through: &str, vpc: &str, packet: Packet) -> Outcome {
        match self.holder(vpc, packet.destination) {
            Some(to) => {
                let why = format!("{} is in {vpc}", packet.destination);
                self.hop(through, Step::Entry, &packet, (true, why))?;
                self.arrive(None, to, packet)
            }
            None => {
                let why = format!("{} is not in {vpc}, and nothing leads through it", packet.destination);
                self.stop(through, Step::Entry, &packet, why)
            }
        }
    }

    /// A packet leaves a subnet for a transit gateway, by the attachment's subnet in its zone.
    /// AWS: that subnet's ACL is asked, too, as a packet from the gateway is asked by the one for what leaves it:
    /// <https://docs.aws.amazon.com/vpc/latest/tgw/tgw-nacls.html>
    pub(super) fn transit(&mut self, id: &str, from: &Subnet, packet: Packet) -> Outcome {
        let Some(gateway) = self.topology.transit_gateways.get(id) else { return Err(Stop) };
        let own = gateway.attachments.iter().find(|(_, attachment)| attachment.vpc == from.vpc);
        let Some((own, attachment)) = own else { return Err(Stop) };
        let subnets = &self.topology.subnets;
        let near = attachment.subnets.get(&from.zone).and_then(|near| subnets.get_key_value(near));
        let Some((by, near)) = near else {
            let why =
                format!("it has no subnet in zone {}, so nothing that is sent there reaches it", from.zone);
            return self.stop(own, Step::Attachment, &packet, why);
        };
        self.hop(own, Step::Attachment, &packet, (true, format!("{packet} leaves {} by {by}", from.vpc)))?;
        self.acl(near, Direction::Ingress, &packet)?;
        let Some(table) = &attachment.route_table else {
            return self.stop(own, Step::Transit, &packet, "it has no route table".to_owned());
        };
        let routes = gateway.route_tables.get(table).map(|table| table.routes.as_slice()).unwrap_or_default();
        let matching = routes.iter().filter(|route| route.cidr.contains(packet.destination));
        let Some(route) = matching.max_by_key(|route| route.cidr.prefix()) else {
            let why = format!("no route leads to {}", packet.destination);
            return self.stop(table, Step::Transit, &packet, why);
        };
        let to = route.attachment.as_ref().and_then(|to| gateway.attachments.get_key_value(to));
        let rule = Some(Rule::Transit {
            cidr: route.cidr,
            attachment: to.map(|(to, _)| to.clone()),
            propagated: route.propagated,
        });
        let Some((to, attachment)) = to else {
            return self.refuse(
                table,
                Step::Transit,
                &packet,
                (format!("{} is a blackhole", route.cidr), rule),
            );
        };
        self.decide(table, Step::Transit, &packet, (true, format!("{} leads to {to}", route.cidr), rule))?;
        self.come_by(to, attachment, &from.zone, packet)
    }

    /// A packet comes from a transit gateway into a subnet of the attachment, whose route table leads it on: to what is
    /// local, to a NAT gateway or to an interface that forwards.
    fn come_by(
        &mut self,
        through: &str,
        attachment: &'a TransitAttachment,
        zone: &str,
        packet: Packet,
    ) -> Outcome {
        let found = attachment.entry(zone).and_then(|subnet| self.topology.subnets.get_key_value(subnet));
        let Some((id, subnet)) = found else {
            return self.stop(through, Step::Entry, &packet, "it has no subnet".to_owned());
        };
        self.hop(through, Step::Entry, &packet, (true, format!("{packet} enters {} by {id}", subnet.vpc)))?;
        let Next::Node(to) = self.route(subnet, &packet)? else {
            let why = format!("nothing leads through {} from outside to outside", subnet.vpc);
            return self.stop(through, Step::Entry, &packet, why);
        };
        if to.subnet_id != id {
            self.acl(subnet, Direction::Egress, &packet)?;
        }
        self.arrive(Some(id), to, packet)
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
}
