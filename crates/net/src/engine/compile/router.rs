//! A VPC's router: links, addresses, route tables; and the inside of its interfaces.

use super::super::names::link;
use super::super::plan::{Wire, WireEnd};
use super::transit::near;
use super::{Compile, EngineError, Member, ROUTER_MAC, ROUTER_V6, forwarding, quiet, whole};
use crate::topology::{ENDPOINT_PORT, Subnet, Target};
use crate::trace::Chosen;
use std::net::IpAddr;

/// What the routes of subnets' tables begin at.
const TABLES: u32 = 1000;
/// What the tables of a machine's further links begin at, and how much worse than the first one's their default routes are.
const DEVICE_TABLES: u32 = 10_000;

impl Compile<'_> {
    /// The router of a VPC, with the wires to its members.
    pub(super) fn router(&mut self, vpc: &str) -> Result<(), EngineError> {
        let Some((vpc, members)) = self.live.remove_entry(vpc) else { return Ok(()) };
        let name = self.namespace(vpc);
        let router = self.plan.at(&name);
        forwarding(&mut router.settings);
        // It answers for every address of the VPC, so traffic inside of a subnet comes here as well.
        router.settings.insert("ipv4/conf/default/proxy_arp".into(), "1".into());
        for cidr in self.topology.vpcs.get(vpc).into_iter().flat_map(|vpc| &vpc.cidrs) {
            router.routes.insert(format!("blackhole {cidr}"));
        }
        router.routes.insert("blackhole 0.0.0.0/0".into());
        router.routes.insert("blackhole ::/0".into());
        for (_, address) in self.topology.vpcs.get(vpc).into_iter().flat_map(|vpc| vpc.services()) {
            let nodad = if address.is_ipv4() { "" } else { " nodad" };
            router.addresses.insert(format!("{address}/{} dev lo{nodad}", whole(&address)));
        }
        for member in &members {
            self.member(&name, member)?;
        }
        self.live.insert(vpc, members);
        for id in self.subnets().remove(vpc).unwrap_or_default() {
            if let Some(subnet) = self.topology.subnets.get(id) {
                self.subnet(&name, id, subnet);
            }
        }
        Ok(())
    }

    fn member(&mut self, router: &str, member: &Member<'_>) -> Result<(), EngineError> {
        let (namespace, link) = (self.namespace(member.seat.host), &member.link);
        let end = |namespace: &str, link: &str, mac: &str| WireEnd {
            namespace: namespace.to_owned(),
            link: link.to_owned(),
            mac: mac.to_owned(),
            arp: true,
        };
        let wire =
            Wire { a: end(router, link, ROUTER_MAC), b: end(&namespace, &member.seat.link(), &member.mac) };
        self.add_wire(member.id, wire)?;
        let at = self.plan.at(router);
        at.link_settings.insert(format!("ipv4/neigh/{link}/proxy_delay"), "0".into());
        for address in &member.addresses {
            at.routes.insert(format!("{address}/{} dev {link}", whole(address)));
            at.neighbours.insert(format!("{address} lladdr {} dev {link} nud permanent", member.mac));
        }
        if member.addresses.iter().any(IpAddr::is_ipv6) {
            at.addresses.insert(format!("{ROUTER_V6}/64 dev {link} nodad"));
        }
        self.inside(&namespace, member);
        Ok(())
    }

    /// What an instance would learn by DHCP and router advertisements.
    fn inside(&mut self, namespace: &str, member: &Member<'_>) {
        let gateway = member.subnet.cidr_v4().and_then(|cidr| cidr.nth(1));
        let (link, index) = (member.seat.link(), u32::from(member.seat.index));
        let inside = self.plan.at(namespace);
        quiet(&mut inside.settings);
        if member.endpoint {
            // It answers HTTPS, and nothing else of it is heard.
            inside.chain("to_endpoint", "type filter hook input priority filter; policy drop;").rules =
                vec![format!("tcp dport {ENDPOINT_PORT} accept"), "icmpv6 type { 135, 136 } accept".into()];
        }
        // The first address is who the interface is: alone it has the subnet's prefix, so the kernel sends from it whatever
        // the order in which addresses came. Others are hosts, as Amazon Linux (amazon-ec2-net-utils) sets them.
        let primary = member.addresses.iter().find(|address| address.is_ipv4());
        for address in &member.addresses {
            let subnet = member.subnet.cidr_v4().filter(|_| Some(address) == primary);
            let prefix = subnet.map_or(whole(address), |cidr| cidr.prefix());
            let nodad = if address.is_ipv4() { "" } else { " nodad" };
            inside.addresses.insert(format!("{address}/{prefix} dev {link}{nodad}"));
        }
        let table = DEVICE_TABLES + index;
        if index > 0 {
            // What is sent from an address of a further link leaves by that link, as on Amazon Linux (ec2-net-utils).
            for address in &member.addresses {
                let six = if address.is_ipv4() { "" } else { "-6 " };
                inside.policies.insert(format!("{six}from {address} lookup {table} pref {table}"));
            }
        }
        // By the others nothing is sent that could go by the first one.
        let ways = if index > 0 {
            vec![format!("onlink table {table}"), format!("onlink metric {table}")]
        } else {
            vec![String::new()]
        };
        if let (Some(gateway), true) = (gateway, member.addresses.iter().any(IpAddr::is_ipv4)) {
            let line =
                |way: &String| format!("0.0.0.0/0 via {gateway} dev {link} {way}").trim_end().to_owned();
            inside.routes.extend(ways.iter().map(line));
            inside.neighbours.insert(format!("{gateway} lladdr {ROUTER_MAC} dev {link} nud permanent"));
        }
        if member.addresses.iter().any(IpAddr::is_ipv6) {
            let line = |way: &String| format!("::/0 via {ROUTER_V6} dev {link} {way}").trim_end().to_owned();
            inside.routes.extend(ways.iter().map(line));
            inside.neighbours.insert(format!("{ROUTER_V6} lladdr {ROUTER_MAC} dev {link} nud permanent"));
        }
    }

    /// The route table of a subnet, chosen by the mark that its packets get.
    fn subnet(&mut self, router: &str, id: &str, subnet: &Subnet) {
        let mark = self.plan.marks.get(id).copied().unwrap_or_default();
        let number = TABLES + u32::from(mark);
        let table = self.topology.route_tables.get(&subnet.route_table);
        let resolved = table.map(|table| table.resolved_in(self.topology, subnet)).unwrap_or_default();
        let lines: Vec<String> =
            resolved.values().map(|chosen| format!("{} table {number}", self.line(subnet, chosen))).collect();
        let gateway = subnet.cidr_v4().and_then(|cidr| cidr.nth(1));
        let at = self.plan.at(router);
        at.policies.insert(format!("fwmark {mark} lookup {number} pref {number}"));
        at.policies.insert(format!("-6 fwmark {mark} lookup {number} pref {number}"));
        at.routes.extend(lines);
        // What no route matches is dropped in silence, as AWS drops it.
        at.routes.insert(format!("blackhole 0.0.0.0/0 metric 4000000000 table {number}"));
        at.routes.insert(format!("blackhole ::/0 metric 4000000000 table {number}"));
        if let Some(gateway) = gateway {
            at.addresses.insert(format!("{gateway}/32 dev lo"));
        }
    }

    fn line(&self, subnet: &Subnet, chosen: &Chosen) -> String {
        let (cidr, vpc) = (&chosen.cidr, subnet.vpc.as_str());
        let through = match &chosen.target {
            _ if !chosen.active => None,
            // The main table knows who is there.
            Target::Local => return format!("throw {cidr}"),
            Target::InternetGateway(_) => Some(format!("{cidr} dev uplink")),
            Target::EgressOnlyGateway(_) if !cidr.is_ipv4() => Some(format!("{cidr} dev uplink")),
            Target::NatGateway(id) | Target::Interface(id) => self.through_member(vpc, id, cidr),
            Target::Peering(id) => {
                let other = self.topology.peerings.get(id).and_then(|peering| peering.other(vpc));
                let there = other.is_some_and(|other| self.live.contains_key(other.as_str()));
                there.then(|| format!("{cidr} dev {}", link('p', id)))
            }
            Target::TransitGateway(id) => {
                let gateway = self.topology.transit_gateways.get(id);
                let mut attachments = gateway.into_iter().flat_map(|gateway| &gateway.attachments);
                let own = attachments.find(|(_, attachment)| attachment.vpc == vpc);
                let own = own.and_then(|(id, own)| Some((id, own.subnets.get(&subnet.zone)?)));
                own.map(|(attachment, by)| format!("{cidr} dev {}", near(attachment, by)))
            }
            Target::GatewayEndpoint(id) => {
                let leads = self.gateway_address(id).is_some();
                leads.then(|| format!("{cidr} dev {}", link('g', id)))
            }
            Target::EgressOnlyGateway(_) | Target::Blackhole => None,
        };
        through.unwrap_or_else(|| format!("blackhole {cidr}"))
    }

    fn through_member(&self, vpc: &str, id: &str, cidr: &crate::Cidr) -> Option<String> {
        let member = self.live.get(vpc)?.iter().find(|member| member.id == id)?;
        let next = member.addresses.iter().find(|address| address.is_ipv4() == cidr.is_ipv4())?;
        Some(format!("{cidr} via {next} dev {} onlink", member.link))
    }
}
