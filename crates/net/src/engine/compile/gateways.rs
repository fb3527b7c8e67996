//! What joins networks: the edge, peering connections, NAT gateways.

use super::super::names::link;
use super::{Compile, EngineError, forwarding, quiet};
use crate::topology::GATEWAY_PORTS;
use std::net::{IpAddr, Ipv4Addr};

impl Compile<'_> {
    /// The Internet: where public addresses meet. The host is in it; nothing else is.
    pub(super) fn edge(&mut self) -> Result<(), EngineError> {
        let vpcs: Vec<String> =
            self.live.keys().filter(|vpc| self.has_uplink(vpc)).map(|vpc| (*vpc).to_owned()).collect();
        if vpcs.is_empty() {
            return Ok(());
        }
        let (edge, ranges, host) = (self.names.edge(), self.names.ranges, self.names.host_link());
        let (v4, v6) = (ranges.host_v4(), ranges.host_v6());
        forwarding(&mut self.plan.at(&edge).settings);
        self.plan.at(&edge).routes.extend([
            "blackhole 0.0.0.0/0".to_owned(),
            "blackhole ::/0".to_owned(),
            format!("{v4}/32 dev host"),
            format!("{v6}/128 dev host"),
        ]);
        // Where AWS's own services are for whoever comes by the Internet.
        let own = [ranges.api_v4(), ranges.s3_v4(), ranges.dynamodb_v4()];
        let at = self.plan.at(&edge);
        at.addresses.extend(own.map(|address| format!("{address}/32 dev lo")));
        let [api, s3, dynamodb] = own;
        at.chain("to_services", "type filter hook input priority filter; policy drop;").rules =
            vec![format!("ip daddr {{ {api}, {s3}, {dynamodb} }} tcp dport {{ 80, 443 }} accept")];
        self.unnumbered("edge", (edge.clone(), "host".into()), (String::new(), host.clone()))?;
        self.plan.host = Some(vec![
            format!("address add {v4}/32 dev {host}"),
            format!("address add {v6}/128 dev {host} nodad"),
            format!("link set dev {host} up"),
            format!("route add {} dev {host} src {v4}", ranges.v4),
            format!("route add {} dev {host}", ranges.v6),
        ]);
        for vpc in &vpcs {
            let own = link('v', vpc);
            self.unnumbered(vpc, (self.namespace(vpc), "uplink".into()), (edge.clone(), own.clone()))?;
            let internet = self.topology.vpcs.get(vpc).is_some_and(|vpc| vpc.internet_gateway.is_some());
            let members = self.live.get(vpc.as_str()).into_iter().flatten();
            let mut lines = Vec::new();
            for member in members {
                let publics = member.publics.iter().filter(|_| internet);
                lines.extend(publics.map(|(_, public)| format!("{public}/32 dev {own}")));
                let v6 = member.addresses.iter().filter(|address| address.is_ipv6());
                lines.extend(v6.map(|address| format!("{address}/128 dev {own}")));
            }
            self.plan.at(&edge).routes.extend(lines);
        }
        Ok(())
    }

    /// The address behind a gateway endpoint: the public one of its service.
    pub(super) fn gateway_address(&self, id: &str) -> Option<Ipv4Addr> {
        match self.topology.endpoints.get(id)?.service.as_str() {
            "s3" => Some(self.names.ranges.s3_v4()),
            "dynamodb" => Some(self.names.ranges.dynamodb_v4()),
            _ => None,
        }
    }

    /// Gateway endpoints: a namespace each, in which the service has its public address. Who comes there is of the VPC.
    pub(super) fn gateway_endpoints(&mut self) -> Result<(), EngineError> {
        let topology = self.topology;
        for (vpc, found) in &topology.vpcs {
            if !self.live.contains_key(vpc.as_str()) {
                continue;
            }
            for id in &found.gateway_endpoints {
                let Some(address) = self.gateway_address(id) else { continue };
                let (name, own) = (self.namespace(id), link('g', id));
                self.unnumbered(id, (self.namespace(vpc), own.clone()), (name.clone(), "eth0".into()))?;
                self.edge_link(vpc, &own);
                let at = self.plan.at(&name);
                quiet(&mut at.settings);
                at.addresses.insert(format!("{address}/32 dev lo"));
                at.routes.insert("0.0.0.0/0 dev eth0".into());
                let [tls, plain] = GATEWAY_PORTS;
                at.chain("to_service", "type filter hook input priority filter; policy drop;").rules =
                    vec![format!("ip daddr {address} tcp dport {{ {plain}, {tls} }} accept")];
            }
        }
        Ok(())
    }

    /// A wire between the routers of two VPCs, when both have one.
    pub(super) fn peerings(&mut self) -> Result<(), EngineError> {
        let topology = self.topology;
        for (id, peering) in &topology.peerings {
            let ends = [peering.requester.as_str(), peering.accepter.as_str()];
            if ends.iter().all(|vpc| self.live.contains_key(vpc)) {
                let name = link('p', id);
                let [a, b] = ends.map(|vpc| (self.namespace(vpc), name.clone()));
                self.unnumbered(id, a, b)?;
                ends.iter().for_each(|vpc| self.edge_link(vpc, &name));
            }
        }
        for (id, gateway) in &topology.nat_gateways {
            let vpc = topology.vpc_of_subnet(&gateway.subnet);
            if vpc.is_some_and(|vpc| self.live.contains_key(vpc)) {
                self.nat(id, gateway.private.into());
            }
        }
        Ok(())
    }

    /// The inside of a NAT gateway: it forwards, and answers nobody.
    fn nat(&mut self, id: &str, private: IpAddr) {
        let name = self.namespace(id);
        let at = self.plan.at(&name);
        forwarding(&mut at.settings);
        at.chain("translate", "type nat hook postrouting priority srcnat; policy accept;").rules =
            vec![format!("oifname \"eth0\" snat ip to {private}")];
        at.chain("through", "type filter hook forward priority filter; policy accept;").rules =
            vec!["ct state invalid drop".to_owned()];
        at.chain("to_gateway", "type filter hook input priority filter; policy drop;");
    }

    /// A link over which packets come from elsewhere: security groups are asked at the other end.
    pub(super) fn edge_link(&mut self, vpc: &str, link: &str) {
        let at = self.plan.at(&self.names.namespace(vpc));
        for (set, element) in [
            ("edges", format!("\"{link}\"")),
            ("group_out", format!("\"{link}\" : accept")),
            ("group_in", format!("\"{link}\" : accept")),
        ] {
            at.set(set, "set", "").elements.insert(element);
        }
    }
}
