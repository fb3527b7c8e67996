//! The names that AWS gives to addresses. Pure.
//!
//! Source: <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-dns.html#vpc-dns-hostnames>

use std::net::Ipv4Addr;
use yakumo_aws::Region;

fn dashed(address: Ipv4Addr) -> String {
    address.octets().map(|octet| octet.to_string()).join("-")
}

/// The name of a private address: `ip-10-0-0-5.eu-west-1.compute.internal`.
pub(crate) fn private(region: Region, address: Ipv4Addr) -> String {
    // AWS: the oldest region has a form of its own.
    match region.as_str() {
        "us-east-1" => format!("ip-{}.ec2.internal", dashed(address)),
        region => format!("ip-{}.{region}.compute.internal", dashed(address)),
    }
}

/// The name of a public address: `ec2-198-18-0-20.eu-west-1.compute.amazonaws.com`.
pub(crate) fn public(region: Region, address: Ipv4Addr) -> String {
    let suffix = region.partition().dns_suffix();
    match region.as_str() {
        "us-east-1" => format!("ec2-{}.compute-1.{suffix}", dashed(address)),
        region => format!("ec2-{}.{region}.compute.{suffix}", dashed(address)),
    }
}

#[cfg(test)]
mod tests {
    use super::{private, public};
    use yakumo_aws::Region;

    #[test]
    fn the_oldest_region_has_names_of_its_own() {
        let (address, elsewhere) = ("10.0.0.5".parse().unwrap(), Region::parse("eu-west-1").unwrap());
        assert_eq!(private(Region::US_EAST_1, address), "ip-10-0-0-5.ec2.internal");
        assert_eq!(private(elsewhere, address), "ip-10-0-0-5.eu-west-1.compute.internal");
        assert_eq!(public(Region::US_EAST_1, address), "ec2-10-0-0-5.compute-1.amazonaws.com");
        assert_eq!(public(elsewhere, address), "ec2-10-0-0-5.eu-west-1.compute.amazonaws.com");
    }
}
