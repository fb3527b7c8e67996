//! Flows: what is counted at which interface, accepted or rejected, with the packets and bytes that were sent.

use crate::filters::web;
use crate::lab;
use crate::lab::{FROM, Lab};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;
use yakumo_net::engine::{FlowCount, inside};
use yakumo_net::topology::{Ports, Target, Traffic, Watched};

const DOUBT: Duration = Duration::from_millis(250);

fn watch(lab: &mut Lab, interfaces: &[&str]) {
    lab.wanted.topology.watched = interfaces.iter().map(|id| ((*id).to_owned(), Watched {})).collect();
    lab.apply();
}

/// The flows that were counted: `eni-a out accept 10.0.1.10:1 > 10.0.1.11:2 tcp`, with packets and bytes.
fn counted(lab: &mut Lab) -> Vec<(String, u64, u64)> {
    let flows = lab.engine().flows().unwrap();
    assert!(flows.skipped.is_empty());
    let told = |flow: &FlowCount| {
        let (way, fate) =
            (if flow.egress { "out" } else { "in" }, if flow.accepted { "accept" } else { "reject" });
        // A client's port is any.
        let port = |port: u16| if port >= 32_768 && port != FROM { "*".to_owned() } else { port.to_string() };
        let (from, to) = (port(flow.source_port), port(flow.destination_port));
        let FlowCount { interface, source, destination, protocol, .. } = flow;
        format!("{interface} {way} {fate} {source} {from} {destination} {to} {protocol}")
    };
    flows.counts.iter().map(|flow| (told(flow), flow.packets, flow.bytes)).collect()
}

/// Sends datagrams of a size to where nobody listens or listens, from a port.
fn datagrams(lab: &Lab, from: &str, to: &str, port: u16, count: usize, size: usize) {
    let to = SocketAddr::new(to.parse().unwrap(), port);
    let any: SocketAddr = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }.parse().unwrap();
    let socket = inside(&lab.namespace(from), || UdpSocket::bind(any)).unwrap();
    for _ in 0..count {
        socket.send_to(&vec![7; size], to).unwrap();
    }
}

#[test]
fn each_end_counts_what_it_lets_through() {
    let mut lab = lab!("flows");
    web(&mut lab);
    lab.wanted.allow_cidr("sg-db", Traffic::Udp(Ports::only(53)), "10.0.0.0/16");
    watch(&mut lab, &["eni-a", "eni-c"]);
    assert_eq!(counted(&mut lab), []);
    // The receiver's group lets one port through and another one not: the sender has nothing against either.
    datagrams(&lab, "eni-a", "10.0.2.10", 53, 3, 100);
    datagrams(&lab, "eni-a", "10.0.2.10", 54, 2, 10);
    let all = counted(&mut lab);
    let expected = [
        ("eni-a out accept 10.0.1.10 * 10.0.2.10 53 17", 3, 384),
        ("eni-a out accept 10.0.1.10 * 10.0.2.10 54 17", 2, 76),
        ("eni-c in accept 10.0.1.10 * 10.0.2.10 53 17", 3, 384),
        ("eni-c in reject 10.0.1.10 * 10.0.2.10 54 17", 2, 76),
    ];
    for (flow, packets, bytes) in expected {
        assert!(all.contains(&(flow.to_owned(), packets, bytes)), "{flow} in {all:#?}");
    }
    // Nobody listens there: that is told back, by a flow of another protocol.
    let others: Vec<_> = all.iter().filter(|(flow, _, _)| !flow.ends_with(" 17")).collect();
    assert!(others.iter().all(|(flow, _, _)| flow.ends_with(" 0 10.0.1.10 0 1")), "{others:?}");
    // What was told is not told again; what is not watched is not counted.
    datagrams(&lab, "eni-b", "10.0.1.10", 53, 1, 1);
    let again = counted(&mut lab);
    assert_eq!(again, [("eni-a in reject 10.0.1.11 * 10.0.1.10 53 17".to_owned(), 1, 29)]);
}

