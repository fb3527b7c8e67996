//! Address blocks: `10.0.0.0/16`, `fd00::/56`.
//!
//! Invariant: no bit is set beyond the prefix.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A block of IPv4 or IPv6 addresses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cidr {
    address: IpAddr,
    prefix: u8,
}

/// A text that is no address block.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is no address block")]
pub struct NotACidr(String);

impl Cidr {
    /// All of IPv4.
    pub const ALL_V4: Cidr = Cidr { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), prefix: 0 };
    /// All of IPv6.
    pub const ALL_V6: Cidr = Cidr { address: IpAddr::V6(Ipv6Addr::UNSPECIFIED), prefix: 0 };

    /// The block of this prefix length around an address; bits beyond the prefix are cleared. `None` when the prefix
    /// is longer than the address.
    pub fn around(address: IpAddr, prefix: u8) -> Option<Cidr> {
        let address = match address {
            IpAddr::V4(v4) if prefix <= 32 => IpAddr::V4(Ipv4Addr::from_bits(
                v4.to_bits() & u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0),
            )),
            IpAddr::V6(v6) if prefix <= 128 => IpAddr::V6(Ipv6Addr::from_bits(
                v6.to_bits() & u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0),
            )),
            _ => return None,
        };
        Some(Cidr { address, prefix })
    }

    /// The block of one address.
    pub fn only(address: IpAddr) -> Cidr {
        Cidr { address, prefix: if address.is_ipv4() { 32 } else { 128 } }
    }

    /// Its first address.
    pub fn first(&self) -> IpAddr {
        self.address
    }

    /// The length of the prefix in bits.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Whether it is a block of IPv4.
    pub fn is_ipv4(&self) -> bool {
        self.address.is_ipv4()
    }

    /// The address so many after the first one; `None` beyond the block.
    pub fn nth(&self, n: u64) -> Option<IpAddr> {
        let address = match self.address {
            IpAddr::V4(v4) => {
                IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits().checked_add(u32::try_from(n).ok()?)?))
            }
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits().checked_add(u128::from(n))?)),
        };
        self.contains(address).then_some(address)
    }

    /// Whether the address lies in the block.
    pub fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.is_ipv4() && Cidr::around(address, self.prefix) == Some(*self)
    }

    /// Whether the whole of the other block lies in this one.
    pub fn covers(&self, other: &Cidr) -> bool {
        self.prefix <= other.prefix && self.contains(other.address)
    }

    /// Whether they have addresses in common.
    pub fn overlaps(&self, other: &Cidr) -> bool {
        self.covers(other) || other.covers(self)
    }
}

impl FromStr for Cidr {
    type Err = NotACidr;

    /// Reads `ADDRESS/PREFIX`; bits beyond the prefix are refused.
    fn from_str(text: &str) -> Result<Cidr, NotACidr> {
        let refused = || NotACidr(text.chars().take(64).collect());
        let (address, prefix) = text.split_once('/').ok_or_else(refused)?;
        let address: IpAddr = address.parse().map_err(|_| refused())?;
        if prefix.starts_with('+') || (prefix.len() > 1 && prefix.starts_with('0')) {
            return Err(refused());
        }
        let prefix: u8 = prefix.parse().map_err(|_| refused())?;
        Cidr::around(address, prefix).filter(|cidr| cidr.address == address).ok_or_else(refused)
    }
}

impl TryFrom<String> for Cidr {
    type Error = NotACidr;
    fn try_from(text: String) -> Result<Cidr, NotACidr> {
        text.parse()
    }
}

impl From<Cidr> for String {
    fn from(cidr: Cidr) -> String {
        cidr.to_string()
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl fmt::Debug for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::Cidr;

    fn cidr(text: &str) -> Cidr {
        text.parse().unwrap()
    }

    #[test]
    fn blocks_are_read_and_written() {
        for text in ["10.0.0.0/16", "0.0.0.0/0", "10.0.0.1/32", "::/0", "fd00:1::/56", "fd00::1/128"] {
            assert_eq!(cidr(text).to_string(), text);
        }
        for text in
            ["", "10.0.0.0", "10.0.0.1/16", "10.0.0.0/33", "10.0.0.0/+8", "10.0.0.0/08", "::1/64", "a/8"]
        {
            assert!(text.parse::<Cidr>().is_err(), "{text}");
        }
    }

    #[test]
    fn blocks_contain_and_overlap() {
        assert!(cidr("10.0.0.0/16").contains("10.0.255.255".parse().unwrap()));
        assert!(!cidr("10.0.0.0/16").contains("10.1.0.0".parse().unwrap()));
        assert!(cidr("0.0.0.0/0").contains("8.8.8.8".parse().unwrap()));
        assert!(!cidr("0.0.0.0/0").contains("::1".parse().unwrap()));
        assert!(cidr("10.0.0.0/8").overlaps(&cidr("10.3.0.0/16")));
        assert!(!cidr("10.2.0.0/16").overlaps(&cidr("10.3.0.0/16")));
        assert_eq!(cidr("10.0.1.0/24").nth(1), Some("10.0.1.1".parse().unwrap()));
        assert_eq!(cidr("10.0.1.0/24").nth(256), None);
    }
}
