//! The public addresses of a cloud: a slice of 198.18.0.0/15 and a block of unique local IPv6 addresses.
//!
//! AWS: public addresses are Amazon's. DIFFERS: ours are of the block that is reserved for measuring networks (RFC 2544),
//! which nobody in the Internet has, so that the host can route it into the cloud.

use crate::Cidr;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How many slices there are.
pub const SLICES: u8 = 32;

/// The public addresses of a cloud.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ranges {
    /// 4,096 IPv4 addresses: the first sixteen are the network's own.
    pub v4: Cidr,
    /// 256 blocks of /56, each for a VPC: the first one is the network's own.
    pub v6: Cidr,
}

impl Ranges {
    /// The ranges of a cloud in one of the [`SLICES`]. The IPv6 block follows from the cloud's id (RFC 4193 wants 40
    /// random bits, and an id is 40 random bits).
    pub fn new(cloud: &str, slice: u8) -> Ranges {
        let first = u32::from(Ipv4Addr::new(198, 18, 0, 0)) + (u32::from(slice % SLICES) << 12);
        let bits = super::names::hash(cloud) & 0xff_ffff_ffff;
        let v6 = (0xfd_u128 << 120) | (u128::from(bits) << 80);
        let around =
            |address, prefix| Cidr::around(address, prefix).expect("the prefix is within the address");
        Ranges { v4: around(Ipv4Addr::from(first).into(), 20), v6: around(Ipv6Addr::from(v6).into(), 48) }
    }

    /// Whether these are addresses that a cloud may have on a host: the host will route them.
    pub fn are_ours(&self) -> bool {
        let (v4, v6): (Result<Cidr, _>, Result<Cidr, _>) = ("198.18.0.0/15".parse(), "fd00::/8".parse());
        let within = |block: Result<Cidr, _>, own: &Cidr| block.is_ok_and(|block: Cidr| block.covers(own));
        within(v4, &self.v4) && within(v6, &self.v6)
    }

    /// The slice that a cloud prefers.
    pub fn preferred(cloud: &str) -> u8 {
        u8::try_from(super::names::hash(cloud) % u64::from(SLICES)).unwrap_or(0)
    }

    /// The host's own address: what instances see when the host connects, and how they reach it.
    pub fn host_v4(&self) -> Ipv4Addr {
        self.own_v4(1)
    }

    /// Where the Internet finds every AWS API but the two below: TCP ports 443 and 80.
    pub fn api_v4(&self) -> Ipv4Addr {
        self.own_v4(3)
    }

    /// Where it finds S3.
    pub fn s3_v4(&self) -> Ipv4Addr {
        self.own_v4(4)
    }

    /// Where it finds DynamoDB.
    pub fn dynamodb_v4(&self) -> Ipv4Addr {
        self.own_v4(5)
    }

    /// One of the sixteen addresses that are the network's own.
    fn own_v4(&self, n: u64) -> Ipv4Addr {
        match self.v4.nth(n) {
            Some(IpAddr::V4(address)) => address,
            _ => Ipv4Addr::UNSPECIFIED,
        }
    }

    /// The host's own address in IPv6.
    pub fn host_v6(&self) -> Ipv6Addr {
        match self.v6.nth(1) {
            Some(IpAddr::V6(address)) => address,
            _ => Ipv6Addr::UNSPECIFIED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cidr, Ranges, SLICES};

    #[test]
    fn slices_are_disjoint_and_in_the_block() {
        let slices: Vec<Ranges> = (0..SLICES).map(|slice| Ranges::new("abcdefgh", slice)).collect();
        for (n, one) in slices.iter().enumerate() {
            assert!("198.18.0.0/15".parse::<crate::Cidr>().unwrap().covers(&one.v4));
            assert!(slices.iter().skip(n + 1).all(|other| !other.v4.overlaps(&one.v4)));
        }
        let (one, other) = (Ranges::new("abcdefgh", 0), Ranges::new("abcdefgi", 0));
        assert!(one.are_ours() && !Ranges { v4: Cidr::ALL_V4, ..one }.are_ours());
        assert!(!Ranges { v6: Cidr::ALL_V6, ..one }.are_ours());
        assert!(!one.v6.overlaps(&other.v6) && one.v6.to_string().starts_with("fd"));
        assert_eq!(Ranges::new("x", 1).host_v4().to_string(), "198.18.16.1");
        assert_eq!(Ranges::new("x", 1).dynamodb_v4().to_string(), "198.18.16.5");
    }
}
