//! What instances send to their VPC's resolver and clock.

use std::hint::black_box;
use yakumo_net::Topology;
use yakumo_net::dns::{Services, Transport, answer, find};
use yakumo_net::engine::Ranges;
use yakumo_net::topology::Vpc;

/// Questions for an address, by a name and backwards, with EDNS; a name that is a pointer.
pub const DNS_SEEDS: &[&[u8]] = &[
    b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x03sqs\x09eu-west-1\x09amazonaws\x03com\0\0\x01\0\x01",
    b"\0\x07\x01\0\0\x01\0\0\0\0\0\x01\x014\x011\x010\x0210\x07in-addr\x04arpa\0\0\x0c\0\x01\0\0\x29\x04\xd0\0\0\0\0\0\0",
    b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x0bip-10-0-1-4\x03ec2\x08internal\0\0\xff\0\x01",
    b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x01a\x01b\xc0\x0c\0\x01\0\x01",
];
/// A client's question.
pub const NTP_SEEDS: &[&[u8]] = &[&[0x23; 48]];

/// The resolver, by both transports: an answer is within the limit of a datagram.
pub fn dns(input: &[u8]) {
    let mut topology = Topology::default();
    let mut vpc = Vpc { cidrs: vec!["10.0.0.0/16".parse().expect("a block")], ..Vpc::default() };
    vpc.names.insert("*.eu-west-1.amazonaws.com".into(), vec!["10.0.0.9".parse().expect("an address"); 90]);
    (vpc.dns.hostnames, vpc.dns.region) = (true, Some("us-east-1".into()));
    topology.vpcs.insert("vpc-1".into(), vpc);
    let services = Services::new(["sqs".to_owned()], Ranges::new("abcdefgh", 0));
    let look = |name: &str| find(&topology, &services, "vpc-1", name);
    let datagram = answer(input, Transport::Udp, look);
    assert!(datagram.is_none_or(|bytes| (12..=1232).contains(&bytes.len())));
    black_box(answer(input, Transport::Tcp, look));
}

/// The clock.
pub fn ntp(input: &[u8]) {
    black_box(yakumo_net::ntp::answer(input, i64::MAX));
}
