//! Security groups, network ACLs, the source/destination check.

use crate::lab;
use crate::lab::Lab;
use crate::sample::Builder;
use std::process::Command;
use std::time::Duration;
use yakumo_net::topology::{Ports, PrivateAddress, Target, Traffic};

const DOUBT: Duration = Duration::from_millis(250);

/// A public and a private subnet with a web server and two databases.
pub fn web(lab: &mut Lab) {
    let public = lab.public(0);
    let b: &mut Builder = &mut lab.wanted;
    b.vpc("vpc-1", "10.0.0.0/16").gateway("vpc-1", "igw-1");
    b.subnet("subnet-1", "vpc-1", "10.0.1.0/24").subnet("subnet-2", "vpc-1", "10.0.2.0/24");
    b.own_table("subnet-2", "rtb-2");
    b.group("sg-web", "vpc-1").group("sg-db", "vpc-1");
    b.allow_cidr("sg-web", Traffic::Tcp(Ports::only(80)), "0.0.0.0/0");
    b.allow_group("sg-db", Traffic::Tcp(Ports::only(5432)), "sg-web");
    b.interface("eni-a", "subnet-1", "10.0.1.10", "sg-web").public("eni-a", &public);
    b.interface("eni-b", "subnet-1", "10.0.1.11", "sg-db");
    b.interface("eni-c", "subnet-2", "10.0.2.10", "sg-db");
    b.route("subnet-1", "0.0.0.0/0", Target::InternetGateway("igw-1".into()));
    lab.apply();
}

#[test]
fn groups_and_acls_decide() {
    let mut lab = lab!("filters");
    web(&mut lab);
    let public = lab.public(0);
    // By block, from the Internet; and in the same subnet and across, by group, statefully.
    lab.check("host", &public, 80, true);
    lab.check("host", &public, 443, false);
    lab.check("eni-a", "10.0.1.11", 5432, true);
    lab.check("eni-a", "10.0.1.11", 80, false);
    lab.check("eni-a", "10.0.2.10", 5432, true);
    lab.check("eni-b", "10.0.2.10", 5432, false);
    lab.check("eni-c", "10.0.1.11", 5432, false);
    lab.check("eni-a", "10.0.1.77", 5432, false);
    // Who leaves the group is let in no more; who comes back is.
    let groups = |lab: &mut Lab, group: &str| {
        lab.wanted.topology.interfaces.get_mut("eni-a").unwrap().groups = [group.to_owned()].into();
        lab.apply();
    };
    groups(&mut lab, "sg-db");
    lab.check("eni-a", "10.0.2.10", 5432, false);
    groups(&mut lab, "sg-web");
    lab.check("eni-a", "10.0.2.10", 5432, true);
    // A rule goes, and comes.
    let rules = lab.wanted.topology.groups.get_mut("sg-db").unwrap().ingress.pop();
    lab.apply();
    lab.check("eni-a", "10.0.2.10", 5432, false);
    lab.wanted.topology.groups.get_mut("sg-db").unwrap().ingress.extend(rules);
    let egress = std::mem::take(&mut lab.wanted.topology.groups.get_mut("sg-web").unwrap().egress);
    lab.apply();
    lab.check("eni-a", "10.0.2.10", 5432, false);
    lab.wanted.topology.groups.get_mut("sg-web").unwrap().egress = egress;
    lab.apply();
    lab.check("eni-a", "10.0.2.10", 5432, true);

    // An ACL that denies the ports of answers breaks what crosses it, and nothing inside of a subnet.
    let ephemeral = Traffic::Tcp(Ports { from: 1024, to: u16::MAX });
    lab.wanted.own_acl("subnet-1", "acl-1").acl_entry("acl-1", false, 90, false, ephemeral, "10.0.2.0/24");
    lab.apply();
    lab.check("eni-a", "10.0.2.10", 5432, false);
    lab.check("eni-a", "10.0.1.11", 5432, true);
    lab.check("host", &public, 80, true);
    // In and out; the lowest number decides.
    lab.wanted.acl_entry("acl-1", false, 80, true, Traffic::All, "10.0.2.0/24");
    lab.apply();
    lab.check("eni-a", "10.0.2.10", 5432, true);
    lab.wanted.acl_entry("acl-1", true, 70, false, Traffic::Tcp(Ports::only(5432)), "10.0.0.0/16");
    lab.apply();
    lab.check("eni-a", "10.0.2.10", 5432, false);
    lab.check("eni-a", "10.0.1.11", 5432, true);
    lab.wanted.acl_entry("acl-1", false, 60, false, Traffic::Tcp(Ports::only(80)), "0.0.0.0/0");
    lab.apply();
    lab.check("host", &public, 80, false);
}

