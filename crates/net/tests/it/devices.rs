//! Several interfaces of one machine: each keeps its own groups, and what is answered leaves as it came.

use crate::lab;
use crate::lab::Lab;
use std::process::Command;
use std::time::Duration;
use yakumo_net::engine::inside;
use yakumo_net::topology::{Device, Ports, Target, Traffic};

const DOUBT: Duration = Duration::from_millis(250);

/// A machine of two interfaces in two subnets, and a client in a third.
fn machine(lab: &mut Lab) {
    let b = &mut lab.wanted;
    b.vpc("vpc-1", "10.0.0.0/16").gateway("vpc-1", "igw-1");
    b.subnet("subnet-1", "vpc-1", "10.0.1.0/24").subnet("subnet-2", "vpc-1", "10.0.2.0/24");
    b.subnet("subnet-3", "vpc-1", "10.0.3.0/24");
    b.group("sg-web", "vpc-1").group("sg-db", "vpc-1");
    b.allow_cidr("sg-web", Traffic::Tcp(Ports::only(80)), "0.0.0.0/0");
    b.allow_cidr("sg-db", Traffic::Tcp(Ports::only(5432)), "10.0.0.0/16");
    b.route("subnet-1", "0.0.0.0/0", Target::InternetGateway("igw-1".into()));
    b.interface("eni-a", "subnet-1", "10.0.1.10", "sg-web");
    b.interface("eni-b", "subnet-2", "10.0.2.10", "sg-db");
    b.interface("eni-c", "subnet-3", "10.0.3.10", "sg-db");
    device(lab, "eni-b", "eni-a", 1);
}

fn device(lab: &mut Lab, id: &str, host: &str, index: u16) {
    lab.wanted.topology.devices.insert(id.into(), Device { host: host.into(), index });
}

fn links(namespace: &str) -> String {
    inside(namespace, || Command::new("ip").args(["-br", "address"]).output())
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default()
}

/// Makes the kernel equal without anybody who listens.
fn apply(lab: &mut Lab) {
    let topology = lab.wanted.topology.clone();
    lab.engine().apply(&topology).unwrap();
}

#[test]
fn a_second_link_has_its_own_groups_and_answers_by_itself() {
    let mut lab = lab!("devices");
    machine(&mut lab);
    apply(&mut lab);
    let (first, third) = (lab.namespace("eni-a"), lab.namespace("eni-c"));
    lab.serve(&first, "machine", &lab::PORTS);
    lab.serve(&third, "client", &lab::PORTS);
    assert!(!lab::left(lab.cloud()).contains(&lab.namespace("eni-b")), "it has no namespace of its own");
    for (to, port, wanted) in [
        ("10.0.1.10", 80, true),
        ("10.0.1.10", 5432, false),
        ("10.0.2.10", 5432, true),
        ("10.0.2.10", 80, false),
    ] {
        lab.check("eni-c", to, port, wanted);
    }
    // Whoever sends as the second link is the second one, to the router as well.
    let told = lab.connect_as("eni-a", Some("10.0.2.10"), "10.0.3.10", 5432, Duration::from_secs(2));
    assert!(
        told.as_ref().is_some_and(|told| told.starts_with("client ") && told.ends_with("10.0.2.10")),
        "{told:?}"
    );
    // The first one has a way to the Internet, without an address there; the second one's subnet has the same table.
    assert_eq!(lab.connect_as("eni-a", Some("10.0.2.10"), "10.0.3.10", 80, DOUBT), None);
}