#[test]
fn a_connection_is_counted_both_ways() {
    let mut lab = lab!("flows-tcp");
    web(&mut lab);
    watch(&mut lab, &["eni-a", "eni-c"]);
    assert!(lab.connect("eni-a", "10.0.2.10", 5432).is_some());
    let all = counted(&mut lab);
    for (flow, ports) in [
        ("eni-a out accept 10.0.1.10 * 10.0.2.10 5432 6", 2),
        ("eni-a in accept 10.0.2.10 5432 10.0.1.10 * 6", 2),
        ("eni-c in accept 10.0.1.10 * 10.0.2.10 5432 6", 2),
        ("eni-c out accept 10.0.2.10 5432 10.0.1.10 * 6", 2),
    ] {
        assert!(all.iter().any(|(told, packets, _)| told == flow && *packets >= ports), "{flow} in {all:#?}");
    }
    assert!(!all.iter().any(|(flow, _, _)| flow.contains("reject")), "{all:#?}");
    // The sender's own ACL, and then the receiver's.
    let tcp = Traffic::Tcp(Ports::ALL);
    lab.wanted.own_acl("subnet-1", "acl-1").acl_entry("acl-1", true, 1, false, tcp, "10.0.2.0/24");
    lab.apply();
    let _ = counted(&mut lab);
    assert_eq!(lab.connect_as("eni-a", None, "10.0.2.10", 5432, DOUBT), None);
    let flows: Vec<String> = counted(&mut lab).into_iter().map(|(flow, _, _)| flow).collect();
    assert_eq!(flows, ["eni-a out reject 10.0.1.10 * 10.0.2.10 5432 6"]);
    lab.wanted.own_acl("subnet-2", "acl-2").acl_entry("acl-2", false, 1, false, tcp, "10.0.1.0/24");
    lab.wanted.own_acl("subnet-1", "acl-1");
    lab.apply();
    let _ = counted(&mut lab);
    assert_eq!(lab.connect_as("eni-a", None, "10.0.2.10", 5432, DOUBT), None);
    let flows: Vec<String> = counted(&mut lab).into_iter().map(|(flow, _, _)| flow).collect();
    assert_eq!(
        flows,
        ["eni-a out accept 10.0.1.10 * 10.0.2.10 5432 6", "eni-c in reject 10.0.1.10 * 10.0.2.10 5432 6"]
    );
}

#[test]
fn addresses_of_the_internet_are_seen_behind_the_translation() {
    let mut lab = lab!("flows-nat");
    web(&mut lab);
    let (public, nat, host) = (lab.public(0), lab.public(1), lab.host().to_string());
    lab.wanted.nat("nat-1", "subnet-1", "10.0.1.5", Some(&nat));
    lab.wanted.route("subnet-2", "0.0.0.0/0", Target::NatGateway("nat-1".into()));
    let block = lab.block_v6(1);
    lab.wanted.block("vpc-1", &block);
    for (id, end) in [("eni-a", "::a"), ("eni-c", "::c")] {
        let own = block.replace("::/56", end).parse().unwrap();
        lab.wanted.topology.interfaces.get_mut(id).unwrap().ipv6 = vec![own];
    }
    watch(&mut lab, &["eni-a", "eni-c", "eni-nat-1"]);
    let port = lab.serve_host();
    assert!(lab.connect("host", &public, 80).is_some() && lab.connect("eni-c", &host, port).is_some());
    datagrams(&lab, "eni-a", &block.replace("::/56", "::c"), 9, 1, 2);
    let flows: Vec<String> = counted(&mut lab).into_iter().map(|(flow, _, _)| flow).collect();
    for flow in [
        format!("eni-a in accept {host} * 10.0.1.10 80 6"),
        format!("eni-a out accept 10.0.1.10 80 {host} * 6"),
        format!("eni-c out accept 10.0.2.10 * {host} * 6"),
        format!("eni-nat-1 in accept 10.0.2.10 * {host} * 6"),
        format!("eni-nat-1 out accept 10.0.1.5 * {host} * 6"),
        format!(
            "eni-c in reject {0} * {1} 9 17",
            block.replace("::/56", "::a"),
            block.replace("::/56", "::c")
        ),
    ] {
        assert!(flows.contains(&flow), "{flow} in {flows:#?}");
    }
}

#[test]
fn counting_outlives_changes_and_ends_with_the_watch() {
    let mut lab = lab!("flows-life");
    web(&mut lab);
    watch(&mut lab, &["eni-c"]);
    datagrams(&lab, "eni-a", "10.0.2.10", 54, 2, 10);
    // A change of rules and another interface that is watched lose nothing.
    lab.wanted.allow_cidr("sg-db", Traffic::Udp(Ports::only(54)), "10.0.0.0/16");
    watch(&mut lab, &["eni-a", "eni-c"]);
    let told = counted(&mut lab);
    assert_eq!(told, [("eni-c in reject 10.0.1.10 * 10.0.2.10 54 17".to_owned(), 2, 76)]);
    // The next engine begins anew.
    datagrams(&lab, "eni-a", "10.0.2.10", 54, 1, 10);
    lab.restart();
    lab.apply();
    assert_eq!(counted(&mut lab), []);
    datagrams(&lab, "eni-b", "10.0.2.10", 55, 1, 10);
    assert_eq!(counted(&mut lab), [("eni-c in reject 10.0.1.11 * 10.0.2.10 55 17".to_owned(), 1, 38)]);
    watch(&mut lab, &[]);
    datagrams(&lab, "eni-b", "10.0.2.10", 55, 1, 10);
    assert_eq!(counted(&mut lab), []);
    let tables = inside(&lab.namespace("vpc-1"), || {
        std::process::Command::new("nft").args(["list", "tables"]).output()
    });
    let tables = String::from_utf8(tables.unwrap().stdout).unwrap();
    assert!(tables.contains("inet vpc") && !tables.contains("flows"));
}
