//! Transit gateways: their tables, the zones and ACLs of attachments, and a way to the Internet that VPCs share.

use crate::filters::web;
use crate::gateways::neighbours;
use crate::lab;
use crate::lab::Lab;
use yakumo_net::topology::{Target, Traffic};

fn tgw() -> Target {
    Target::TransitGateway("tgw-1".into())
}

#[test]
fn a_transit_gateway_follows_its_own_tables() {
    let mut lab = lab!("transit");
    web(&mut lab);
    neighbours(&mut lab);
    let b = &mut lab.wanted;
    b.attach("tgw-1", "vpc-1", &["subnet-1"]).attach("tgw-1", "vpc-2", &["subnet-3"]);
    b.attach("tgw-1", "vpc-3", &["subnet-4"]);
    b.transit_route("tgw-1", "10.0.0.0/16", "vpc-1").transit_route("tgw-1", "10.1.0.0/16", "vpc-2");
    for subnet in ["subnet-1", "subnet-3", "subnet-4"] {
        lab.wanted.route(subnet, "10.0.0.0/8", tgw());
    }
    lab.apply();
    lab.check("eni-a", "10.1.1.10", 80, true);
    lab.check("eni-d", "10.0.1.10", 80, true);
    lab.check("eni-a", "10.2.1.10", 80, false);
    lab.check("eni-e", "10.1.1.10", 80, false);
    lab.wanted.transit_route("tgw-1", "10.2.0.0/16", "vpc-3");
    lab.apply();
    lab.check("eni-a", "10.2.1.10", 80, true);
    lab.check("eni-e", "10.1.1.10", 80, true);
}

/// Two spokes, 10.1 and 10.2, each with an interface, and an egress VPC, 10.9, in which nothing runs: a subnet for the
/// attachment and a public one with the NAT gateway. Zone `b` has a spoke's second subnet and nothing of the egress VPC.
fn hub(lab: &mut Lab) {
    let public = lab.public(9);
    let b = &mut lab.wanted;
    for n in [1, 2] {
        let (vpc, group) = (format!("vpc-{n}"), format!("sg-{n}"));
        b.vpc(&vpc, &format!("10.{n}.0.0/16")).group(&group, &vpc).allow_cidr(
            &group,
            Traffic::All,
            "10.0.0.0/8",
        );
        for (zone, s) in [("a", 1), ("b", 2)] {
            let subnet = format!("subnet-{n}{zone}");
            b.subnet(&subnet, &vpc, &format!("10.{n}.{s}.0/24")).zone(&subnet, zone);
            b.interface(&format!("eni-{n}{zone}"), &subnet, &format!("10.{n}.{s}.10"), &group);
        }
        b.route(&format!("subnet-{n}a"), "0.0.0.0/0", tgw());
        b.attach("tgw-1", &vpc, &[&format!("subnet-{n}a")]).transit_route(
            "tgw-1",
            &format!("10.{n}.0.0/16"),
            &vpc,
        );
    }
    b.vpc("vpc-9", "10.9.0.0/16").gateway("vpc-9", "igw-9");
    for (subnet, block) in [("subnet-9t", "10.9.1.0/24"), ("subnet-9p", "10.9.2.0/24")] {
        b.subnet(subnet, "vpc-9", block).zone(subnet, "a").own_table(subnet, &format!("rtb-{subnet}"));
    }
    b.own_acl("subnet-9t", "acl-9t");
    b.nat("nat-9", "subnet-9p", "10.9.2.5", Some(&public));
    b.route("subnet-9p", "0.0.0.0/0", Target::InternetGateway("igw-9".into()));
    b.attach("tgw-1", "vpc-9", &["subnet-9t"]).transit_route("tgw-1", "0.0.0.0/0", "vpc-9");
}

#[test]
fn spokes_share_a_way_to_the_internet() {
    let mut lab = lab!("egress");
    hub(&mut lab);
    let (host, port, public) = (lab.host().to_string(), lab.serve_host(), lab.public(9));
    lab.apply();
    // Neither does the attachment's subnet know the way on, nor the NAT gateway's the way back.
    lab.check("eni-1a", &host, port, false);
    lab.wanted.route("subnet-9t", "0.0.0.0/0", Target::NatGateway("nat-9".into()));
    lab.apply();
    lab.check("eni-1a", &host, port, false);
    lab.wanted.route("subnet-9p", "10.0.0.0/8", tgw());
    lab.apply();
    lab.check("eni-1a", &host, port, true);
    lab.check("eni-2a", &host, port, true);
    assert_eq!(lab.connect("eni-1a", &host, port), Some(format!("host ::ffff:{public}")));
    // The spokes see each other, and the NAT gateway lets nobody in.
    lab.check("eni-1a", "10.2.1.10", 80, true);
    lab.check("host", &public, 80, false);
    // Zone b has no attachment: what is sent there does not reach the gateway, and answers do not either.
    lab.check("eni-1b", &host, port, false);
    lab.check("eni-1a", "10.2.2.10", 80, false);
    lab.wanted.attach("tgw-1", "vpc-1", &["subnet-1a", "subnet-1b"]);
    lab.apply();
    lab.check("eni-1b", &host, port, true);
    // An internet gateway takes no packets of others, and what is outside does not lead outside.
    lab.wanted.route("subnet-9t", "0.0.0.0/0", Target::InternetGateway("igw-9".into()));
    lab.apply();
    lab.check("eni-1a", &host, port, false);
    lab.wanted.route("subnet-9t", "0.0.0.0/0", Target::NatGateway("nat-9".into()));
    lab.apply();
    lab.check("eni-1a", &host, port, true);
    // With the last interface of the spokes the egress VPC goes, too.
    lab.wanted.topology.interfaces.values_mut().for_each(|interface| interface.live = false);
    lab.apply();
    assert!(lab.engine().present().namespaces.is_empty());
}

