//! Internet gateways, NAT gateways, peering, IPv6; restarts.

use crate::filters::web;
use crate::lab;
use crate::lab::Lab;
use std::time::Duration;
use yakumo_net::engine::inside;
use yakumo_net::topology::{Ports, Target, Traffic};
use yakumo_net::trace::{Flow, Query, Source, trace};

#[test]
fn a_public_address_moves() {
    let mut lab = lab!("eip");
    web(&mut lab);
    let (public, port) = (lab.public(0), lab.serve_host());
    let host = lab.host().to_string();
    lab.check("host", &public, 80, true);
    lab.check("eni-a", &host, port, true);
    assert_eq!(lab.connect("eni-a", &host, port), Some(format!("host ::ffff:{public}")));
    lab.check("eni-b", &host, port, false);
    lab.wanted.topology.interfaces.get_mut("eni-a").unwrap().addresses[0].public = None;
    lab.wanted.public("eni-b", &public).allow_cidr("sg-db", Traffic::All, "0.0.0.0/0");
    lab.apply();
    assert!(lab.connect("host", &public, 443).is_some_and(|text| text.starts_with("eni-b")));
    lab.check("eni-a", &host, port, false);
    lab.check("eni-b", &host, port, true);
    // Without the gateway nothing goes in or out.
    lab.wanted.topology.vpcs.get_mut("vpc-1").unwrap().internet_gateway = None;
    lab.apply();
    lab.check("host", &public, 443, false);
    lab.check("eni-a", "10.0.1.11", 443, true);
}

#[test]
fn a_private_subnet_goes_out_through_a_nat_gateway() {
    let mut lab = lab!("nat");
    web(&mut lab);
    let (public, nat, port, host) = (lab.public(0), lab.public(1), lab.serve_host(), lab.host().to_string());
    lab.check("eni-c", &host, port, false);
    lab.wanted.nat("nat-1", "subnet-1", "10.0.1.5", Some(&nat));
    lab.wanted.route("subnet-2", "0.0.0.0/0", Target::NatGateway("nat-1".into()));
    lab.apply();
    lab.check("eni-c", &host, port, true);
    assert_eq!(lab.connect("eni-c", &host, port), Some(format!("host ::ffff:{nat}")));
    // By a public address of its own VPC: out through both gateways, and in again.
    lab.check("eni-c", &public, 80, true);
    lab.check("eni-c", &public, 443, false);
    // It lets nobody in.
    lab.check("host", &nat, 80, false);
    lab.check("eni-a", "10.0.1.5", 80, false);
    // The ACL of the private subnet sees the answers of the Internet.
    lab.wanted.own_acl("subnet-2", "acl-2").acl_entry(
        "acl-2",
        false,
        50,
        false,
        Traffic::All,
        &format!("{host}/32"),
    );
    lab.apply();
    lab.check("eni-c", &host, port, false);
}

/// Two more VPCs beside the first: `vpc-2` 10.1 with eni-d, and another 10.0 with an interface of a's address.
pub fn neighbours(lab: &mut Lab) {
    let overlapping = lab.public(5);
    let b = &mut lab.wanted;
    b.allow_cidr("sg-web", Traffic::All, "10.0.0.0/8");
    for (vpc, cidr, subnet, block, eni, address) in [
        ("vpc-2", "10.1.0.0/16", "subnet-3", "10.1.1.0/24", "eni-d", "10.1.1.10"),
        ("vpc-3", "10.2.0.0/16", "subnet-4", "10.2.1.0/24", "eni-e", "10.2.1.10"),
        ("vpc-4", "10.0.0.0/16", "subnet-5", "10.0.1.0/24", "eni-f", "10.0.1.10"),
    ] {
        b.vpc(vpc, cidr).subnet(subnet, vpc, block);
        let group = format!("sg-{vpc}");
        b.group(&group, vpc)
            .allow_cidr(&group, Traffic::All, "0.0.0.0/0")
            .interface(eni, subnet, address, &group);
    }
    b.gateway("vpc-4", "igw-4").public("eni-f", &overlapping);
    b.route("subnet-5", "0.0.0.0/0", Target::InternetGateway("igw-4".into()));
}

