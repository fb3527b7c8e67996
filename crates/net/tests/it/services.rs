//! What a router serves itself, and AWS's services in the Internet: who reaches them, and as whom.

use crate::filters::web;
use crate::lab;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;
use yakumo_net::engine::inside;
use yakumo_net::topology::{Target, Traffic};
use yakumo_net::{Place, SocketKind};

const METADATA: &str = "169.254.169.254";
const PATIENCE: Duration = Duration::from_secs(3);
const DOUBT: Duration = Duration::from_millis(250);

#[test]
fn a_router_serves_the_interfaces_of_its_vpc() {
    let mut lab = lab!("services");
    web(&mut lab);
    let b = &mut lab.wanted;
    b.vpc("vpc-2", "10.1.0.0/16").subnet("subnet-3", "vpc-2", "10.1.0.0/24").group("sg-2", "vpc-2");
    b.interface("eni-x", "subnet-3", "10.1.0.10", "sg-2").peering("pcx-1", "vpc-1", "vpc-2");
    b.route("subnet-1", "10.1.0.0/16", Target::Peering("pcx-1".into()));
    b.route("subnet-3", "10.0.0.0/16", Target::Peering("pcx-1".into()));
    lab.apply();
    let router = || Place::Router("vpc-1".into());
    for address in [METADATA, "169.254.169.253", "10.0.0.2"] {
        for port in [53, 80, 443] {
            lab.serve_at(router(), address, port, "router");
        }
    }
    // It is told who asks, and neither the group nor the ACL is.
    lab.wanted.topology.groups.get_mut("sg-db").unwrap().egress.clear();
    lab.wanted.own_acl("subnet-1", "acl-1").acl_entry("acl-1", true, 1, false, Traffic::All, "0.0.0.0/0");
    lab.apply();
    lab.check("eni-b", METADATA, 80, true);
    assert_eq!(lab.connect("eni-b", METADATA, 80).as_deref(), Some("router 10.0.1.11"));
    assert_eq!(lab.connect("eni-c", METADATA, 80).as_deref(), Some("router 10.0.2.10"));
    lab.check("eni-b", "10.0.0.2", 53, true);
    lab.check("eni-b", "169.254.169.253", 53, true);
    // Nothing else of the router, nobody of another VPC, and nobody from the Internet.
    lab.check("eni-b", METADATA, 443, false);
    lab.check("eni-b", METADATA, 53, false);
    lab.check("eni-b", "10.0.0.2", 80, false);
    lab.check("eni-b", "10.0.1.1", 80, false);
    lab.check("eni-x", "10.0.0.2", 53, false);
    assert_eq!(lab.connect_as("eni-x", None, METADATA, 80, DOUBT), None);
    lab.serve_at(Place::Router("vpc-2".into()), METADATA, 80, "another router");
    assert_eq!(lab.connect("eni-x", METADATA, 80).as_deref(), Some("another router 10.1.0.10"));
    lab.check("host", "10.0.0.2", 53, false);
    // With enableDnsSupport off the resolver is silent, and the rest is not.
    lab.wanted.topology.vpcs.get_mut("vpc-1").unwrap().dns.support = false;
    lab.apply();
    lab.check("eni-b", "10.0.0.2", 53, false);
    lab.check("eni-b", METADATA, 80, true);
}

#[test]
fn interfaces_with_ipv6_are_served_by_it() {
    let mut lab = lab!("services6");
    web(&mut lab);
    let block = lab.block_v6(1);
    lab.wanted.block("vpc-1", &block);
    let own: std::net::Ipv6Addr = block.replace("::/56", "::b").parse().unwrap();
    lab.wanted.topology.interfaces.get_mut("eni-b").unwrap().ipv6 = vec![own];
    lab.apply();
    for (address, port) in [("fd00:ec2::254", 80), ("fd00:ec2::253", 53), ("fd00:ec2::253", 80)] {
        lab.serve_at(Place::Router("vpc-1".into()), address, port, "router");
    }
    lab.check("eni-b", "fd00:ec2::254", 80, true);
    assert_eq!(lab.connect("eni-b", "fd00:ec2::254", 80), Some(format!("router {own}")));
    lab.check("eni-b", "fd00:ec2::253", 53, true);
    lab.check("eni-b", "fd00:ec2::253", 80, false);
}

#[test]
fn nobody_asks_the_router_with_an_address_that_is_not_his() {
    let mut lab = lab!("spoof");
    web(&mut lab);
    lab.serve_at(Place::Router("vpc-1".into()), METADATA, 80, "router");
    // Without the check an interface sends what it likes, but not to the router.
    lab.wanted.topology.interfaces.get_mut("eni-b").unwrap().source_dest_check = false;
    lab.apply();
    let alias = |verb: &str| {
        let ip = |verb| {
            std::process::Command::new("ip").args(["address", verb, "10.0.1.10/32", "dev", "eth0"]).status()
        };
        assert!(inside(&lab.namespace("eni-b"), || ip(verb)).unwrap().success());
    };
    alias("add");
    assert_eq!(lab.connect_as("eni-b", Some("10.0.1.10"), METADATA, 80, DOUBT), None);
    alias("del");
    assert_eq!(lab.connect("eni-b", METADATA, 80).as_deref(), Some("router 10.0.1.11"));
}

