//! The map as text: one line a thing, indented by what it is in.

use super::view::View;
use super::words;
use crate::terminal::Paint;
use yakumo_net::topology::{Acl, AclEntry, Id, Interface, Subnet};

/// How many interfaces of a subnet are shown.
const INTERFACES_MAX: usize = 20;

/// A line and its colour.
pub type Line = (Paint, String);

/// Draws VPCs one after the other.
pub fn draw(views: &[View<'_>]) -> Vec<Line> {
    if views.is_empty() {
        return vec![(Paint::Dim, "There is no VPC.".into())];
    }
    let mut lines = Vec::new();
    for view in views {
        if !lines.is_empty() {
            lines.push((Paint::Plain, String::new()));
        }
        vpc(view, &mut lines);
    }
    lines
}

fn vpc(view: &View<'_>, lines: &mut Vec<Line>) {
    let blocks = view.itself().map(|vpc| words::list(&vpc.cidrs)).unwrap_or_default();
    let home = view.topology.labels.get(view.vpc).and_then(|label| label.home.clone()).unwrap_or_default();
    lines.push((Paint::Strong, joined(&["VPC", &view.full(view.vpc), &blocks, &home])));
    for gateway in view.gateways() {
        let nat = view.topology.nat_gateways.get(&gateway.id);
        let place = nat.map(|nat| format!("in {}", view.label(&nat.subnet))).unwrap_or_default();
        let line = joined(&[gateway.kind.name(), &view.full(&gateway.id), &gateway.note, &place]);
        lines.push((Paint::Plain, format!("  {line}")));
    }
    for (zone, subnets) in view.zones() {
        if !zone.is_empty() {
            lines.push((Paint::Strong, format!("  zone {zone}")));
        }
        subnets.into_iter().for_each(|(id, found)| subnet(view, id, found, lines));
    }
    for (id, table) in view.tables() {
        lines.push((Paint::Strong, format!("  route table {}", view.full(id))));
        for route in view.routes(table) {
            let (to, through) = (words::destination(view, &route), words::target(view, &route.target));
            let paint = if view.leads(&route.target) { Paint::Plain } else { Paint::Bad };
            lines.push((paint, format!("    {to} -> {through}")));
        }
    }
    for (id, found) in &view.topology.acls {
        lines.push((Paint::Strong, format!("  network ACL {}", view.full(id))));
        acl(found, lines);
    }
    for (id, group) in view.groups() {
        lines.push((Paint::Strong, format!("  security group {}", view.full(id))));
        let inward = group.ingress.iter().map(|rule| format!("    in  {}", words::rule(view, rule, "from")));
        let outward = group.egress.iter().map(|rule| format!("    out {}", words::rule(view, rule, "to")));
        let mut rules: Vec<String> = inward.chain(outward).collect();
        rules.sort();
        lines.extend(rules.into_iter().map(|rule| (Paint::Plain, rule)));
    }
}

fn subnet(view: &View<'_>, id: &Id, subnet: &Subnet, lines: &mut Vec<Line>) {
    let table = format!("routes {}", view.label(&subnet.route_table));
    let acl = format!("ACL {}", view.label(&subnet.acl));
    let reach = view.reach(subnet).name();
    let facts = joined(&[&view.full(id), &words::list(&subnet.cidrs), reach, &table, &acl]);
    lines.push((Paint::Strong, format!("    subnet {facts}")));
    let interfaces = view.interfaces(id);
    for (id, interface) in interfaces.iter().take(INTERFACES_MAX) {
        lines.push(one_interface(view, id, interface));
    }
    if interfaces.len() > INTERFACES_MAX {
        lines.push((Paint::Dim, format!("      + {} more", interfaces.len() - INTERFACES_MAX)));
    }
}

fn one_interface(view: &View<'_>, id: &Id, interface: &Interface) -> Line {
    let groups = words::list(interface.groups.iter().map(|id| view.label(id)));
    let (paint, state) = if interface.live { (Paint::Good, "live") } else { (Paint::Plain, "not live") };
    let facts = joined(&[&view.full(id), &words::addresses(interface), &groups, state]);
    (paint, format!("      {facts}"))
}

fn acl(acl: &Acl, lines: &mut Vec<Line>) {
    for (way, between, entries) in [("in ", "from", &acl.ingress), ("out", "to", &acl.egress)] {
        for AclEntry { number, allow, traffic, cidr } in Acl::in_order(entries) {
            let (verb, traffic) = (if *allow { "allow" } else { "deny" }, words::traffic(*traffic));
            lines.push((Paint::Plain, format!("    {way} {number} {verb} {traffic} {between} {cidr}")));
        }
    }
}

/// The words that say something, two spaces between them.
fn joined(words: &[&str]) -> String {
    let said: Vec<&str> = words.iter().copied().filter(|word| !word.is_empty()).collect();
    said.join("  ")
}
