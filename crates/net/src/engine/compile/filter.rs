//! The packet filter of a VPC's router, in stages on one hook: `accept` ends a stage, not the way.
//!
//! Guard, security groups out, network ACL out, network ACL in (neither asks for connections, so they know none),
//! security groups in: all that the sender's end decides comes before all that the receiver's does (see `flows`).

use super::super::names::hash;
use super::super::plan::Namespace;
use super::rules::{Side, block, own, set, traffic};
use super::{Compile, Member};
use crate::topology::{Acl, AclEntry, GroupRule, Id, Peer};
use std::collections::BTreeSet;
use std::net::IpAddr;

const ACCEPT: &str = "policy accept;";
const DROP: &str = "policy drop;";

impl Compile<'_> {
    /// The filter of a VPC that has a router.
    pub(super) fn filter(&mut self, vpc: &str) {
        let Some((vpc, members)) = self.live.remove_entry(vpc) else { return };
        let mut at = std::mem::take(self.plan.at(&self.names.namespace(vpc)));
        stages(&mut at);
        self.services(&mut at, vpc);
        for member in &members {
            self.member_filter(&mut at, vpc, member);
        }
        self.internet(&mut at, vpc, &members);
        self.plan.namespaces.insert(self.names.namespace(vpc), at);
        self.live.insert(vpc, members);
    }

    /// What the router itself answers: to the VPC's own interfaces only, each by an address of its own, so that the
    /// address says who asks even where the source is not checked.
    fn services(&self, at: &mut Namespace, vpc: &str) {
        at.set("services4", "set", "type ipv4_addr . inet_proto . inet_service;");
        at.set("services6", "set", "type ipv6_addr . inet_proto . inet_service;");
        let Some(vpc) = self.topology.vpcs.get(vpc) else { return };
        for (service, address) in vpc.services().into_iter().filter(|(service, _)| vpc.serves(*service)) {
            let set = if address.is_ipv4() { "services4" } else { "services6" };
            for protocol in [service.tcp().then_some("tcp"), service.udp().then_some("udp")] {
                let element = protocol.map(|protocol| format!("{address} . {protocol} . {}", service.port()));
                at.set(set, "set", "").elements.extend(element);
            }
        }
    }

    fn member_filter(&self, at: &mut Namespace, vpc: &str, member: &Member<'_>) {
        let link = format!("\"{}\"", member.link);
        let mark = self.plan.marks.get(member.subnet_id).copied().unwrap_or_default();
        for address in &member.addresses {
            let name = if address.is_ipv4() { "own4" } else { "own6" };
            add(at, name, format!("{link} . {address}"));
        }
        if member.checked {
            add(at, "checked", link.clone());
        }
        add(at, "subnet_of", format!("{link} : 0x{mark:08x}"));
        add(at, "inside", format!("0x{mark:08x} . {link}"));
        let acl = &member.subnet.acl;
        add(at, "acl_out", format!("0x{mark:08x} : jump {acl}_out"));
        add(at, "acl_in", format!("{link} : jump {acl}_in"));
        self.acl(at, acl);
        let (out, into) = match member.groups {
            None => ("accept".to_owned(), "accept".to_owned()),
            Some(groups) => self.groups(at, vpc, groups),
        };
        if self.topology.watched.contains_key(member.interface) {
            at.watched.insert(member.link.clone(), member.interface.to_owned());
        }
        add(at, "group_out", format!("{link} : {out}"));
        add(at, "group_in", format!("{link} : {into}"));
    }

    pub(super) fn acl(&self, at: &mut Namespace, id: &str) {
        let nothing = Acl::default();
        let acl = self.topology.acls.get(id).unwrap_or(&nothing);
        for (suffix, side, entries) in
            [("out", Side::Destination, &acl.egress), ("in", Side::Source, &acl.ingress)]
        {
            let name = format!("{id}_{suffix}");
            if at.rules.chains.contains_key(&name) {
                continue;
            }
            let rules: Vec<String> =
                Acl::in_order(entries).into_iter().filter_map(|one| entry(side, one)).collect();
            let chain = at.chain(&name, "");
            chain.rules = rules;
            chain.rules.push("drop comment \"*\"".to_owned());
        }
    }

    /// The chains of a set of groups; the verdicts that lead to them.
    fn groups(&self, at: &mut Namespace, vpc: &str, groups: &BTreeSet<Id>) -> (String, String) {
        let joined: Vec<&str> = groups.iter().map(String::as_str).collect();
        let together = format!("all-{:016x}", hash(&joined.join(" ")));
        for (suffix, side) in [("out", Side::Destination), ("in", Side::Source)] {
            let name = format!("{together}_{suffix}");
            if at.rules.chains.contains_key(&name) {
                continue;
            }
            at.chain(&name, "").rules = groups.iter().map(|group| format!("jump {group}_{suffix}")).collect();
            for id in groups {
                self.group(at, vpc, id, side, &format!("{id}_{suffix}"));
            }
        }
        (format!("jump {together}_out"), format!("jump {together}_in"))
    }

    pub(super) fn group(&self, at: &mut Namespace, vpc: &str, id: &str, side: Side, name: &str) {
        if at.rules.chains.contains_key(name) {
            return;
        }
        let group = self.topology.groups.get(id);
        let rules = group.map(|group| if side == Side::Source { &group.ingress } else { &group.egress });
        let mut lines = Vec::new();
        for rule in rules.into_iter().flatten() {
            lines.extend(self.rule(at, vpc, side, rule));
        }
        at.chain(name, "").rules = lines;
    }

    fn rule(&self, at: &mut Namespace, vpc: &str, side: Side, rule: &GroupRule) -> Vec<String> {
        let line = |peer: String, v4: bool| {
            let matched = traffic(&rule.traffic, v4)?;
            Some(format!("{peer}{matched} accept comment \"{}\"", rule.id))
        };
        match &rule.peer {
            Peer::Cidr(cidr) => line(block(side, cidr), cidr.is_ipv4()).into_iter().collect(),
            Peer::Group(group) => {
                let members = if self.topology.may_name_group(vpc, group) {
                    self.topology.members(group)
                } else {
                    BTreeSet::new()
                };
                // Members of a peer's group come by its connection; those of this VPC are themselves at the other end,
                // because AWS lets no group speak of who is behind a middlebox.
                let is_here = self.topology.groups.get(group).is_some_and(|named| named.vpc == vpc);
                both(|v4| {
                    let name = format!("{group}_members{}", if v4 { 4 } else { 6 });
                    addresses(at, &name, v4, members.iter());
                    let itself = if is_here { format!("{} ", own(side, v4)) } else { String::new() };
                    line(format!("{itself}{}", set(side, v4, &name)), v4)
                })
            }
            Peer::PrefixList(list) => {
                let entries = self.topology.prefix_lists.get(list).map(|list| list.entries.as_slice());
                both(|v4| {
                    let name = format!("{list}_entries{}", if v4 { 4 } else { 6 });
                    let header = format!("type {}; flags interval; auto-merge;", family(v4));
                    let found = at.set(&name, "set", &header);
                    let own = entries.into_iter().flatten().filter(|cidr| cidr.is_ipv4() == v4);
                    found.elements.extend(own.map(ToString::to_string));
                    line(set(side, v4, &name), v4)
                })
            }
        }
    }

    /// What the internet gateway does: addresses, and who may come in at all.
    fn internet(&self, at: &mut Namespace, vpc: &str, members: &[Member<'_>]) {
        if !self.has_uplink(vpc) {
            return;
        }
        let internet = self.topology.vpcs.get(vpc).is_some_and(|vpc| vpc.internet_gateway.is_some());
        add(at, "edges", "\"uplink\"".to_owned());
        add(at, "group_out", "\"uplink\" : accept".to_owned());
        add(at, "group_in", "\"uplink\" : accept".to_owned());
        at.set("to_private", "map", "type ipv4_addr : ipv4_addr;");
        at.set("to_public", "map", "type ipv4_addr : ipv4_addr;");
        at.set("mapped", "set", "type ipv4_addr;");
        for (private, public) in members.iter().flat_map(|member| &member.publics).filter(|_| internet) {
            add(at, "to_private", format!("{public} : {private}"));
            add(at, "to_public", format!("{private} : {public}"));
            add(at, "mapped", private.to_string());
        }
        at.chain("nat_in", "type nat hook prerouting priority dstnat; policy accept;").rules =
            vec!["iifname \"uplink\" dnat ip to ip daddr map @to_private".to_owned()];
        at.chain("nat_out", "type nat hook postrouting priority srcnat; policy accept;").rules =
            vec!["oifname \"uplink\" snat ip to ip saddr map @to_public".to_owned()];
        let guard = at.chain("guard", "");
        guard.rules.push(
            "oifname \"uplink\" meta nfproto ipv4 ip saddr != @mapped drop comment \"no public address\""
                .to_owned(),
        );
        if !internet {
            guard.rules.push("iifname \"uplink\" ct state new drop comment \"egress only\"".to_owned());
        }
    }

    /// Whether packets leave a VPC for the Internet.
    pub(super) fn has_uplink(&self, vpc: &str) -> bool {
        let found = self.topology.vpcs.get(vpc);
        found.is_some_and(|vpc| vpc.internet_gateway.is_some() || !vpc.egress_only_gateways.is_empty())
    }
}