#[test]
fn acls_of_attachments_are_asked() {
    let mut lab = lab!("transit-acl");
    hub(&mut lab);
    let (host, port) = (lab.host().to_string(), lab.serve_host());
    lab.wanted.route("subnet-9t", "0.0.0.0/0", Target::NatGateway("nat-9".into()));
    lab.wanted.route("subnet-9p", "10.0.0.0/8", tgw());
    lab.apply();
    lab.check("eni-1a", &host, port, true);
    let all = Traffic::All;
    let whole = format!("{host}/32");
    for (egress, block) in [(true, whole.as_str()), (false, whole.as_str())] {
        // Out: from the gateway on to the NAT gateway, by where it goes; in: what comes back, by where it is from.
        lab.wanted.acl_entry("acl-9t", egress, 50, false, all, block);
        lab.apply();
        lab.check("eni-1a", &host, port, false);
        lab.wanted.acl_entry("acl-9t", egress, 50, true, all, block);
        lab.apply();
        lab.check("eni-1a", &host, port, true);
        // In the other direction the same block is not asked about.
        let spoke = "10.1.0.0/16";
        lab.wanted.acl_entry("acl-9t", !egress, 50, false, all, if egress { spoke } else { "10.2.0.0/16" });
        lab.apply();
        lab.check("eni-1a", &host, port, true);
    }
    // In the attachment's own subnet what is sent asks both directions, and what comes none.
    lab.wanted.own_acl("subnet-2a", "acl-2a");
    lab.wanted.acl_entry("acl-2a", false, 50, false, all, "10.2.0.0/16");
    lab.apply();
    lab.check("eni-2a", "10.1.1.10", 80, false);
    lab.wanted.acl_entry("acl-2a", false, 50, false, all, "10.1.0.0/16");
    lab.apply();
    lab.check("eni-2a", "10.1.1.10", 80, true);
    lab.check("eni-1a", "10.2.1.10", 80, true);
}

/// An inspection VPC, 10.8, with subnets in both zones, between the spokes: which of its subnets a packet enters by.
#[test]
fn zones_are_kept_unless_an_appliance_wants_one() {
    let mut lab = lab!("zones");
    hub(&mut lab);
    let b = &mut lab.wanted;
    b.vpc("vpc-8", "10.8.0.0/16").group("sg-8", "vpc-8").allow_cidr("sg-8", Traffic::All, "10.0.0.0/8");
    for (zone, s) in [("a", 1), ("b", 2)] {
        let subnet = format!("subnet-8{zone}");
        b.subnet(&subnet, "vpc-8", &format!("10.8.{s}.0/24")).zone(&subnet, zone);
        b.own_table(&subnet, &format!("rtb-8{zone}"));
        b.route(&subnet, "10.1.0.0/16", tgw());
    }
    b.subnet("subnet-8s", "vpc-8", "10.8.3.0/24").zone("subnet-8s", "a").route(
        "subnet-8s",
        "0.0.0.0/0",
        tgw(),
    );
    b.interface("eni-8", "subnet-8s", "10.8.3.10", "sg-8");
    b.route("subnet-1b", "10.8.0.0/16", tgw());
    b.attach("tgw-1", "vpc-1", &["subnet-1a", "subnet-1b"]).attach(
        "tgw-1",
        "vpc-8",
        &["subnet-8a", "subnet-8b"],
    );
    b.transit_route("tgw-1", "10.8.0.0/16", "vpc-8");
    // What enters in zone b goes nowhere.
    b.route("subnet-8b", "10.8.3.0/24", Target::Blackhole);
    lab.apply();
    lab.check("eni-1a", "10.8.3.10", 80, true);
    lab.check("eni-1b", "10.8.3.10", 80, false);
    let gateway = lab.wanted.topology.transit_gateways.get_mut("tgw-1").unwrap();
    gateway.attachments.get_mut("tgw-attach-vpc-8").unwrap().appliance = true;
    lab.apply();
    lab.check("eni-1a", "10.8.3.10", 80, true);
    lab.check("eni-1b", "10.8.3.10", 80, true);
}
