//! Address ranges of the `IpAddress` operators, for IPv4 and IPv6.

use std::net::IpAddr;

/// A range in CIDR form. A v4 address never lies in a v6 range, nor the other way round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cidr {
    address: IpAddr,
    prefix_bits: u8,
}

impl Cidr {
    /// Parses `203.0.113.0/24`, `2001:db8::/32`, or a lone address, which is a range of one.
    pub(crate) fn parse(text: &str) -> Option<Cidr> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match prefix {
            Some(prefix) if prefix.bytes().all(|byte| byte.is_ascii_digit()) => prefix.parse().ok()?,
            Some(_) => return None,
            None => longest,
        };
        (prefix_bits <= longest).then_some(Cidr { address, prefix_bits })
    }

    /// Whether the address lies in the range. An IPv4 address that is written as IPv6 (`::ffff:…`) counts as IPv4.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(range), IpAddr::V4(address)) => {
                let shift = 32 - u32::from(self.prefix_bits);
                range.to_bits().checked_shr(shift) == address.to_bits().checked_shr(shift)
            }
            (IpAddr::V6(range), IpAddr::V6(address)) => {
                let shift = 128 - u32::from(self.prefix_bits);
                range.to_bits().checked_shr(shift) == address.to_bits().checked_shr(shift)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Cidr;

    fn check(range: &str, address: &str) -> bool {
        Cidr::parse(range).unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn ranges() {
        for (range, inside, outside) in [
            ("203.0.113.0/24", "203.0.113.255", "203.0.114.0"),
            ("203.0.113.7/24", "203.0.113.1", "203.0.112.1"),
            ("203.0.113.7", "203.0.113.7", "203.0.113.8"),
            ("0.0.0.0/0", "8.8.8.8", "::1"),
            ("2001:DB8:1234:5678::/64", "2001:db8:1234:5678::9", "2001:db8:1234:5679::9"),
            ("2001:db8::1", "2001:db8:0::0:1", "2001:db8::2"),
            ("2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::"),
            ("::/0", "2001:db8::1", "1.2.3.4"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:11.1.2.3"),
        ] {
            assert!(check(range, inside), "{range} {inside}");
            assert!(!check(range, outside), "{range} {outside}");
        }
        for bad in ["", "1.2.3", "1.2.3.4/33", "1.2.3.4/+8", "::/129", "1.2.3.4/"] {
            assert!(Cidr::parse(bad).is_none(), "{bad}");
        }
    }
}
