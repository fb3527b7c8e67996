//! A packet, as far as anything here decides by it.

use crate::topology::Traffic;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;

/// The protocol and what it carries for filters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flow {
    /// TCP.
    Tcp {
        /// The sender's port.
        from: u16,
        /// The receiver's port.
        to: u16,
    },
    /// UDP.
    Udp {
        /// The sender's port.
        from: u16,
        /// The receiver's port.
        to: u16,
    },
    /// ICMP or ICMPv6, by the addresses' family.
    Icmp {
        /// The type.
        kind: u8,
        /// The code.
        code: u8,
    },
    /// Another protocol by its number.
    Protocol(u8),
}

impl Flow {
    /// An echo request of the family.
    pub fn echo(destination: IpAddr) -> Flow {
        Flow::Icmp { kind: if destination.is_ipv4() { 8 } else { 128 }, code: 0 }
    }

    fn reply(self) -> Flow {
        match self {
            Flow::Tcp { from, to } => Flow::Tcp { from: to, to: from },
            Flow::Udp { from, to } => Flow::Udp { from: to, to: from },
            Flow::Icmp { kind: 8, code } => Flow::Icmp { kind: 0, code },
            Flow::Icmp { kind: 128, code } => Flow::Icmp { kind: 129, code },
            other => other,
        }
    }
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Flow::Tcp { to, .. } => write!(f, "tcp port {to}"),
            Flow::Udp { to, .. } => write!(f, "udp port {to}"),
            Flow::Icmp { kind, code } => write!(f, "icmp type {kind} code {code}"),
            Flow::Protocol(number) => write!(f, "protocol {number}"),
        }
    }
}

/// A packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Packet {
    /// From.
    pub source: IpAddr,
    /// To.
    pub destination: IpAddr,
    /// Protocol and ports.
    pub flow: Flow,
}

impl Packet {
    /// What answers it.
    pub fn reply(self) -> Packet {
        Packet { source: self.destination, destination: self.source, flow: self.flow.reply() }
    }
}

impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {} to {}", self.flow, self.source, self.destination)
    }
}

impl Traffic {
    /// Whether a packet is of this kind.
    pub fn matches(&self, packet: &Packet) -> bool {
        let v4 = packet.destination.is_ipv4();
        let icmp = |kind: &Option<u8>, code: &Option<u8>| {
            let Flow::Icmp { kind: has_kind, code: has_code } = packet.flow else { return false };
            kind.is_none_or(|kind| kind == has_kind) && code.is_none_or(|code| code == has_code)
        };
        match self {
            Traffic::All => true,
            Traffic::Tcp(ports) => matches!(packet.flow, Flow::Tcp { to, .. } if ports.contains(to)),
            Traffic::Udp(ports) => matches!(packet.flow, Flow::Udp { to, .. } if ports.contains(to)),
            Traffic::Icmp { kind, code } => v4 && icmp(kind, code),
            Traffic::Icmpv6 { kind, code } => !v4 && icmp(kind, code),
            Traffic::Protocol(number) => packet.flow == Flow::Protocol(*number),
        }
    }
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ranged = |f: &mut fmt::Formatter<'_>, name: &str, from: u16, to: u16| {
            if from == to { write!(f, "{name} {from}") } else { write!(f, "{name} {from}-{to}") }
        };
        let typed =
            |f: &mut fmt::Formatter<'_>, name: &str, kind: &Option<u8>, code: &Option<u8>| match (kind, code)
            {
                (Some(kind), Some(code)) => write!(f, "{name} type {kind} code {code}"),
                (Some(kind), None) => write!(f, "{name} type {kind}"),
                _ => write!(f, "{name}"),
            };
        match self {
            Traffic::All => write!(f, "all"),
            Traffic::Tcp(ports) => ranged(f, "tcp", ports.from, ports.to),
            Traffic::Udp(ports) => ranged(f, "udp", ports.from, ports.to),
            Traffic::Icmp { kind, code } => typed(f, "icmp", kind, code),
            Traffic::Icmpv6 { kind, code } => typed(f, "icmpv6", kind, code),
            Traffic::Protocol(number) => write!(f, "protocol {number}"),
        }
    }
}
