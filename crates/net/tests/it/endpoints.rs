//! VPC endpoints: who reaches them, as whom, and what their routes, groups and ACLs stop.

use crate::filters::web;
use crate::lab;
use crate::lab::Lab;
use yakumo_net::Place;
use yakumo_net::topology::{Destination, Endpoint, Ports, PrefixList, Route, Target, Traffic};

fn gateway(lab: &mut Lab, service: &str, address: &str) {
    let topology = &mut lab.wanted.topology;
    let entries = vec![format!("{address}/32").parse().unwrap()];
    topology.prefix_lists.insert("pl-s3".into(), PrefixList { entries });
    let endpoint = Endpoint { vpc: "vpc-1".into(), service: service.into(), ..Endpoint::default() };
    topology.endpoints.insert("vpce-1".into(), endpoint);
    topology.vpcs.get_mut("vpc-1").unwrap().gateway_endpoints.insert("vpce-1".into());
}

fn route(lab: &mut Lab, subnet: &str) {
    let topology = &mut lab.wanted.topology;
    let table = topology.subnets[subnet].route_table.clone();
    let destination = Destination::PrefixList("pl-s3".into());
    let route = Route { destination, target: Target::GatewayEndpoint("vpce-1".into()) };
    topology.route_tables.get_mut(&table).unwrap().routes.push(route);
}

#[test]
fn a_gateway_endpoint_serves_the_subnets_whose_table_leads_to_it() {
    let mut lab = lab!("gateway-endpoint");
    web(&mut lab);
    let s3 = lab.ranges().s3_v4().to_string();
    lab.check("eni-c", &s3, 443, false);
    gateway(&mut lab, "s3", &s3);
    lab.apply();
    lab.check("eni-c", &s3, 443, false);
    route(&mut lab, "subnet-2");
    lab.apply();
    for port in [443, 80, 22] {
        lab.serve_at(Place::Endpoint("vpce-1".into()), &s3, port, "endpoint");
        lab.serve_at(Place::Edge, &s3, port, "internet");
    }
    lab.check("eni-c", &s3, 443, true);
    lab.check("eni-c", &s3, 80, true);
    lab.check("eni-c", &s3, 22, false);
    // The source is the interface's own address; who has no such route and a public address goes by the Internet.
    assert_eq!(lab.connect("eni-c", &s3, 443).as_deref(), Some("endpoint 10.0.2.10"));
    assert_eq!(lab.connect("eni-a", &s3, 443), Some(format!("internet {}", lab.public(0))));
    lab.check("eni-b", &s3, 443, false);
    // A table of the public subnet that leads there, too.
    route(&mut lab, "subnet-1");
    lab.apply();
    assert_eq!(lab.connect("eni-a", &s3, 443).as_deref(), Some("endpoint 10.0.1.10"));
    lab.check("eni-b", &s3, 443, true);
    // It needs no internet gateway.
    lab.wanted.topology.vpcs.get_mut("vpc-1").unwrap().internet_gateway = None;
    lab.apply();
    lab.check("eni-c", &s3, 443, true);
    // Groups and ACLs act on the way there and back.
    let groups = lab.wanted.topology.interfaces["eni-c"].groups.clone();
    let group = groups.first().unwrap().clone();
    let rules = std::mem::take(&mut lab.wanted.topology.groups.get_mut(&group).unwrap().egress);
    lab.apply();
    lab.check("eni-c", &s3, 443, false);
    lab.wanted.topology.groups.get_mut(&group).unwrap().egress = rules;
    lab.wanted.own_acl("subnet-2", "acl-2");
    lab.apply();
    lab.check("eni-c", &s3, 443, true);
    lab.wanted.acl_entry("acl-2", false, 1, false, Traffic::All, &format!("{s3}/32"));
    lab.apply();
    lab.check("eni-c", &s3, 443, false);
    // Without the endpoint its route is a blackhole.
    lab.wanted.topology.vpcs.get_mut("vpc-1").unwrap().gateway_endpoints.clear();
    lab.wanted.topology.endpoints.clear();
    lab.apply();
    lab.check("eni-b", &s3, 443, false);
}

#[test]
fn an_interface_endpoint_has_groups_and_answers_one_port() {
    let mut lab = lab!("interface-endpoint");
    web(&mut lab);
    let b = &mut lab.wanted;
    b.group("sg-e", "vpc-1").interface("eni-e", "subnet-2", "10.0.2.200", "sg-e");
    let endpoint =
        Endpoint { vpc: "vpc-1".into(), service: "sqs".into(), interfaces: ["eni-e".into()].into() };
    b.topology.endpoints.insert("vpce-1".into(), endpoint);
    b.vpc("vpc-2", "10.1.0.0/16").subnet("subnet-3", "vpc-2", "10.1.0.0/24").group("sg-2", "vpc-2");
    b.interface("eni-x", "subnet-3", "10.1.0.10", "sg-2").peering("pcx-1", "vpc-1", "vpc-2");
    b.route("subnet-1", "10.1.0.0/16", Target::Peering("pcx-1".into()));
    b.route("subnet-2", "10.1.0.0/16", Target::Peering("pcx-1".into()));
    b.route("subnet-3", "10.0.0.0/16", Target::Peering("pcx-1".into()));
    lab.apply();
    lab.check("eni-c", "10.0.2.200", 443, false);
    lab.wanted.allow_cidr("sg-e", Traffic::Tcp(Ports::ALL), "10.0.0.0/15");
    lab.apply();
    lab.check("eni-c", "10.0.2.200", 443, true);
    lab.check("eni-c", "10.0.2.200", 80, false);
    assert_eq!(lab.connect("eni-b", "10.0.2.200", 443).as_deref(), Some("eni-e ::ffff:10.0.1.11"));
    assert_eq!(lab.connect("eni-x", "10.0.2.200", 443).as_deref(), Some("eni-e ::ffff:10.1.0.10"));
}
