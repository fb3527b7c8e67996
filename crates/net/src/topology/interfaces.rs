//! Network interfaces.

use super::Id;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network interface.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Interface {
    /// Its subnet, which names its VPC.
    pub subnet: Id,
    /// Its private IPv4 addresses, the primary one first.
    pub addresses: Vec<PrivateAddress>,
    /// Its IPv6 addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ipv6: Vec<Ipv6Addr>,
    /// Its security groups.
    pub groups: BTreeSet<Id>,
    /// Whether packets that are neither from nor for its addresses are dropped.
    pub source_dest_check: bool,
    /// Its hardware address, `06:…`; `None` lets it follow from the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<[u8; 6]>,
    /// Whether something sends and receives there, so that it has a namespace.
    pub live: bool,
}

/// A private IPv4 address of an interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PrivateAddress {
    /// The address in the subnet.
    pub private: Ipv4Addr,
    /// The Elastic IP or public address that stands for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<Ipv4Addr>,
}

impl Interface {
    /// All its private addresses of both families, the primary one first.
    pub fn all_addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        let v4 = self.addresses.iter().map(|address| IpAddr::V4(address.private));
        v4.chain(self.ipv6.iter().copied().map(IpAddr::V6))
    }

    /// Whether a private address is its own.
    pub fn has(&self, address: IpAddr) -> bool {
        self.all_addresses().any(|own| own == address)
    }
}
