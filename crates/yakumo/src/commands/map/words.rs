//! Rules, routes and addresses in few words.

use super::view::View;
use std::fmt::Display;
use yakumo_net::topology::{Destination, GroupRule, Interface, Peer, Ports, Route, Target, Traffic};

/// Things with commas between them.
pub fn list<T: Display>(things: impl IntoIterator<Item = T>) -> String {
    things.into_iter().map(|thing| thing.to_string()).collect::<Vec<_>>().join(", ")
}

/// `tcp 443`.
pub fn traffic(traffic: Traffic) -> String {
    let typed = |name: &str, kind: Option<u8>, code: Option<u8>| {
        let kind = kind.map(|kind| format!(" type {kind}")).unwrap_or_default();
        let code = code.map(|code| format!(" code {code}")).unwrap_or_default();
        format!("{name}{kind}{code}")
    };
    match traffic {
        Traffic::All => "all".into(),
        Traffic::Tcp(ports) => with_ports("tcp", ports),
        Traffic::Udp(ports) => with_ports("udp", ports),
        Traffic::Icmp { kind, code } => typed("icmp", kind, code),
        Traffic::Icmpv6 { kind, code } => typed("icmpv6", kind, code),
        Traffic::Protocol(number) => format!("protocol {number}"),
    }
}

fn with_ports(name: &str, ports: Ports) -> String {
    match ports {
        Ports::ALL => name.into(),
        Ports { from, to } if from == to => format!("{name} {from}"),
        Ports { from, to } => format!("{name} {from}-{to}"),
    }
}

/// `tcp 443 from 0.0.0.0/0`; `between` is `from` or `to`.
pub fn rule(view: &View<'_>, rule: &GroupRule, between: &str) -> String {
    let peer = match &rule.peer {
        Peer::Cidr(cidr) => cidr.to_string(),
        Peer::Group(id) | Peer::PrefixList(id) => view.label(id),
    };
    format!("{} {between} {peer}", traffic(rule.traffic))
}

/// A route's destination.
pub fn destination(view: &View<'_>, route: &Route) -> String {
    match &route.destination {
        Destination::Cidr(cidr) => cidr.to_string(),
        Destination::PrefixList(id) => view.label(id),
    }
}

/// A route's target, and whether it is not there any more.
pub fn target(view: &View<'_>, target: &Target) -> String {
    match target {
        Target::Local => "local".into(),
        Target::Blackhole => "nowhere (blackhole)".into(),
        target if view.leads(target) => view.label(target.id()),
        target => format!("nowhere ({} is gone)", target.id()),
    }
}

/// All addresses of an interface: `10.0.1.4 as 198.18.0.1, fd00::4`.
pub fn addresses(interface: &Interface) -> String {
    let v4 = interface.addresses.iter().map(|address| match address.public {
        Some(public) => format!("{} as {public}", address.private),
        None => address.private.to_string(),
    });
    list(v4.chain(interface.ipv6.iter().map(ToString::to_string)))
}

#[cfg(test)]
mod tests {
    use super::traffic;
    use yakumo_net::topology::{Ports, Traffic};

    #[test]
    fn traffic_is_said_in_few_words() {
        for (given, wanted) in [
            (Traffic::All, "all"),
            (Traffic::Tcp(Ports::only(443)), "tcp 443"),
            (Traffic::Udp(Ports { from: 1, to: 9 }), "udp 1-9"),
            (Traffic::Tcp(Ports::ALL), "tcp"),
            (Traffic::Icmp { kind: None, code: None }, "icmp"),
            (Traffic::Icmpv6 { kind: Some(3), code: Some(1) }, "icmpv6 type 3 code 1"),
            (Traffic::Protocol(50), "protocol 50"),
        ] {
            assert_eq!(traffic(given), wanted);
        }
    }
}
