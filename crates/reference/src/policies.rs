//! AWS managed policies as AWS publishes them: the version in force of each.
//!
//! Documents are packed in chunks; one is unpacked when it is asked for and not kept here.

use crate::packed::{CHUNKS, INDEX_LENGTH, unpack};
use std::sync::LazyLock;

static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/policies.bin"));
static PACKED_INDEX: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/policies.index.bin"));

static ALL: LazyLock<Vec<ManagedPolicy>> = LazyLock::new(|| {
    let index: &'static str = unpack(PACKED_INDEX, INDEX_LENGTH).leak();
    index.lines().map(|line| read(line).expect("the build script wrote the line")).collect()
});

/// A policy that AWS keeps for everybody.
#[derive(Debug)]
pub struct ManagedPolicy {
    /// Path and name, as they stand in the ARN behind `policy`: `/job-function/ViewOnlyAccess`.
    pub place: &'static str,
    /// The number of the version in force.
    pub version: u32,
    /// When the policy was made, in seconds since 1970.
    pub created_s: i64,
    /// When the version in force was made, in seconds since 1970.
    pub updated_s: i64,
    chunk: usize,
    offset: usize,
    length: usize,
}

/// All of them, in the order of path and name. The order never changes while the process lives.
pub fn all() -> &'static [ManagedPolicy] {
    &ALL
}

/// The position in [`all`] of the policy with that path and name.
pub fn position(place: &str) -> Option<usize> {
    ALL.binary_search_by(|policy| policy.place.cmp(place)).ok()
}

impl ManagedPolicy {
    /// The document of the version in force, as compact JSON.
    pub fn document(&self) -> String {
        let &(begin, end, length) = CHUNKS.get(self.chunk).expect("the build script wrote the index");
        let chunk = unpack(PACKED.get(begin..end).expect("the build script wrote the index"), length);
        let document = chunk.get(self.offset..self.offset + self.length);
        document.expect("the build script wrote the index").to_owned()
    }
}

fn read(line: &'static str) -> Option<ManagedPolicy> {
    let mut words = line.split(' ');
    Some(ManagedPolicy {
        place: words.next()?,
        version: words.next()?.strip_prefix('v')?.parse().ok()?,
        created_s: words.next()?.parse().ok()?,
        updated_s: words.next()?.parse().ok()?,
        chunk: words.next()?.parse().ok()?,
        offset: words.next()?.parse().ok()?,
        length: words.next()?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::{all, position};

    #[test]
    fn all_policies_are_found_with_their_documents() {
        assert!(all().len() > 1_400);
        for (at, policy) in all().iter().enumerate() {
            assert_eq!(position(policy.place), Some(at));
            assert!(policy.created_s <= policy.updated_s && policy.version > 0, "{}", policy.place);
        }
        let document = |place: &str| position(place).map(|at| all()[at].document());
        let all_allowed =
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
        assert_eq!(document("/AdministratorAccess").unwrap(), all_allowed);
        assert!(document("/job-function/ViewOnlyAccess").unwrap().contains("s3:ListAllMyBuckets"));
        assert!(document("/ViewOnlyAccess").is_none());
    }
}
