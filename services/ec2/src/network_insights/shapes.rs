//! Components of paths and explanations in the API's shapes.

use super::components::{Component, Decider, header};
use super::{NetworkInsightsAnalysis, Obstacle};
use crate::nouns::{Home, kind_of};
use std::collections::BTreeMap;
use std::net::IpAddr;
use yakumo_api_ec2::{
    AnalysisAclRule, AnalysisComponent, AnalysisPacketHeader, AnalysisRouteTableRoute,
    AnalysisSecurityGroupRule, Explanation, PathComponent, PortRange, TransitGatewayRouteTableRoute,
};
use yakumo_aws::Result;
use yakumo_net::trace::Packet;
use yakumo_room::Ctx;

/// ARNs of the caller's own components by id: what is another account's is shown by its id alone.
pub(super) struct Names(BTreeMap<String, String>);

impl Names {
    /// Reads which components of some analyses are the caller's.
    pub(super) async fn read<'a>(
        ctx: &Ctx,
        analyses: impl IntoIterator<Item = &'a NetworkInsightsAnalysis>,
    ) -> Result<Names> {
        let home = Home::of(ctx);
        let mut names = BTreeMap::new();
        for analysis in analyses {
            for id in named(analysis) {
                let Ok(kind) = kind_of(id) else { continue };
                if !names.contains_key(id) && kind.keys(ctx, home, id).await?.is_some() {
                    names.insert(id.to_owned(), home.arn(kind.name(), id));
                }
            }
        }
        Ok(Names(names))
    }

    fn component(&self, id: &str) -> AnalysisComponent {
        AnalysisComponent { id: Some(id.to_owned()), arn: self.0.get(id).cloned(), name: None }
    }

    fn of(&self, id: Option<&String>) -> Option<AnalysisComponent> {
        id.map(|id| self.component(id))
    }

    /// What is passed.
    pub(super) fn components(&self, passed: &[Component]) -> Vec<PathComponent> {
        (1..).zip(passed).map(|(number, passed)| self.passed(number, passed)).collect()
    }

    fn passed(&self, number: i32, passed: &Component) -> PathComponent {
        let rules = Rules::of(passed.rule.as_ref());
        PathComponent {
            sequence_number: Some(number),
            component: Some(self.component(&passed.id)),
            attached_to: self.of(passed.attached_to.as_ref()),
            subnet: self.of(passed.subnet.as_ref()),
            vpc: self.of(passed.vpc.as_ref()),
            source_vpc: self.of(passed.between.as_ref().map(|(from, _)| from)),
            destination_vpc: self.of(passed.between.as_ref().map(|(_, to)| to)),
            transit_gateway: self.of(passed.transit_gateway.as_ref()),
            inbound_header: passed.inbound.as_ref().map(packet_header),
            outbound_header: passed.outbound.as_ref().map(packet_header),
            security_group_rule: rules.group,
            acl_rule: rules.acl,
            route_table_route: rules.route,
            transit_gateway_route_table_route: rules.transit,
            ..PathComponent::default()
        }
    }

    /// Why there is no path.
    pub(super) fn explanation(&self, obstacle: &Obstacle) -> Explanation {
        let component = Some(self.component(&obstacle.at));
        let rules = Rules::of(obstacle.rule.as_ref());
        let groups: Vec<_> = obstacle.groups.iter().map(|id| self.component(id)).collect();
        let mut explanation = Explanation {
            explanation_code: Some(obstacle.code.clone()),
            direction: obstacle.direction.clone(),
            component: component.clone(),
            subnet: self.of(obstacle.subnet.as_ref()),
            vpc: self.of(obstacle.vpc.as_ref()),
            security_groups: (!groups.is_empty()).then_some(groups),
            acl_rule: rules.acl,
            route_table_route: rules.route,
            transit_gateway_route_table_route: rules.transit,
            ..Explanation::default()
        };
        match obstacle.at.rsplit_once('-').map(|(kind, _)| kind) {
            Some("acl") => explanation.acl = component,
            Some("eni") => explanation.network_interface = component,
            Some("igw") => explanation.internet_gateway = component,
            Some("nat") => explanation.nat_gateway = component,
            Some("pcx") => explanation.vpc_peering_connection = component,
            Some("rtb") => explanation.route_table = component,
            Some("tgw-attach") => explanation.transit_gateway_attachment = component,
            Some("tgw-rtb") => explanation.transit_gateway_route_table = component,
            Some("vpc") => explanation.vpc = component,
            Some("vpce") => explanation.vpc_endpoint = component,
            _ => {}
        }
        explanation
    }
}

