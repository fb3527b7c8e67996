//! The names that AWS gives to addresses. Pure.
//!
//! Source: <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-dns.html#vpc-dns-hostnames>

use crate::Region;
use std::net::Ipv4Addr;

fn dashed(address: Ipv4Addr) -> String {
    address.octets().map(|octet| octet.to_string()).join("-")
}

/// The domain of private names in a region: `eu-west-1.compute.internal`.
pub fn private_domain(region: Region) -> String {
    // AWS: the oldest region has a form of its own.
    match region {
        Region::US_EAST_1 => "ec2.internal".to_owned(),
        region => format!("{region}.compute.internal"),
    }
}

/// The domain of public names in a region: `eu-west-1.compute.amazonaws.com`.
pub fn public_domain(region: Region) -> String {
    let suffix = region.partition().dns_suffix();
    match region {
        Region::US_EAST_1 => format!("compute-1.{suffix}"),
        region => format!("{region}.compute.{suffix}"),
    }
}

/// The name of a private address: `ip-10-0-0-5.eu-west-1.compute.internal`.
pub fn private(region: Region, address: Ipv4Addr) -> String {
    format!("ip-{}.{}", dashed(address), private_domain(region))
}

/// The name of a public address: `ec2-198-18-0-20.eu-west-1.compute.amazonaws.com`.
pub fn public(region: Region, address: Ipv4Addr) -> String {
    format!("ec2-{}.{}", dashed(address), public_domain(region))
}

/// The address that a name's first label says, with the rest of the name: of `ip-10-0-0-5.ec2.internal` when the prefix
/// is `ip-`. `None` when it says none in the form in which it is written above.
pub fn address_in<'a>(name: &'a str, prefix: &str) -> Option<(Ipv4Addr, &'a str)> {
    let (label, rest) = name.split_once('.')?;
    let dashes = label.strip_prefix(prefix)?;
    let address: Ipv4Addr = dashes.replace('-', ".").parse().ok()?;
    (dashed(address) == dashes).then_some((address, rest))
}

#[cfg(test)]
mod tests {
    use super::{address_in, private, public};
    use crate::Region;

    #[test]
    fn the_oldest_region_has_names_of_its_own() {
        let (address, elsewhere) = ("10.0.0.5".parse().unwrap(), Region::parse("eu-west-1").unwrap());
        assert_eq!(private(Region::US_EAST_1, address), "ip-10-0-0-5.ec2.internal");
        assert_eq!(private(elsewhere, address), "ip-10-0-0-5.eu-west-1.compute.internal");
        assert_eq!(public(Region::US_EAST_1, address), "ec2-10-0-0-5.compute-1.amazonaws.com");
        assert_eq!(public(elsewhere, address), "ec2-10-0-0-5.eu-west-1.compute.amazonaws.com");
    }

    #[test]
    fn names_say_their_addresses() {
        let address = "10.0.0.5".parse().unwrap();
        assert_eq!(address_in("ip-10-0-0-5.ec2.internal", "ip-"), Some((address, "ec2.internal")));
        for name in [
            "ip-10-0-0-5",
            "ip-10-0-0.ec2.internal",
            "ip-10.0.0.5",
            "ec2-10-0-0-5.x",
            "ip-10-0-0-05.x",
            "ip-10-0-0-256.x",
        ] {
            assert_eq!(address_in(name, "ip-"), None, "{name}");
        }
    }
}
