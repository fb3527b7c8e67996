//! What filters: network ACLs, security groups, prefix lists.

use super::Id;
use crate::Cidr;
use serde::{Deserialize, Serialize};

/// A range of ports, both ends included.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Ports {
    /// The first port.
    pub from: u16,
    /// The last port.
    pub to: u16,
}

impl Ports {
    /// Every port.
    pub const ALL: Ports = Ports { from: 0, to: u16::MAX };

    /// One port.
    pub fn only(port: u16) -> Ports {
        Ports { from: port, to: port }
    }

    /// Whether the port is in the range.
    pub fn contains(&self, port: u16) -> bool {
        self.from <= port && port <= self.to
    }
}

/// Which packets a rule speaks of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Traffic {
    /// All of every protocol (`-1`).
    All,
    /// TCP to these ports.
    Tcp(Ports),
    /// UDP to these ports.
    Udp(Ports),
    /// ICMP; `None` is any type or any code.
    Icmp {
        /// The type.
        kind: Option<u8>,
        /// The code; it needs a type.
        code: Option<u8>,
    },
    /// ICMPv6; `None` is any type or any code.
    Icmpv6 {
        /// The type.
        kind: Option<u8>,
        /// The code; it needs a type.
        code: Option<u8>,
    },
    /// All of another protocol, by its number.
    Protocol(u8),
}

/// A network ACL. What no entry matches is denied.
/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/nacl-rules.html>
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Acl {
    /// Entries for packets that enter the subnet, in any order: the lowest number that matches decides.
    pub ingress: Vec<AclEntry>,
    /// Entries for packets that leave it.
    pub egress: Vec<AclEntry>,
}

/// An entry of a network ACL.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AclEntry {
    /// Its number: 1 to 32766.
    pub number: u16,
    /// Whether it allows.
    pub allow: bool,
    /// Which packets.
    pub traffic: Traffic,
    /// From where (ingress) or to where (egress).
    pub cidr: Cidr,
}

impl Acl {
    /// The entries of one direction in the order in which they are asked.
    pub fn in_order(entries: &[AclEntry]) -> Vec<&AclEntry> {
        let mut ordered: Vec<&AclEntry> = entries.iter().collect();
        ordered.sort_by_key(|entry| entry.number);
        ordered
    }
}

/// A security group. What no rule allows is denied.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Group {
    /// Its VPC.
    pub vpc: Id,
    /// What may come in.
    pub ingress: Vec<GroupRule>,
    /// What may go out.
    pub egress: Vec<GroupRule>,
}

/// A rule of a security group.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GroupRule {
    /// `sgr-…`.
    pub id: Id,
    /// Which packets.
    pub traffic: Traffic,
    /// From whom (ingress) or to whom (egress).
    pub peer: Peer,
}

/// Whom a rule of a security group speaks of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Peer {
    /// A block of addresses.
    Cidr(Cidr),
    /// The private addresses of a group's interfaces, in the same VPC or across an active peering connection.
    Group(Id),
    /// The entries of a prefix list.
    PrefixList(Id),
}

/// A prefix list.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct PrefixList {
    /// Its entries.
    pub entries: Vec<Cidr>,
}