#[test]
fn a_spoofed_source_is_dropped_unless_the_check_is_off() {
    let mut lab = lab!("spoof");
    web(&mut lab);
    let inside = lab.namespace("eni-b");
    let added = Command::new("ip").args(["-n", &inside, "addr", "add", "10.0.1.10/32", "dev", "lo"]).status();
    assert!(added.unwrap().success());
    // A handshake cannot come about with another's address, so the packets that arrive are counted.
    let arrived = |lab: &Lab| {
        let _ = lab.connect_as("eni-b", Some("10.0.1.10"), "10.0.2.10", 5432, Duration::from_millis(100));
        let namespace = lab.namespace("eni-c");
        let text =
            yakumo_net::engine::inside(&namespace, || std::fs::read_to_string("/proc/thread-self/net/snmp"));
        let text = text.unwrap();
        // Of IPv4 alone: the kernel sends some of IPv6 by itself. A line of names stands above that of values.
        let line = text.lines().filter(|line| line.starts_with("Ip:")).nth(1).unwrap().to_owned();
        line.split_whitespace().nth(3).unwrap().parse::<u64>().unwrap()
    };
    let before = arrived(&lab);
    assert_eq!(arrived(&lab), before, "a spoofed packet arrived");
    lab.wanted.topology.interfaces.get_mut("eni-b").unwrap().source_dest_check = false;
    lab.apply();
    assert_eq!(arrived(&lab), before, "a rule that names a group is for its members themselves");
    lab.wanted.allow_cidr("sg-db", Traffic::Tcp(Ports::only(5432)), "10.0.1.10/32");
    lab.apply();
    assert!(arrived(&lab) > before, "the check is off, and nothing arrived");
}

#[test]
fn an_interface_forwards_for_others_when_its_check_is_off() {
    let mut lab = lab!("forward");
    web(&mut lab);
    let open = |lab: &mut Lab, group: &str| {
        lab.wanted.allow_cidr(group, Traffic::All, "10.0.0.0/8");
    };
    open(&mut lab, "sg-db");
    open(&mut lab, "sg-web");
    // Packets to an address that is nobody's in the VPC go to eni-c, which has it on its loopback.
    let inside = lab.namespace("eni-c");
    let added = Command::new("ip").args(["-n", &inside, "addr", "add", "10.9.0.1/32", "dev", "lo"]).status();
    assert!(added.unwrap().success());
    lab.wanted.route("subnet-1", "10.9.0.0/16", Target::Interface("eni-c".into()));
    lab.apply();
    assert_eq!(lab.connect_as("eni-a", None, "10.9.0.1", 5432, Duration::from_millis(250)), None);
    lab.wanted.topology.interfaces.get_mut("eni-c").unwrap().source_dest_check = false;
    lab.apply();
    assert!(lab.connect("eni-a", "10.9.0.1", 5432).is_some_and(|text| text.starts_with("eni-c")));
}

#[test]
fn whoever_says_no_address_sends_from_the_first_one() {
    let mut lab = lab!("primary");
    web(&mut lab);
    // All at once, then one by one: others that stand before the first one when they are sorted, as text and as numbers.
    lab.wanted.interface("eni-d", "subnet-1", "10.0.1.50", "sg-web");
    hold(&mut lab, "eni-d", "10.0.1.101");
    hold(&mut lab, "eni-d", "10.0.1.3");
    lab.apply();
    hold(&mut lab, "eni-a", "10.0.1.100");
    lab.apply();
    hold(&mut lab, "eni-a", "10.0.1.2");
    lab.apply();
    for (from, own) in [
        ("eni-a", ["10.0.1.10", "10.0.1.100", "10.0.1.2"]),
        ("eni-d", ["10.0.1.50", "10.0.1.101", "10.0.1.3"]),
    ] {
        sends(&lab, from, None, own[0]);
        own.iter().for_each(|own| sends(&lab, from, Some(own), own));
    }
    lab.wanted.topology.interfaces.get_mut("eni-a").unwrap().addresses.remove(1);
    lab.apply();
    sends(&lab, "eni-a", None, "10.0.1.10");
    sends(&lab, "eni-a", Some("10.0.1.2"), "10.0.1.2");
    assert_eq!(lab.connect_as("eni-a", Some("10.0.1.100"), "10.0.1.11", 5432, DOUBT), None);
}

fn hold(lab: &mut Lab, interface: &str, address: &str) {
    let address = PrivateAddress { private: address.parse().unwrap(), public: None };
    lab.wanted.topology.interfaces.get_mut(interface).unwrap().addresses.push(address);
}

/// What a server of the same subnet, and one of another, see of a sender.
#[track_caller]
fn sends(lab: &Lab, from: &str, source: Option<&str>, seen: &str) {
    for to in ["10.0.1.11", "10.0.2.10"] {
        let told = lab.connect_as(from, source, to, 5432, Duration::from_secs(2));
        assert!(told.as_ref().is_some_and(|told| told.ends_with(&format!(":{seen}"))), "{to}: {told:?}");
    }
}