#[test]
fn datagrams_reach_the_resolver_and_the_clock() {
    let mut lab = lab!("datagrams");
    web(&mut lab);
    let router = Place::Router("vpc-1".into());
    let all = [
        ("10.0.0.2", 53, true),
        ("169.254.169.123", 123, true),
        (METADATA, 80, false),
        ("10.0.0.2", 123, false),
    ];
    for (address, port, reached) in all {
        let to: SocketAddr = format!("{address}:{port}").parse().unwrap();
        let server = UdpSocket::from(lab.engine().socket(&router, SocketKind::Udp, to).unwrap());
        let client = inside(&lab.namespace("eni-c"), || UdpSocket::bind("0.0.0.0:0")).unwrap();
        client.send_to(b"?", to).unwrap();
        server.set_read_timeout(Some(if reached { PATIENCE } else { DOUBT })).unwrap();
        let mut bytes = [0; 8];
        let asked = server.recv_from(&mut bytes).ok();
        assert_eq!(
            asked.map(|(_, peer)| peer.ip().to_string()),
            reached.then(|| "10.0.2.10".to_owned()),
            "{to}"
        );
        if let Some((_, peer)) = asked {
            server.send_to(b"!", peer).unwrap();
            client.set_read_timeout(Some(PATIENCE)).unwrap();
            assert_eq!(client.recv_from(&mut bytes).unwrap(), (1, to));
        }
    }
}

#[test]
fn services_in_the_internet_need_a_public_address() {
    let mut lab = lab!("edge");
    web(&mut lab);
    let (nat, api) = (lab.public(1), lab.ranges().api_v4().to_string());
    for port in [443, 22] {
        lab.serve_at(Place::Edge, &api, port, "aws");
    }
    lab.check("eni-a", &api, 443, true);
    assert_eq!(lab.connect("eni-a", &api, 443), Some(format!("aws {}", lab.public(0))));
    lab.check("eni-b", &api, 443, false);
    lab.check("eni-c", &api, 443, false);
    assert_eq!(lab.connect_as("eni-a", None, &api, 22, DOUBT), None);
    // A NAT gateway's address will do.
    lab.wanted.nat("nat-1", "subnet-1", "10.0.1.5", Some(&nat));
    lab.wanted.route("subnet-2", "0.0.0.0/0", Target::NatGateway("nat-1".into()));
    lab.apply();
    lab.check("eni-c", &api, 443, true);
    assert_eq!(lab.connect("eni-c", &api, 443), Some(format!("aws {nat}")));
}

#[test]
fn what_is_made_anew_has_another_generation() {
    let mut lab = lab!("generations");
    web(&mut lab);
    let first = lab.engine().standing();
    assert_eq!(first.interfaces.keys().collect::<Vec<_>>(), ["eni-a", "eni-b", "eni-c"]);
    assert!(first.routers.contains_key("vpc-1") && first.edge.is_some());
    // A change of rules, an interface that comes, and a new engine leave the others what they were.
    lab.wanted.interface("eni-d", "subnet-1", "10.0.1.12", "sg-db").allow_cidr(
        "sg-db",
        Traffic::All,
        "10.0.0.0/8",
    );
    lab.apply();
    lab.restart();
    lab.apply();
    let second = lab.engine().standing();
    let place = |id: &str| Place::Interface(id.into());
    for there in [place("eni-a"), Place::Router("vpc-1".into()), Place::Edge] {
        assert_eq!(second.generation(&there), first.generation(&there));
    }
    assert!(second.generation(&place("eni-d")) > first.generation(&place("eni-a")));
    // An interface that goes and comes, and a namespace that somebody removed.
    lab.wanted.topology.interfaces.get_mut("eni-b").unwrap().live = false;
    lab.apply();
    assert_eq!(lab.engine().standing().generation(&place("eni-b")), None);
    let nowhere = lab.engine().socket(&place("eni-b"), SocketKind::Tcp, "10.0.1.11:9".parse().unwrap());
    assert!(nowhere.is_err());
    lab.wanted.topology.interfaces.get_mut("eni-b").unwrap().live = true;
    let name = lab.namespace("eni-a");
    assert!(std::process::Command::new("ip").args(["netns", "del", &name]).status().unwrap().success());
    lab.restart();
    lab.apply();
    let third = lab.engine().standing();
    for anew in [place("eni-a"), place("eni-b")] {
        assert!(third.generation(&anew) > first.generation(&anew), "{anew:?}");
    }
    assert_eq!(third.generation(&place("eni-c")), first.generation(&place("eni-c")));
    let topology = lab.wanted.topology.clone();
    lab.engine().rebuild(&topology).unwrap();
    let fourth = lab.engine().standing();
    for anew in [place("eni-c"), Place::Router("vpc-1".into()), Place::Edge] {
        assert!(fourth.generation(&anew) > third.generation(&anew), "{anew:?}");
    }
}