#[test]
fn peering_is_not_transitive_and_blocks_may_overlap() {
    let mut lab = lab!("peering");
    web(&mut lab);
    neighbours(&mut lab);
    lab.apply();
    let overlapping = lab.public(5);
    lab.check("eni-a", "10.1.1.10", 80, false);
    assert!(lab.connect("host", &overlapping, 443).is_some_and(|text| text.starts_with("eni-f")));
    assert!(lab.connect("eni-a", &overlapping, 443).is_some_and(|text| text.starts_with("eni-f")));
    let pcx = |id: &str| Target::Peering(id.into());
    let b = &mut lab.wanted;
    b.peering("pcx-12", "vpc-1", "vpc-2").peering("pcx-23", "vpc-2", "vpc-3");
    b.route("subnet-1", "10.1.0.0/16", pcx("pcx-12")).route("subnet-1", "10.2.0.0/16", pcx("pcx-12"));
    b.route("subnet-3", "10.0.0.0/16", pcx("pcx-12")).route("subnet-3", "10.2.0.0/16", pcx("pcx-23"));
    b.route("subnet-4", "10.1.0.0/16", pcx("pcx-23")).route("subnet-4", "10.0.0.0/16", pcx("pcx-23"));
    lab.apply();
    lab.check("eni-a", "10.1.1.10", 80, true);
    lab.check("eni-d", "10.0.1.10", 80, true);
    lab.check("eni-e", "10.1.1.10", 80, true);
    lab.check("eni-a", "10.2.1.10", 80, false);
    lab.check("eni-e", "10.0.1.10", 80, false);
    // A group of the peer is named across the connection.
    lab.check("eni-d", "10.0.1.11", 5432, false);
    lab.wanted.allow_group("sg-db", Traffic::All, "sg-vpc-2");
    lab.apply();
    lab.check("eni-d", "10.0.1.11", 5432, true);
    lab.wanted.topology.peerings.remove("pcx-12");
    lab.apply();
    lab.check("eni-a", "10.1.1.10", 80, false);
    lab.check("eni-e", "10.1.1.10", 80, true);
}

#[test]
fn ipv6_goes_the_same_ways() {
    let mut lab = lab!("six");
    web(&mut lab);
    let block = lab.block_v6(1);
    let at = |text: &str| block.replace("::/56", text);
    let (a, b, c) = (at("::a"), at("::b"), at("::c"));
    lab.wanted.block("vpc-1", &block);
    for (id, address) in [("eni-a", &a), ("eni-b", &b), ("eni-c", &c)] {
        lab.wanted.topology.interfaces.get_mut(id).unwrap().ipv6 = vec![address.parse().unwrap()];
    }
    lab.apply();
    lab.check("eni-a", &b, 5432, true);
    lab.check("eni-b", &c, 5432, false);
    lab.check("eni-a", &c, 5432, true);
    let (host, port) = (lab.host_v6().to_string(), lab.serve_host());
    lab.check("eni-a", &host, port, false);
    lab.wanted.route("subnet-1", "::/0", Target::InternetGateway("igw-1".into()));
    lab.wanted.allow_cidr("sg-web", Traffic::All, "::/0");
    lab.apply();
    lab.check("eni-a", &host, port, true);
    lab.check("host", &a, 80, true);
    lab.check("host", &b, 5432, false);
    // Out and never in.
    let vpc = lab.wanted.topology.vpcs.get_mut("vpc-1").unwrap();
    vpc.internet_gateway = None;
    vpc.egress_only_gateways.insert("eigw-1".into());
    lab.wanted.route("subnet-1", "::/0", Target::EgressOnlyGateway("eigw-1".into()));
    lab.apply();
    lab.check("eni-a", &host, port, true);
    lab.check("host", &a, 80, false);
}

#[test]
fn networks_outlive_their_engine() {
    let mut lab = lab!("restart");
    web(&mut lab);
    lab.restart();
    // Nobody has asked for anything yet, and the networks stand.
    assert!(lab.connect("eni-a", "10.0.2.10", 5432).is_some());
    lab.apply();
    lab.check("eni-a", "10.0.2.10", 5432, true);
    lab.check("eni-b", "10.0.2.10", 5432, false);
    // Killed at work on the router: it is built anew, and the interfaces keep their processes' sockets.
    std::fs::write(lab.notes().join("network.at-work"), lab.namespace("vpc-1")).unwrap();
    lab.restart();
    lab.apply();
    lab.check("eni-a", "10.0.2.10", 5432, true);
    lab.check("eni-b", "10.0.2.10", 5432, false);
    lab.check("host", &lab.public(0), 80, true);
}

