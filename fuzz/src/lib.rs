//! One body for each reader of bytes from outside: takes anything, must come back without a panic.
//!
//! Invariant: a body says nothing about what is right, only that no input panics, hangs or recurses without end. The same
//! bodies run here with plain mutations (`cargo test -p yakumo-fuzz`) and under libFuzzer (`fuzz/libfuzzer`).

mod chunked;
mod datagrams;
mod exchange;
mod mutate;
mod policy;
mod shape;
mod signature;
mod user_data;

pub use mutate::Mutator;

/// Something to be fed with hostile bytes.
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// Reads the bytes.
    pub body: fn(&[u8]),
    /// Inputs that get far; mutations start from them.
    pub seeds: &'static [&'static [u8]],
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "router", body: exchange::router, seeds: exchange::SEEDS },
    Target { name: "json", body: exchange::json, seeds: exchange::JSON_SEEDS },
    Target { name: "query", body: exchange::query, seeds: exchange::QUERY_SEEDS },
    Target { name: "ec2-query", body: exchange::ec2_query, seeds: exchange::QUERY_SEEDS },
    Target { name: "rest-json", body: exchange::rest_json, seeds: exchange::JSON_SEEDS },
    Target { name: "rest-xml", body: exchange::rest_xml, seeds: exchange::XML_SEEDS },
    Target { name: "cbor", body: exchange::cbor, seeds: exchange::CBOR_SEEDS },
    Target { name: "signature", body: signature::header_and_query, seeds: signature::SEEDS },
    Target { name: "chunked", body: chunked::unsigned_trailer, seeds: chunked::SEEDS },
    Target { name: "policy", body: policy::document, seeds: policy::SEEDS },
    Target { name: "dns", body: datagrams::dns, seeds: datagrams::DNS_SEEDS },
    Target { name: "ntp", body: datagrams::ntp, seeds: datagrams::NTP_SEEDS },
    Target { name: "user-data", body: user_data::plan, seeds: user_data::SEEDS },
];

/// The target of that name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