#[test]
fn a_link_comes_and_goes_while_something_runs() {
    let mut lab = lab!("hotplug");
    machine(&mut lab);
    lab.wanted.topology.devices.clear();
    lab.wanted.topology.interfaces.get_mut("eni-b").unwrap().live = false;
    apply(&mut lab);
    let first = lab.namespace("eni-a");
    lab.serve(&first, "machine", &lab::PORTS);
    assert!(!links(&first).contains("eth1"));
    lab.check("eni-c", "10.0.1.10", 80, true);
    assert_eq!(lab.connect_as("eni-c", None, "10.0.2.10", 5432, DOUBT), None);

    lab.wanted.topology.interfaces.get_mut("eni-b").unwrap().live = true;
    device(&mut lab, "eni-b", "eni-a", 1);
    // Who rules the network in there has been faster: the name, and the rule.
    for line in ["link add eth1 type veth peer name other", "rule add from 10.0.2.10 lookup 10001 pref 10001"]
    {
        let line = line.split(' ');
        assert!(inside(&first, || Command::new("ip").args(line).status()).unwrap().success());
    }
    apply(&mut lab);
    assert!(links(&first).contains("10.0.2.10/24"), "{}", links(&first));
    lab.check("eni-c", "10.0.2.10", 5432, true);
    lab.check("eni-c", "10.0.2.10", 80, false);

    // Another one of the same subnet, with two addresses.
    lab.wanted.interface("eni-d", "subnet-2", "10.0.2.20", "sg-web");
    device(&mut lab, "eni-d", "eni-a", 2);
    apply(&mut lab);
    lab.check("eni-c", "10.0.2.20", 80, true);
    lab.check("eni-c", "10.0.2.20", 5432, false);
    lab.check("eni-c", "10.0.2.10", 5432, true);

    lab.wanted.topology.devices.remove("eni-b");
    lab.wanted.topology.interfaces.get_mut("eni-b").unwrap().live = false;
    apply(&mut lab);
    assert!(!links(&first).contains("eth1"), "{}", links(&first));
    assert_eq!(lab.connect_as("eni-c", None, "10.0.2.10", 5432, DOUBT), None);
    lab.check("eni-c", "10.0.2.20", 80, true);
    let rules = inside(&first, || Command::new("ip").args(["rule", "show"]).output()).unwrap();
    assert!(!String::from_utf8_lossy(&rules.stdout).contains("10.0.2.10"), "{rules:?}");

    // Alone it has a place of its own again.
    lab.wanted.topology.interfaces.get_mut("eni-b").unwrap().live = true;
    apply(&mut lab);
    assert!(links(&lab.namespace("eni-b")).contains("10.0.2.10/24"));
}

#[test]
fn what_runs_keeps_its_network_when_a_change_is_cut_off_or_fails() {
    let mut lab = lab!("cutoff");
    machine(&mut lab);
    apply(&mut lab);
    let first = lab.namespace("eni-a");
    lab.serve(&first, "machine", &lab::PORTS);
    let router = lab.namespace("vpc-1");
    // The engine died while it worked there.
    std::fs::write(lab.notes().join("network.at-work"), format!("{first}\n{router}")).unwrap();
    lab.restart();
    apply(&mut lab);
    lab.check("eni-c", "10.0.1.10", 80, true);
    lab.check("eni-c", "10.0.2.10", 5432, true);
    lab.check("eni-c", "10.0.2.10", 80, false);
    // Somebody removed a link: the next engine brings it back.
    assert!(inside(&first, || Command::new("ip").args(["link", "del", "eth0"]).status()).unwrap().success());
    lab.restart();
    apply(&mut lab);
    lab.check("eni-c", "10.0.1.10", 80, true);
    lab.check("eni-c", "10.0.2.10", 5432, true);
}

#[test]
fn a_machine_hears_itself_whatever_its_groups_say() {
    let mut lab = lab!("itself");
    machine(&mut lab);
    apply(&mut lab);
    let first = lab.namespace("eni-a");
    lab.serve(&first, "machine", &lab::PORTS);
    // Port 443 is in no group: closed to others, and nobody's business within.
    lab.check("eni-c", "10.0.1.10", 443, false);
    lab.check("eni-a", "10.0.1.10", 443, true);
    lab.check("eni-a", "10.0.2.10", 443, true);
}
