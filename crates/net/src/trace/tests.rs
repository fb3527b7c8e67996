use super::{End, Flow, Query, Source, Step, Trace, trace};
use crate::Topology;
use crate::sample::{Builder, ip};
use crate::topology::{Ports, Target, Traffic};

fn tcp(topology: &Topology, from: &str, to: &str, port: u16) -> Trace {
    let source = if from.starts_with("eni-") {
        Source::Interface { id: from.into(), address: None }
    } else {
        Source::Internet(ip(from))
    };
    trace(topology, &Query { source, destination: ip(to), flow: Flow::Tcp { from: 40_000, to: port } })
        .unwrap()
}

fn check(topology: &Topology, cases: &[(&str, &str, u16, Option<Step>)]) {
    for (from, to, port, stopped) in cases {
        let found = tcp(topology, from, to, *port);
        assert_eq!(found.stopped().map(|hop| hop.step), *stopped, "{from} to {to}:{port}: {:#?}", found.hops);
        assert_eq!(found.answered, stopped.is_none(), "{from} to {to}:{port}: {:#?}", found.hops);
    }
}

/// Two subnets, a public and a private one, with a web server, a database and a NAT gateway.
fn web() -> Builder {
    let mut b = Builder::default();
    b.vpc("vpc-1", "10.0.0.0/16").gateway("vpc-1", "igw-1");
    b.subnet("subnet-1", "vpc-1", "10.0.1.0/24").subnet("subnet-2", "vpc-1", "10.0.2.0/24");
    b.group("sg-web", "vpc-1").group("sg-db", "vpc-1");
    b.allow_cidr("sg-web", Traffic::Tcp(Ports::only(80)), "0.0.0.0/0");
    b.allow_group("sg-db", Traffic::Tcp(Ports::only(5432)), "sg-web");
    b.interface("eni-a", "subnet-1", "10.0.1.10", "sg-web").public("eni-a", "198.18.0.20");
    b.interface("eni-b", "subnet-1", "10.0.1.11", "sg-db");
    b.interface("eni-c", "subnet-2", "10.0.2.10", "sg-db");
    b.own_table("subnet-2", "rtb-2");
    b.route("subnet-1", "0.0.0.0/0", Target::InternetGateway("igw-1".into()));
    b
}

#[test]
fn groups_decide_by_address_and_by_group() {
    let b = web();
    check(
        &b.topology,
        &[
            ("8.8.8.8", "198.18.0.20", 80, None),
            ("8.8.8.8", "198.18.0.20", 8080, Some(Step::GroupIngress)),
            ("eni-a", "10.0.1.11", 5432, None),
            ("eni-a", "10.0.2.10", 5432, None),
            ("eni-b", "10.0.2.10", 5432, Some(Step::GroupIngress)),
            ("eni-a", "10.0.1.77", 80, Some(Step::Route)),
            ("eni-c", "8.8.8.8", 80, Some(Step::Route)),
            ("eni-b", "8.8.8.8", 80, Some(Step::Translation)),
            ("eni-a", "8.8.8.8", 80, None),
        ],
    );
}

#[test]
fn acls_act_between_subnets_only_and_on_answers_too() {
    let mut b = web();
    b.own_acl("subnet-1", "acl-1");
    b.acl_entry("acl-1", false, 90, false, Traffic::Tcp(Ports { from: 1024, to: 65535 }), "10.0.2.0/24");
    check(
        &b.topology,
        &[
            ("eni-a", "10.0.2.10", 5432, Some(Step::AclIngress)),
            ("eni-a", "10.0.1.11", 5432, None),
            ("8.8.8.8", "198.18.0.20", 80, None),
        ],
    );
    let stopped = tcp(&b.topology, "eni-a", "10.0.2.10", 5432);
    assert_eq!(stopped.end, End::Interface("eni-c".into()));
    assert!(
        stopped.stopped().unwrap().answer && stopped.stopped().unwrap().why.starts_with("entry 90 denies")
    );
}

#[test]
fn a_private_subnet_reaches_out_through_a_nat_gateway() {
    let mut b = web();
    b.nat("nat-1", "subnet-1", "10.0.1.5", Some("198.18.0.21"));
    b.route("subnet-2", "0.0.0.0/0", Target::NatGateway("nat-1".into()));
    check(
        &b.topology,
        &[
            ("eni-c", "8.8.8.8", 443, None),
            ("eni-c", "198.18.0.20", 80, None),
            ("8.8.8.8", "198.18.0.21", 80, Some(Step::Arrival)),
        ],
    );
    b.own_acl("subnet-2", "acl-2").acl_entry("acl-2", false, 50, false, Traffic::All, "8.8.8.8/32");
    check(&b.topology, &[("eni-c", "8.8.8.8", 443, Some(Step::AclIngress))]);
}

