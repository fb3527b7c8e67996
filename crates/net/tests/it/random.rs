//! Random topologies: the model and the kernel agree; sequences of changes end where a fresh build does.

use crate::lab;
use crate::lab::{Ask, Lab, PORTS};
use crate::sample::Builder;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};
use yakumo_net::engine::{compile, inside};
use yakumo_net::topology::{
    Peer, Ports, Target, Traffic, TransitAttachment, TransitGateway, TransitRoute, TransitTable,
};

/// A small generator of random numbers whose seed is printed, so that a failure can be made again.
pub struct Dice(u64);

impl Dice {
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % sides
    }

    fn of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.roll(choices.len())]
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.roll(100) < percent
    }
}

pub fn seed(case: u64) -> Dice {
    let base = std::env::var("YAKUMO_NET_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(7_u64);
    let mut dice = Dice((base + case).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    dice.roll(2);
    dice
}

pub fn cases(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn traffic(dice: &mut Dice) -> Traffic {
    let port = *dice.of(&PORTS);
    *dice.of(&[
        Traffic::All,
        Traffic::All,
        Traffic::Tcp(Ports::only(port)),
        Traffic::Tcp(Ports { from: 1024, to: u16::MAX }),
        Traffic::Tcp(Ports::ALL),
        Traffic::Udp(Ports::only(port)),
        Traffic::Udp(Ports::ALL),
        Traffic::Icmp { kind: None, code: None },
        Traffic::Icmp { kind: Some(8), code: None },
        Traffic::Icmp { kind: Some(0), code: Some(0) },
        Traffic::Icmpv6 { kind: None, code: None },
        Traffic::Icmpv6 { kind: Some(128), code: Some(0) },
    ])
}

fn block(dice: &mut Dice) -> String {
    let blocks = [
        "0.0.0.0/0",
        "0.0.0.0/0",
        "10.0.0.0/8",
        "10.0.0.0/16",
        "10.0.1.0/24",
        "10.1.0.0/16",
        "198.18.0.0/15",
        "::/0",
    ];
    (*dice.of(&blocks)).to_owned()
}

/// One to three VPCs: 10.0, 10.1, 10.2, each with two subnets and two to four interfaces.
pub fn topology(lab: &Lab, dice: &mut Dice) -> Builder {
    let mut b = Builder::default();
    let vpcs = 1 + dice.roll(3);
    let mut publics = 0;
    for v in 0..vpcs {
        let vpc = format!("vpc-{v}");
        b.vpc(&vpc, &format!("10.{v}.0.0/16"));
        let v6 = lab.block_v6(u16::try_from(v).unwrap() + 1);
        b.block(&vpc, &v6);
        if dice.chance(80) {
            b.gateway(&vpc, &format!("igw-{v}"));
        }
        for s in 0..2 {
            let subnet = format!("subnet-{v}{s}");
            b.subnet(&subnet, &vpc, &format!("10.{v}.{s}.0/24"));
            b.zone(&subnet, if dice.chance(70) { ["a", "b"][s] } else { "a" });
            if dice.chance(70) {
                b.own_table(&subnet, &format!("rtb-{v}{s}"));
            }
            if dice.chance(50) {
                let acl = format!("acl-{v}{s}");
                b.own_acl(&subnet, &acl);
                for _ in 0..dice.roll(4) {
                    let (number, allow) = (1 + u16::try_from(dice.roll(200)).unwrap(), dice.chance(40));
                    let (egress, kind, block) = (dice.chance(50), traffic(dice), block(dice));
                    b.acl_entry(&acl, egress, number, allow, kind, &block);
                }
            }
        }
        for g in 0..2 {
            let group = format!("sg-{v}{g}");
            b.group(&group, &vpc);
            if dice.chance(10) {
                b.topology.groups.get_mut(&group).unwrap().egress.clear();
            }
        }
        for i in 0..2 + dice.roll(3) {
            let (id, s, g) = (format!("eni-{v}{i}"), dice.roll(2), dice.roll(2));
            b.interface(
                &id,
                &format!("subnet-{v}{s}"),
                &format!("10.{v}.{s}.{}", 10 + i),
                &format!("sg-{v}{g}"),
            );
            if dice.chance(50) {
                b.public(&id, &lab.public(publics));
                publics += 1;
            }
            let interface = b.topology.interfaces.get_mut(&id).unwrap();
            interface.source_dest_check = dice.chance(80);
            if dice.chance(40) {
                interface.ipv6 = vec![v6.replace("::/56", &format!("::{i}{s}a")).parse().unwrap()];
            }
            if dice.chance(20) {
                interface.groups.insert(format!("sg-{v}{}", 1 - g));
            }
        }
        if dice.chance(50) {
            let public = dice.chance(80).then(|| lab.public(100 + publics));
            b.nat(&format!("nat-{v}"), &format!("subnet-{v}0"), &format!("10.{v}.0.5"), public.as_deref());
            publics += 1;
        }
    }
    for v in 1..vpcs {
        if dice.chance(60) {
            b.peering(&format!("pcx-{}{v}", v - 1), &format!("vpc-{}", v - 1), &format!("vpc-{v}"));
        }
    }
    transit(&mut b, dice, vpcs);
    rules(&mut b, dice, vpcs);
    routes(&mut b, dice, vpcs);
    b
}

fn transit(b: &mut Builder, dice: &mut Dice, vpcs: usize) {
    if vpcs < 2 || !dice.chance(50) {
        return;
    }
    let mut gateway = TransitGateway::default();
    for v in 0..vpcs {
        let table = dice.chance(80).then(|| format!("tgw-rtb-{}", dice.roll(2)));
        let subnets = (0..2).filter(|_| dice.chance(80)).map(|s| format!("subnet-{v}{s}"));
        let subnets = subnets.map(|subnet| (b.topology.subnets[&subnet].zone.clone(), subnet)).collect();
        let attachment = TransitAttachment {
            vpc: format!("vpc-{v}"),
            subnets,
            route_table: table,
            dns: false,
            appliance: dice.chance(30),
        };
        gateway.attachments.insert(format!("tgw-attach-{v}"), attachment);
    }
    for table in ["tgw-rtb-0", "tgw-rtb-1"] {
        let mut routes = Vec::new();
        for v in 0..vpcs {
            if dice.chance(80) {
                let attachment = dice.chance(80).then(|| format!("tgw-attach-{v}"));
                let route = |cidr: &str| TransitRoute {
                    cidr: cidr.parse().unwrap(),
                    attachment: attachment.clone(),
                    propagated: false,
                };
                routes.push(route(&format!("10.{v}.0.0/16")));
                let blocks = &b.topology.vpcs[&format!("vpc-{v}")].cidrs;
                routes.extend(
                    blocks.iter().filter(|cidr| !cidr.is_ipv4()).map(|cidr| route(&cidr.to_string())),
                );
            }
        }
        if dice.chance(60) {
            let attachment = Some(format!("tgw-attach-{}", dice.roll(vpcs)));
            routes.push(TransitRoute { cidr: "0.0.0.0/0".parse().unwrap(), attachment, propagated: false });
        }
        gateway.route_tables.insert(table.to_owned(), TransitTable { routes });
    }
    b.topology.transit_gateways.insert("tgw-0".into(), gateway);
}

fn rules(b: &mut Builder, dice: &mut Dice, vpcs: usize) {
    for v in 0..vpcs {
        for g in 0..2 {
            for _ in 0..1 + dice.roll(3) {
                let peer = match dice.roll(3) {
                    0 => Peer::Group(format!("sg-{}{}", dice.roll(vpcs), dice.roll(2))),
                    _ => Peer::Cidr(block(dice).parse().unwrap()),
                };
                let kind = traffic(dice);
                b.allow(&format!("sg-{v}{g}"), kind, peer);
            }
        }
    }
}

fn routes(b: &mut Builder, dice: &mut Dice, vpcs: usize) {
    for v in 0..vpcs {
        for s in 0..2 {
            let subnet = format!("subnet-{v}{s}");
            for _ in 0..1 + dice.roll(4) {
                let other = dice.roll(vpcs);
                let six = b.topology.vpcs[&format!("vpc-{other}")].cidrs[1].to_string();
                let (to, target) = match dice.roll(12) {
                    9 if other + 1 == v => (six, Target::Peering(format!("pcx-{other}{v}"))),
                    9 | 10 if other != v => (six, Target::TransitGateway("tgw-0".into())),
                    11 => ("0.0.0.0/0".to_owned(), Target::TransitGateway("tgw-0".into())),
                    0..=2 => ("0.0.0.0/0".to_owned(), Target::InternetGateway(format!("igw-{v}"))),
                    3 => ("::/0".to_owned(), Target::InternetGateway(format!("igw-{v}"))),
                    4 if s == 1 => ("0.0.0.0/0".to_owned(), Target::NatGateway(format!("nat-{v}"))),
                    5 | 6 if v > 0 => {
                        (format!("10.{}.0.0/16", v - 1), Target::Peering(format!("pcx-{}{v}", v - 1)))
                    }
                    5 | 6 => (format!("10.{}.0.0/16", v + 1), Target::Peering(format!("pcx-{v}{}", v + 1))),
                    7 => ("10.0.0.0/8".to_owned(), Target::TransitGateway("tgw-0".into())),
                    _ => match dice.roll(3) {
                        0 => (format!("10.{v}.{}.0/24", 1 - s), Target::Interface(format!("eni-{v}0"))),
                        1 => (block(dice), Target::Blackhole),
                        _ => ("10.0.0.0/8".to_owned(), Target::TransitGateway("tgw-0".into())),
                    },
                };
                b.route(&subnet, &to, target);
            }
        }
    }
}

/// Who may ask whom: each interface and the host, each address of every other interface.
fn questions(lab: &Lab, dice: &mut Dice) -> Vec<(String, String, Ask)> {
    let topology = &lab.wanted.topology;
    let mut all = Vec::new();
    let senders = topology.interfaces.keys().map(String::as_str).chain(["host"]);
    for from in senders {
        for (to, interface) in topology.interfaces.iter().filter(|(to, _)| to.as_str() != from) {
            let publics =
                interface.addresses.iter().filter_map(|address| address.public).map(std::net::IpAddr::V4);
            let private = interface.all_addresses().filter(|_| from != "host");
            let v6 = interface.ipv6.iter().copied().map(std::net::IpAddr::V6).filter(|_| from == "host");
            for address in private.chain(publics).chain(v6) {
                let fits = from == "host"
                    || topology.interfaces[from]
                        .all_addresses()
                        .any(|own| own.is_ipv4() == address.is_ipv4());
                if fits && to != from {
                    let port = *dice.of(&PORTS);
                    let ask = *dice.of(&[Ask::Tcp(port), Ask::Tcp(port), Ask::Udp(port), Ask::Ping]);
                    all.push((from.to_owned(), address.to_string(), ask));
                }
            }
        }
    }
    while all.len() > 60 {
        all.swap_remove(dice.roll(all.len()));
    }
    all
}

/// What routers are asked, and what is refused.
const ROUTER: [(&str, u16); 6] = [
    ("169.254.169.254", 80),
    ("10.0.0.2", 53),
    ("169.254.169.253", 53),
    ("169.254.169.254", 53),
    ("10.1.0.2", 53),
    ("10.0.0.2", 80),
];

/// Every router that stands answers on every address of its own.
fn serve_routers(lab: &Lab) {
    for id in lab.wanted.topology.vpcs.keys() {
        let name = lab.namespace(id);
        if std::path::Path::new("/run/netns").join(&name).exists() {
            lab.serve(&name, id, &[53, 80]);
        }
    }
}

#[test]
fn model_and_kernel_agree() {
    for case in 0..cases("YAKUMO_NET_CASES", 12) {
        let mut lab = lab!("random");
        let mut dice = seed(case);
        lab.wanted = topology(&lab, &mut dice);
        lab.apply();
        let port = lab.serve_host();
        serve_routers(&lab);
        let mut questions = questions(&lab, &mut dice);
        let host = lab.host().to_string();
        let ways = [Ask::Tcp(port), Ask::Udp(port), Ask::Ping];
        questions.extend(
            lab.wanted.topology.interfaces.keys().map(|id| (id.clone(), host.clone(), *dice.of(&ways))),
        );
        for (id, (to, port)) in lab.wanted.topology.interfaces.keys().zip(ROUTER.iter().cycle()) {
            questions.push((id.clone(), (*to).to_owned(), Ask::Tcp(*port)));
        }
        let (mut yes, mut wrong) = (0, Vec::new());
        let outcomes: Vec<(bool, bool)> = thread::scope(|scope| {
            let lab = &lab;
            let asked: Vec<_> = questions
                .iter()
                .map(|(from, to, ask)| scope.spawn(move || lab.both(from, to, *ask)))
                .collect();
            asked.into_iter().map(|one| one.join().unwrap()).collect()
        });
        for ((from, to, ask), (told, passed)) in questions.iter().zip(outcomes) {
            yes += usize::from(told);
            if told != passed {
                wrong.push(format!(
                    "{from} to {to} {ask:?}: model {told}, kernel {passed}\n{}",
                    lab.explain(from, to, *ask)
                ));
            }
        }
        println!("case {case}: {} connections, {yes} come about", questions.len());
        assert!(wrong.is_empty(), "case {case}:\n{}\n{:#?}", wrong.join("\n"), lab.wanted.topology);
    }
}

/// The kernel's state in all namespaces of a cloud, without what the kernel numbers by itself.
fn dump(lab: &Lab) -> Vec<String> {
    let mut lines = Vec::new();
    for name in crate::lab::left(lab.cloud()) {
        if !std::path::Path::new("/run/netns").join(&name).exists() {
            continue;
        }
        for command in [
            vec!["ip", "-br", "link"],
            vec!["ip", "-o", "addr"],
            vec!["ip", "route", "show", "table", "all"],
            vec!["ip", "-6", "route", "show", "table", "all"],
            vec!["ip", "rule"],
            vec!["ip", "-6", "rule"],
            vec!["ip", "neigh", "show", "nud", "permanent"],
            vec!["nft", "list", "ruleset"],
        ] {
            let output = inside(&name, || Command::new(command[0]).args(&command[1..]).output()).unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            let ordered = command[0] == "nft";
            let mut found: Vec<String> = text.lines().map(plain).collect();
            if ordered {
                found = found.join(" ").split('}').map(elements).collect();
            }
            found.sort();
            lines.extend(found.into_iter().map(|line| format!("{name} {}: {line}", command.join(" "))));
        }
    }
    lines
}

/// The same when it does not change any more.
pub fn settled(lab: &Lab) -> Vec<String> {
    let (end, mut last) = (Instant::now() + Duration::from_secs(10), dump(lab));
    loop {
        thread::sleep(Duration::from_millis(50));
        let now = dump(lab);
        if (now == last && !now.iter().any(|line| line.contains("NO-CARRIER"))) || Instant::now() > end {
            return now;
        }
        last = now;
    }
}

/// Without indices of links.
fn plain(line: &str) -> String {
    let words = line.split_whitespace().map(|word| word.split("@if").next().unwrap_or(word));
    let words =
        words.filter(|word| !word.trim_end_matches(':').parse::<u32>().is_ok_and(|_| word.ends_with(':')));
    words.collect::<Vec<_>>().join(" ")
}

/// The elements of a set have no order.
fn elements(text: &str) -> String {
    match text.split_once("elements = {") {
        Some((head, list)) => {
            let mut all: Vec<&str> = list.split(',').map(str::trim).collect();
            all.sort_unstable();
            format!("{} {}", head.trim(), all.join(", "))
        }
        None => text.trim().to_owned(),
    }
}

#[test]
fn changes_end_where_a_fresh_build_does() {
    for case in 0..cases("YAKUMO_NET_SEQUENCES", 3) {
        let mut lab = lab!("sequence");
        let mut dice = seed(1000 + case);
        for step in 0..8 {
            let next = topology(&lab, &mut dice);
            mix(&mut lab.wanted, next, &mut dice);
            match dice.roll(5) {
                0 => lab.restart(),
                1 => break_something(&mut lab, &mut dice),
                _ => {}
            }
            let topology = lab.wanted.topology.clone();
            assert_eq!(topology.flaws(), [], "case {case}, step {step}");
            lab.engine().apply(&topology).unwrap();
            // A change of rules alone is not compiled with everything else, and comes to the same.
            let next = self::topology(&lab, &mut dice).topology;
            let wanted = &mut lab.wanted.topology;
            for (id, group) in next.groups {
                if let Some(known) = wanted.groups.get_mut(&id).filter(|_| dice.chance(50)) {
                    *known = group;
                }
            }
            for (id, acl) in next.acls {
                if let Some(known) = wanted.acls.get_mut(&id).filter(|_| dice.chance(50)) {
                    *known = acl;
                }
            }
            let topology = lab.wanted.topology.clone();
            lab.engine().apply(&topology).unwrap();
            let engine = lab.engine();
            let compiled = compile(&topology, engine.names(), &engine.present().marks).unwrap();
            assert!(engine.present().namespaces == compiled.namespaces, "case {case}, step {step}");
        }
        let changed = settled(&lab);
        let topology = lab.wanted.topology.clone();
        lab.engine().rebuild(&topology).unwrap();
        differ(&lab, &changed, case);
    }
}

/// Compares what was with a fresh build. The kernel finds out about carriers a moment later.
pub fn differ(lab: &Lab, changed: &[String], case: u64) {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let fresh = dump(lab);
        let surplus: Vec<&String> = changed.iter().filter(|line| !fresh.contains(line)).collect();
        let lacking: Vec<&String> = fresh.iter().filter(|line| !changed.contains(line)).collect();
        if surplus.is_empty() && lacking.is_empty() {
            return;
        }
        assert!(Instant::now() < end, "case {case}: too much {surplus:#?}\nlacking {lacking:#?}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// Takes parts of another topology, or the whole of it.
pub fn mix(wanted: &mut Builder, next: Builder, dice: &mut Dice) {
    if wanted.topology.vpcs.is_empty() || dice.chance(40) {
        *wanted = next;
        return;
    }
    let (to, from) = (&mut wanted.topology, next.topology);
    for (id, rule) in from.groups {
        if to.groups.contains_key(&id) {
            to.groups.insert(id, rule);
        }
    }
    for (id, table) in from.route_tables {
        if to.route_tables.contains_key(&id) {
            to.route_tables.insert(id, table);
        }
    }
    let ids: Vec<String> = to.interfaces.keys().cloned().collect();
    for id in ids {
        match dice.roll(6) {
            0 => drop(to.interfaces.remove(&id)),
            1 => to.interfaces.get_mut(&id).unwrap().live ^= true,
            2 => to.interfaces.get_mut(&id).unwrap().addresses[0].public = None,
            _ => {}
        }
    }
    if dice.chance(30) {
        to.peerings.clear();
        to.nat_gateways.clear();
    }
    if dice.chance(30) {
        to.acls.extend(from.acls);
    }
}

/// What a `kill -9` or a stranger leaves: a namespace, a link or the notes of work are not as they were.
fn break_something(lab: &mut Lab, dice: &mut Dice) {
    let names: Vec<String> = lab.engine().present().namespaces.keys().cloned().collect();
    if !names.is_empty() {
        let name = dice.of(&names).clone();
        match dice.roll(3) {
            0 => drop(Command::new("ip").args(["netns", "del", &name]).status()),
            1 => std::fs::write(lab.notes().join("network.at-work"), &name).unwrap(),
            _ => drop(std::fs::write(lab.notes().join("network.json"), "{")),
        }
    }
    lab.restart();
}