/// The stages and sets that every router has.
fn stages(at: &mut Namespace) {
    for (name, kind, header) in [
        ("own4", "set", "type ifname . ipv4_addr;"),
        ("own6", "set", "type ifname . ipv6_addr;"),
        ("checked", "set", "type ifname;"),
        ("edges", "set", "type ifname;"),
        ("subnet_of", "map", "type ifname : mark;"),
        ("inside", "set", "type mark . ifname;"),
        ("acl_out", "map", "type mark : verdict;"),
        ("acl_in", "map", "type ifname : verdict;"),
        ("group_out", "map", "type ifname : verdict;"),
        ("group_in", "map", "type ifname : verdict;"),
    ] {
        at.set(name, kind, header);
    }
    let mut stage = |name: &str, hook: &str, policy: &str, rules: &[&str]| {
        let chain = at.chain(name, &format!("type filter hook {hook}; {policy}"));
        chain.rules.extend(rules.iter().map(|rule| (*rule).to_owned()));
    };
    stage(
        "source_check",
        "prerouting priority raw",
        ACCEPT,
        &[
            "iifname @checked iifname . ip saddr != @own4 drop",
            "iifname @checked ip6 saddr fe80::/10 accept",
            "iifname @checked iifname . ip6 saddr != @own6 drop",
        ],
    );
    stage("mark_subnet", "prerouting priority mangle", ACCEPT, &["meta mark set iifname map @subnet_of"]);
    // Neighbours may be asked for; beyond its services the router itself is nobody's to talk to.
    stage(
        "to_router",
        "input priority filter",
        DROP,
        &[
            "icmpv6 type { 135, 136 } accept",
            "iifname \"lo\" accept",
            "iifname . ip saddr @own4 ip daddr . meta l4proto . th dport @services4 accept",
            "iifname . ip6 saddr @own6 ip6 daddr . meta l4proto . th dport @services6 accept",
        ],
    );
    stage(
        "guard",
        "forward priority -30",
        ACCEPT,
        &[
            "iifname @edges oifname @edges drop comment \"nothing leads through a VPC\"",
            "oifname @checked oifname . ip daddr != @own4 drop comment \"destination check\"",
            "oifname @checked oifname . ip6 daddr != @own6 drop comment \"destination check\"",
        ],
    );
    stage(
        "acls_out",
        "forward priority -10",
        ACCEPT,
        &["meta mark . oifname @inside accept", "meta mark vmap @acl_out"],
    );
    stage(
        "acls_in",
        "forward priority 0",
        ACCEPT,
        &["meta mark . oifname @inside accept", "oifname vmap @acl_in"],
    );
    stage(
        "groups_out",
        "forward priority -20",
        DROP,
        &["ct state established,related accept", "iifname vmap @group_out"],
    );
    stage(
        "groups_in",
        "forward priority 10",
        DROP,
        &["ct state established,related accept", "oifname vmap @group_in"],
    );
}

fn add(at: &mut Namespace, set: &str, element: String) {
    at.set(set, "set", "").elements.insert(element);
}

fn entry(side: Side, entry: &AclEntry) -> Option<String> {
    let matched = traffic(&entry.traffic, entry.cidr.is_ipv4())?;
    let verdict = if entry.allow { "accept" } else { "drop" };
    Some(format!("{}{matched} {verdict} comment \"{}\"", block(side, &entry.cidr), entry.number))
}

fn both(mut rule: impl FnMut(bool) -> Option<String>) -> Vec<String> {
    [true, false].into_iter().filter_map(&mut rule).collect()
}

fn addresses<'a>(at: &mut Namespace, name: &str, v4: bool, members: impl Iterator<Item = &'a IpAddr>) {
    let set = at.set(name, "set", &format!("type {};", family(v4)));
    set.elements.extend(members.filter(|address| address.is_ipv4() == v4).map(ToString::to_string));
}

fn family(v4: bool) -> &'static str {
    if v4 { "ipv4_addr" } else { "ipv6_addr" }
}
