//! Which addresses of a subnet are free, and which one is next. Pure.
//!
//! Invariant: what was taken is taken, also within one request.

use super::NetworkInterface;
use crate::cidr::Cidr;
use crate::error;
use crate::subnets::Subnet;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use yakumo_aws::{Error, Result};

/// AWS: the first addresses of a subnet are the network's, the router's, the resolver's and one for the future; the
/// last one is the broadcast address. <https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html>
const RESERVED_FIRST: u128 = 4;

/// The addresses of one subnet.
pub(crate) struct Places<'a> {
    subnet: &'a Subnet,
    taken: BTreeSet<IpAddr>,
}

impl<'a> Places<'a> {
    /// The addresses of a subnet that these interfaces leave.
    pub(crate) fn of(subnet: &'a Subnet, interfaces: &[NetworkInterface]) -> Places<'a> {
        let there = interfaces.iter().filter(|interface| interface.subnet == subnet.id);
        let taken = there.flat_map(|interface| {
            let v4 = interface.addresses.iter().copied().map(IpAddr::V4);
            v4.chain(interface.ipv6.iter().copied().map(IpAddr::V6))
        });
        Places { subnet, taken: taken.collect() }
    }

    /// Takes the address that a request names in `parameter`.
    ///
    /// # Errors
    /// InvalidParameterValue for what is no address of the subnet or is AWS's own; InvalidIPAddress.InUse.
    pub(crate) fn take(&mut self, text: &str, parameter: &str) -> Result<Ipv4Addr> {
        let address: Ipv4Addr = text
            .parse()
            .map_err(|_| error::invalid_value(text, parameter, "This is not a valid IPv4 address."))?;
        self.check(IpAddr::V4(address), &[self.subnet.cidr])?;
        self.taken.insert(IpAddr::V4(address));
        Ok(address)
    }

    /// Takes the IPv6 address that a request names in `parameter`.
    pub(crate) fn take6(&mut self, text: &str, parameter: &str) -> Result<Ipv6Addr> {
        let address: Ipv6Addr = text
            .parse()
            .map_err(|_| error::invalid_value(text, parameter, "This is not a valid IPv6 address."))?;
        self.check(IpAddr::V6(address), &self.blocks6()?)?;
        self.taken.insert(IpAddr::V6(address));
        Ok(address)
    }

    /// Takes the lowest free address. AWS chooses one, and says not how.
    pub(crate) fn next(&mut self) -> Result<Ipv4Addr> {
        let last = u128::from(self.subnet.cidr.size()).saturating_sub(1);
        for index in RESERVED_FIRST..last {
            if let Some(IpAddr::V4(address)) = self.subnet.cidr.nth(index)
                && self.taken.insert(IpAddr::V4(address))
            {
                return Ok(address);
            }
        }
        Err(insufficient())
    }

    /// Takes a free IPv6 address: the one that `random` points at in the subnet's block.
    pub(crate) fn next6(&mut self, random: impl Fn() -> u64) -> Result<Ipv6Addr> {
        let blocks = self.blocks6()?;
        let block = blocks.first().ok_or_else(insufficient)?;
        // A block has 2^64 addresses: a second attempt is rare, and a hundredth one never comes.
        for _ in 0..100 {
            if let Some(address @ IpAddr::V6(v6)) = block.nth(u128::from(random()))
                && self.check(address, &blocks).is_ok()
            {
                self.taken.insert(address);
                return Ok(v6);
            }
        }
        Err(insufficient())
    }

    fn blocks6(&self) -> Result<Vec<Cidr>> {
        match self.subnet.ipv6.as_slice() {
            [] => Err(error::invalid_parameter_value("Subnet does not contain any IPv6 CIDR block ranges")),
            blocks => Ok(blocks.iter().map(|block| block.cidr).collect()),
        }
    }

    fn check(&self, address: IpAddr, blocks: &[Cidr]) -> Result<()> {
        let own = Cidr::new(address, if address.is_ipv4() { 32 } else { 128 });
        let block = own.and_then(|own| blocks.iter().find(|block| block.contains(&own)));
        let Some(block) = block else {
            return Err(error::invalid_parameter_value(
                "Address does not fall within the subnet's address range",
            ));
        };
        if is_reserved(block, address) {
            return Err(error::invalid_parameter_value("Address is in subnet's reserved address range"));
        }
        match self.taken.contains(&address) {
            true => Err(in_use(&address.to_string())),
            false => Ok(()),
        }
    }
}

fn is_reserved(block: &Cidr, address: IpAddr) -> bool {
    let is_first = (0..RESERVED_FIRST).any(|index| block.nth(index) == Some(address));
    let host_bits = u32::from(if address.is_ipv4() { 32 } else { 128 } - block.prefix());
    let last = 1_u128.checked_shl(host_bits).map_or(u128::MAX, |size| size - 1);
    is_first || block.nth(last) == Some(address)
}

/// AWS's text for an address that somebody has.
pub(crate) fn in_use(address: &str) -> Error {
    Error::sender("InvalidIPAddress.InUse", format!("Address {address} is in use."))
}

fn insufficient() -> Error {
    let text = "The specified subnet does not have enough free addresses to satisfy the request.";
    Error::sender("InsufficientFreeAddressesInSubnet", text)
}

#[cfg(test)]
mod tests {
    use super::is_reserved;
    use crate::cidr::Cidr;

    #[test]
    fn five_addresses_of_a_block_are_not_given() {
        for (block, address, expected) in [
            ("10.0.1.0/24", "10.0.1.0", true),
            ("10.0.1.0/24", "10.0.1.3", true),
            ("10.0.1.0/24", "10.0.1.4", false),
            ("10.0.1.0/24", "10.0.1.254", false),
            ("10.0.1.0/24", "10.0.1.255", true),
            ("fd00::/64", "fd00::3", true),
            ("fd00::/64", "fd00::4", false),
            ("fd00::/64", "fd00::ffff:ffff:ffff:ffff", true),
        ] {
            let block = Cidr::parse(block).unwrap();
            assert_eq!(is_reserved(&block, address.parse().unwrap()), expected, "{address}");
        }
    }
}
