//! CIDR blocks of both families: text, containment, overlap. Pure.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A block of addresses; bits behind the prefix are zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Cidr {
    address: IpAddr,
    prefix: u8,
}

impl Cidr {
    /// Reads `10.0.0.0/16`. Bits behind the prefix are cleared, as AWS does; nothing else than a block is one.
    pub(crate) fn parse(text: &str) -> Option<Cidr> {
        let (address, prefix) = text.split_once('/')?;
        if prefix.len() > 3 || !prefix.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Cidr::new(address.parse().ok()?, prefix.parse().ok()?)
    }

    /// Reads a block of IPv4.
    pub(crate) fn parse4(text: &str) -> Option<Cidr> {
        Cidr::parse(text).filter(|cidr| cidr.is_v4())
    }

    /// Reads a block of IPv6.
    pub(crate) fn parse6(text: &str) -> Option<Cidr> {
        Cidr::parse(text).filter(|cidr| !cidr.is_v4())
    }

    /// The block around an address; `None` when there is no such prefix.
    pub(crate) fn new(address: IpAddr, prefix: u8) -> Option<Cidr> {
        let width = width(&address);
        if prefix > width {
            return None;
        }
        let mask = if prefix == 0 { 0 } else { u128::MAX << (width - prefix) };
        Some(Cidr { address: address_of(number(&address) & mask, width), prefix })
    }

    /// Whether it is of IPv4.
    pub(crate) fn is_v4(&self) -> bool {
        self.address.is_ipv4()
    }

    /// How many bits are fixed.
    pub(crate) fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Its first address.
    pub(crate) fn first(&self) -> IpAddr {
        self.address
    }

    /// Its address number `index`; `None` behind the last.
    pub(crate) fn nth(&self, index: u128) -> Option<IpAddr> {
        let width = width(&self.address);
        let size_bits = u32::from(width - self.prefix);
        let is_inside = size_bits >= 128 || index < (1_u128 << size_bits);
        is_inside.then(|| address_of(number(&self.address) + index, width))
    }

    /// The block number `index` of those with a longer prefix inside this one.
    pub(crate) fn part(&self, prefix: u8, index: u128) -> Option<Cidr> {
        let width = width(&self.address);
        if prefix < self.prefix || prefix > width || width - prefix >= 128 {
            return None;
        }
        let first = self.nth(index.checked_mul(1_u128 << (width - prefix))?)?;
        Cidr::new(first, prefix)
    }

    /// Whether all of `other` is in it.
    pub(crate) fn contains(&self, other: &Cidr) -> bool {
        self.prefix <= other.prefix && Cidr::new(other.address, self.prefix) == Some(*self)
    }

    /// Whether they have an address in common.
    pub(crate) fn overlaps(&self, other: &Cidr) -> bool {
        self.contains(other) || other.contains(self)
    }

    /// How many addresses it has, of IPv4.
    pub(crate) fn size(&self) -> u64 {
        1_u64.checked_shl(u32::from(width(&self.address) - self.prefix)).unwrap_or(u64::MAX)
    }
}

fn width(address: &IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn number(address: &IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(*address)),
        IpAddr::V6(address) => u128::from(*address),
    }
}

fn address_of(number: u128, width: u8) -> IpAddr {
    match u32::try_from(number & u128::from(u32::MAX)) {
        Ok(low) if width == 32 => IpAddr::V4(Ipv4Addr::from(low)),
        _ => IpAddr::V6(Ipv6Addr::from(number)),
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl serde::Serialize for Cidr {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Cidr {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Cidr, D::Error> {
        let text = String::deserialize(deserializer)?;
        Cidr::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("{text} is no CIDR block")))
    }
}

#[cfg(test)]
mod tests {
    use super::Cidr;

    fn cidr(text: &str) -> Cidr {
        Cidr::parse(text).unwrap()
    }

    #[test]
    fn texts_are_read_and_cleared_behind_the_prefix() {
        for (text, expected) in [
            ("10.0.0.0/16", Some("10.0.0.0/16")),
            ("10.0.1.2/16", Some("10.0.0.0/16")),
            ("0.0.0.0/0", Some("0.0.0.0/0")),
            ("2001:db8::1/56", Some("2001:db8::/56")),
            ("::/0", Some("::/0")),
            ("10.0.0.0/33", None),
            ("10.0.0.0", None),
            ("10.0.0/8", None),
            ("10.0.0.0/+8", None),
            ("::/129", None),
            ("", None),
        ] {
            assert_eq!(Cidr::parse(text).map(|cidr| cidr.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn blocks_contain_and_overlap() {
        assert!(cidr("10.0.0.0/16").contains(&cidr("10.0.255.0/24")));
        assert!(!cidr("10.0.0.0/16").contains(&cidr("10.1.0.0/24")));
        assert!(!cidr("10.0.0.0/16").contains(&cidr("10.0.0.0/15")));
        assert!(cidr("10.0.0.0/16").overlaps(&cidr("10.0.0.0/8")));
        assert!(!cidr("0.0.0.0/0").overlaps(&cidr("::/0")));
        assert!(cidr("::/0").contains(&cidr("2001:db8::/32")));
    }

    #[test]
    fn parts_and_addresses_are_counted_from_the_first() {
        assert_eq!(cidr("172.31.0.0/16").part(20, 2), Some(cidr("172.31.32.0/20")));
        assert_eq!(cidr("172.31.0.0/16").part(20, 16), None);
        assert_eq!(cidr("2001:db8:0:ff00::/56").part(64, 1), Some(cidr("2001:db8:0:ff01::/64")));
        assert_eq!(cidr("10.0.0.0/28").nth(15).unwrap().to_string(), "10.0.0.15");
        assert_eq!(cidr("10.0.0.0/28").nth(16), None);
        assert_eq!(cidr("10.0.0.0/28").size(), 16);
    }
}