#[test]
fn nothing_is_made_until_something_is_live() {
    let mut lab = lab!("idle");
    lab.wanted.vpc("vpc-1", "10.0.0.0/16").subnet("subnet-1", "vpc-1", "10.0.1.0/24");
    lab.wanted.group("sg-1", "vpc-1").interface("eni-a", "subnet-1", "10.0.1.10", "sg-1");
    lab.wanted.topology.interfaces.get_mut("eni-a").unwrap().live = false;
    lab.apply();
    assert!(lab.engine().present().namespaces.is_empty());
    lab.wanted.topology.interfaces.get_mut("eni-a").unwrap().live = true;
    lab.apply();
    assert_eq!(lab.engine().present().namespaces.len(), 2);
}

#[test]
fn what_leaves_a_subnet_for_another_one_goes_through_a_middlebox() {
    let mut lab = lab!("middlebox");
    web(&mut lab);
    let b = &mut lab.wanted;
    b.subnet("subnet-3", "vpc-1", "10.0.3.0/24").own_table("subnet-3", "rtb-3").group("sg-box", "vpc-1");
    b.allow_cidr("sg-box", Traffic::All, "10.0.0.0/16");
    b.interface("eni-box", "subnet-3", "10.0.3.10", "sg-box");
    b.topology.interfaces.get_mut("eni-box").unwrap().source_dest_check = false;
    // Each side's packets for the other one, and for itself: within a subnet neighbours find each other.
    for (subnet, to) in
        [("subnet-1", "10.0.2.0/24"), ("subnet-2", "10.0.1.0/24"), ("subnet-1", "10.0.1.0/24")]
    {
        b.route(subnet, to, Target::Interface("eni-box".into()));
    }
    lab.apply();
    let wait = Duration::from_millis(250);
    let forwards = |lab: &Lab, on: &str| {
        inside(&lab.namespace("eni-box"), || std::fs::write("/proc/sys/net/ipv4/ip_forward", on)).unwrap();
    };
    forwards(&lab, "1");
    // A group does not speak of who is behind a box, though its members' addresses come through; the model knows.
    assert_eq!(lab.connect_as("eni-a", None, "10.0.2.10", 5432, wait), None);
    let (flow, source) = (Flow::Tcp { from: lab::FROM, to: 5432 }, "10.0.1.10".parse().unwrap());
    let source = Source::Interface { id: "eni-box".into(), address: Some(source) };
    let query = Query { source, destination: "10.0.2.10".parse().unwrap(), flow };
    assert!(!trace(&lab.wanted.topology, &query).unwrap().answered);
    lab.wanted.allow_cidr("sg-db", Traffic::Tcp(Ports::only(5432)), "10.0.1.10/32");
    lab.apply();
    let told = lab.connect_as("eni-a", None, "10.0.2.10", 5432, Duration::from_secs(2));
    assert!(
        told.as_ref().is_some_and(|told| told.starts_with("eni-c ") && told.ends_with("10.0.1.10")),
        "{told:?}"
    );
    assert!(trace(&lab.wanted.topology, &query).unwrap().hops.iter().all(|hop| hop.passed || hop.answer));
    // Others may still not, and without a box that forwards nobody gets there.
    assert_eq!(lab.connect_as("eni-b", None, "10.0.2.10", 5432, wait), None);
    forwards(&lab, "0");
    assert_eq!(lab.connect_as("eni-a", None, "10.0.2.10", 5432, wait), None);
    lab.check("eni-a", "10.0.1.11", 5432, true);
    lab.check("eni-a", "10.0.1.11", 80, false);

    // The same for all that leaves: the local route itself leads to the box.
    let table = &mut lab.wanted.topology.route_tables.get_mut("rtb-vpc-1").unwrap().routes;
    table.retain(|route| matches!(route.target, Target::InternetGateway(_)));
    lab.wanted.route("subnet-1", "10.0.0.0/16", Target::Interface("eni-box".into()));
    lab.apply();
    assert_eq!(lab.connect_as("eni-a", None, "10.0.2.10", 5432, wait), None);
    lab.check("eni-a", "10.0.1.11", 5432, true);
    forwards(&lab, "1");
    assert!(lab.connect("eni-a", "10.0.2.10", 5432).is_some_and(|told| told.starts_with("eni-c ")));
}