#[test]
fn peering_is_not_transitive() {
    let mut b = web();
    for (vpc, cidr, subnet, block, eni, address) in [
        ("vpc-2", "10.1.0.0/16", "subnet-3", "10.1.1.0/24", "eni-d", "10.1.1.10"),
        ("vpc-3", "10.2.0.0/16", "subnet-4", "10.2.1.0/24", "eni-e", "10.2.1.10"),
    ] {
        b.vpc(vpc, cidr).subnet(subnet, vpc, block);
        let group = format!("sg-{vpc}");
        b.group(&group, vpc)
            .allow_cidr(&group, Traffic::All, "0.0.0.0/0")
            .interface(eni, subnet, address, &group);
    }
    b.peering("pcx-12", "vpc-1", "vpc-2").peering("pcx-23", "vpc-2", "vpc-3");
    let pcx = |id: &str| Target::Peering(id.into());
    b.route("subnet-1", "10.1.0.0/16", pcx("pcx-12")).route("subnet-1", "10.2.0.0/16", pcx("pcx-12"));
    b.route("subnet-3", "10.0.0.0/16", pcx("pcx-12")).route("subnet-3", "10.2.0.0/16", pcx("pcx-23"));
    b.route("subnet-4", "10.1.0.0/16", pcx("pcx-23")).route("subnet-4", "10.0.0.0/16", pcx("pcx-23"));
    check(
        &b.topology,
        &[
            ("eni-a", "10.1.1.10", 80, None),
            ("eni-d", "10.0.1.10", 80, None),
            ("eni-e", "10.1.1.10", 80, None),
            ("eni-a", "10.2.1.10", 80, Some(Step::Entry)),
            ("eni-e", "10.0.1.10", 80, Some(Step::Entry)),
        ],
    );
    b.topology.peerings.remove("pcx-12");
    check(&b.topology, &[("eni-a", "10.1.1.10", 80, Some(Step::Route))]);
}

#[test]
fn spoofed_sources_and_foreign_destinations_are_dropped() {
    let mut b = web();
    let spoof = |topology: &Topology| {
        let source = Source::Interface { id: "eni-b".into(), address: Some(ip("10.0.1.10")) };
        let flow = Flow::Tcp { from: 1, to: 5432 };
        trace(topology, &Query { source, destination: ip("10.0.2.10"), flow }).unwrap()
    };
    assert_eq!(spoof(&b.topology).stopped().map(|hop| hop.step), Some(Step::SourceCheck));
    b.topology.interfaces.get_mut("eni-b").unwrap().source_dest_check = false;
    // The rule names the group of whom the address is; that it comes from.
    assert_eq!(spoof(&b.topology).stopped().map(|hop| hop.step), Some(Step::GroupIngress));
    b.allow_cidr("sg-db", Traffic::Tcp(Ports { from: 5432, to: 5432 }), "10.0.1.10/32");
    assert_eq!(spoof(&b.topology).end, End::Interface("eni-c".into()));
    b.route("subnet-1", "10.9.0.0/16", Target::Interface("eni-c".into()));
    check(&b.topology, &[("eni-a", "10.9.0.1", 5432, Some(Step::DestinationCheck))]);
}

#[test]
fn within_a_subnet_no_route_leads_away() {
    // Also in one that is all of its VPC.
    for block in ["10.0.0.0/16", "10.0.1.0/24"] {
        let mut b = Builder::default();
        b.vpc("vpc-1", "10.0.0.0/16").subnet("subnet-1", "vpc-1", block).group("sg-1", "vpc-1");
        b.allow_cidr("sg-1", Traffic::All, "10.0.0.0/16");
        b.interface("eni-a", "subnet-1", "10.0.1.10", "sg-1").interface(
            "eni-b",
            "subnet-1",
            "10.0.1.11",
            "sg-1",
        );
        check(&b.topology, &[("eni-a", "10.0.1.11", 80, None)]);
        for to in ["10.0.0.0/16", "10.0.1.0/24"] {
            b.route("subnet-1", to, Target::Interface("eni-a".into()));
            check(&b.topology, &[("eni-a", "10.0.1.11", 80, None)]);
        }
    }
}

#[test]
fn the_most_specific_route_counts() {
    let mut b = web();
    b.route("subnet-1", "8.8.0.0/16", Target::Blackhole);
    check(&b.topology, &[("eni-a", "8.8.8.8", 80, Some(Step::Route)), ("eni-a", "8.9.8.8", 80, None)]);
    b.route("subnet-1", "8.8.8.0/24", Target::InternetGateway("igw-1".into()));
    check(&b.topology, &[("eni-a", "8.8.8.8", 80, None)]);
}
