//! What things are called in the kernel. Every namespace and every link of the host carries the cloud's id.

use super::Ranges;

/// The names of one cloud.
#[derive(Clone, Debug)]
pub struct Names {
    cloud: String,
    prefix: String,
    /// The cloud's public addresses.
    pub ranges: Ranges,
}

impl Names {
    /// Names with a cloud's id.
    pub fn new(cloud: &str, ranges: Ranges) -> Names {
        Names { cloud: cloud.to_owned(), prefix: format!("yakumo-{cloud}-"), ranges }
    }

    /// What the names of all its namespaces begin with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The namespace of a VPC's router, an interface that stands alone or first, a NAT gateway or a transit gateway.
    pub fn namespace(&self, id: &str) -> String {
        format!("{}{id}", self.prefix)
    }

    /// Whether a namespace is an interface's: processes live in it that could not follow into another one.
    pub fn is_interface(&self, namespace: &str) -> bool {
        namespace.strip_prefix(&self.prefix).is_some_and(|id| id.starts_with("eni-"))
    }

    /// The namespace where all public addresses meet.
    pub fn edge(&self) -> String {
        self.namespace("edge")
    }

    /// The host's link to the edge.
    pub fn host_link(&self) -> String {
        format!("yakumo-{}", self.cloud)
    }
}

/// The name of a link: a letter for what it is, and 52 bits for whose it is (a name has 15 bytes at most).
pub fn link(kind: char, id: &str) -> String {
    format!("{kind}-{:013x}", hash(id) & 0xf_ffff_ffff_ffff)
}

/// FNV-1a, 64 bits, mixed at the end: short ids differ in few bits.
pub fn hash(text: &str) -> u64 {
    let mut hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(0xd6e8_feb8_6659_fd93);
    hash ^ (hash >> 32)
}