/// All ids that an analysis shows.
fn named(analysis: &NetworkInsightsAnalysis) -> Vec<&str> {
    let mut ids: Vec<&String> = Vec::new();
    for passed in analysis.forward.iter().chain(&analysis.back) {
        ids.push(&passed.id);
        let beside = [&passed.attached_to, &passed.subnet, &passed.vpc, &passed.transit_gateway];
        ids.extend(beside.into_iter().flatten());
        ids.extend(passed.between.iter().flat_map(|(from, to)| [from, to]));
    }
    if let Some(obstacle) = &analysis.obstacle {
        ids.push(&obstacle.at);
        ids.extend(obstacle.subnet.iter().chain(&obstacle.vpc).chain(&obstacle.groups));
    }
    ids.into_iter().map(String::as_str).collect()
}

/// A packet: AWS shows protocols by their numbers here and addresses as blocks.
fn packet_header(packet: &Packet) -> AnalysisPacketHeader {
    let block =
        |address: IpAddr| Some(vec![format!("{address}/{}", if address.is_ipv4() { 32 } else { 128 })]);
    let (protocol, ports) = header(packet);
    let only = |port: u16| vec![range((port, port))];
    AnalysisPacketHeader {
        source_addresses: block(packet.source),
        destination_addresses: block(packet.destination),
        protocol: Some(protocol.to_string()),
        source_port_ranges: ports.map(|(from, _)| only(from)),
        destination_port_ranges: ports.map(|(_, to)| only(to)),
    }
}

fn range((from, to): (u16, u16)) -> PortRange {
    PortRange { from: Some(from.into()), to: Some(to.into()) }
}

/// What decided, in the member of its kind.
#[derive(Default)]
struct Rules {
    group: Option<AnalysisSecurityGroupRule>,
    acl: Option<AnalysisAclRule>,
    route: Option<AnalysisRouteTableRoute>,
    transit: Option<TransitGatewayRouteTableRoute>,
}

impl Rules {
    fn of(decider: Option<&Decider>) -> Rules {
        let mut rules = Rules::default();
        let way = |egress: bool| Some(if egress { "egress" } else { "ingress" }.to_owned());
        match decider {
            None => {}
            Some(Decider::GroupRule { cidr, list, group, egress, protocol, ports }) => {
                rules.group = Some(AnalysisSecurityGroupRule {
                    cidr: cidr.clone(),
                    prefix_list_id: list.clone(),
                    security_group_id: group.clone(),
                    direction: way(*egress),
                    port_range: ports.map(range),
                    protocol: Some(protocol.clone()),
                });
            }
            Some(Decider::AclRule { cidr, egress, protocol, allow, number, ports }) => {
                rules.acl = Some(AnalysisAclRule {
                    cidr: Some(cidr.clone()),
                    egress: Some(*egress),
                    port_range: ports.map(range),
                    protocol: Some(protocol.clone()),
                    rule_action: Some(if *allow { "allow" } else { "deny" }.to_owned()),
                    rule_number: Some(*number),
                });
            }
            Some(Decider::Route { cidr, list, target, local, active }) => {
                rules.route = Some(AnalysisRouteTableRoute {
                    destination_cidr: cidr.clone(),
                    destination_prefix_list_id: list.clone(),
                    origin: Some(if *local { "createroutetable" } else { "createroute" }.to_owned()),
                    state: state(*active),
                    ..through(target)
                });
            }
            Some(Decider::TransitRoute { cidr, attachment, vpc, propagated }) => {
                rules.transit = Some(TransitGatewayRouteTableRoute {
                    destination_cidr: Some(cidr.clone()),
                    state: state(attachment.is_some()),
                    route_origin: Some(if *propagated { "propagated" } else { "static" }.to_owned()),
                    attachment_id: attachment.clone(),
                    resource_id: vpc.clone(),
                    resource_type: vpc.is_some().then(|| "vpc".to_owned()),
                    ..TransitGatewayRouteTableRoute::default()
                });
            }
        }
        rules
    }
}

fn state(active: bool) -> Option<String> {
    Some(if active { "active" } else { "blackhole" }.to_owned())
}

/// A route with its target alone.
fn through(target: &str) -> AnalysisRouteTableRoute {
    let mut route = AnalysisRouteTableRoute::default();
    let id = Some(target.to_owned());
    match target.split('-').next() {
        Some("eigw") => route.egress_only_internet_gateway_id = id,
        Some("eni") => route.network_interface_id = id,
        Some("nat") => route.nat_gateway_id = id,
        Some("pcx") => route.vpc_peering_connection_id = id,
        Some("tgw") => route.transit_gateway_id = id,
        // An internet gateway, a gateway endpoint, or `local`.
        _ => route.gateway_id = id,
    }
    route
}
