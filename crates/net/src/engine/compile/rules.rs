//! Rules of security groups and entries of network ACLs in the packet filter's words.

use crate::Cidr;
use crate::topology::{Ports, Traffic};

/// Which address of a packet a rule speaks of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// The sender's: rules for what comes in.
    Source,
    /// The receiver's: rules for what goes out.
    Destination,
}

impl Side {
    fn word(self) -> &'static str {
        match self {
            Side::Source => "saddr",
            Side::Destination => "daddr",
        }
    }
}

/// Matches a block; all of a family is matched by the family alone.
pub fn block(side: Side, cidr: &Cidr) -> String {
    let family = if cidr.is_ipv4() { "ip" } else { "ip6" };
    match (cidr.prefix(), cidr.is_ipv4()) {
        (0, true) => "meta nfproto ipv4".to_owned(),
        (0, false) => "meta nfproto ipv6".to_owned(),
        _ => format!("{family} {} {cidr}", side.word()),
    }
}

/// Matches a set of addresses of one family.
pub fn set(side: Side, v4: bool, set: &str) -> String {
    format!("{} {} @{set}", if v4 { "ip" } else { "ip6" }, side.word())
}

/// Matches an address that its own interface sends from, or is sent to at.
pub fn own(side: Side, v4: bool) -> String {
    let link = if side == Side::Source { "iifname" } else { "oifname" };
    let (family, set) = if v4 { ("ip", "own4") } else { ("ip6", "own6") };
    format!("{link} . {family} {} @{set}", side.word())
}

/// Matches the traffic, with a blank before it; `None` when packets of the family never are of this kind.
pub fn traffic(traffic: &Traffic, v4: bool) -> Option<String> {
    let ports = |name: &str, ports: &Ports| match (ports.from, ports.to) {
        (0, u16::MAX) => format!(" meta l4proto {name}"),
        (from, to) if from == to => format!(" {name} dport {from}"),
        (from, to) => format!(" {name} dport {from}-{to}"),
    };
    let typed = |name: &str, kind: &Option<u8>, code: &Option<u8>| match (kind, code) {
        (None, _) => format!(" meta l4proto {name}"),
        (Some(kind), None) => format!(" {name} type {kind}"),
        (Some(kind), Some(code)) => format!(" {name} type {kind} {name} code {code}"),
    };
    match traffic {
        Traffic::All => Some(String::new()),
        Traffic::Tcp(range) => Some(ports("tcp", range)),
        Traffic::Udp(range) => Some(ports("udp", range)),
        Traffic::Icmp { kind, code } => v4.then(|| typed("icmp", kind, code)),
        Traffic::Icmpv6 { kind, code } => (!v4).then(|| typed("icmpv6", kind, code)),
        Traffic::Protocol(number) => Some(format!(" meta l4proto {number}")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Side, block, set, traffic};
    use crate::topology::{Ports, Traffic};

    #[test]
    fn rules_are_written_in_the_filters_words() {
        let cidr = |text: &str| text.parse().unwrap();
        assert_eq!(block(Side::Source, &cidr("10.0.0.0/8")), "ip saddr 10.0.0.0/8");
        assert_eq!(block(Side::Destination, &cidr("::/0")), "meta nfproto ipv6");
        assert_eq!(set(Side::Source, false, "m"), "ip6 saddr @m");
        for (kind, v4, text) in [
            (Traffic::All, true, Some("")),
            (Traffic::Tcp(Ports::only(80)), true, Some(" tcp dport 80")),
            (Traffic::Udp(Ports { from: 1, to: 2 }), false, Some(" udp dport 1-2")),
            (Traffic::Tcp(Ports::ALL), true, Some(" meta l4proto tcp")),
            (Traffic::Icmp { kind: Some(8), code: Some(0) }, true, Some(" icmp type 8 icmp code 0")),
            (Traffic::Icmp { kind: None, code: None }, false, None),
            (Traffic::Icmpv6 { kind: Some(128), code: None }, false, Some(" icmpv6 type 128")),
            (Traffic::Protocol(47), true, Some(" meta l4proto 47")),
        ] {
            assert_eq!(traffic(&kind, v4).as_deref(), text, "{kind:?}");
        }
    }
}
