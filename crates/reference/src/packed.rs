//! What the build script packed, and how it is unpacked.
//!
//! Invariant: everything here was packed from files that the tests of this crate read whole.

use crate::parse::parse;
use crate::service::Service;
use miniz_oxide::inflate::decompress_to_vec_with_limit;
use std::sync::OnceLock;

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// A service in the binary.
pub(crate) struct Embedded {
    pub prefix: &'static str,
    /// Its models in `models/`.
    pub models: &'static [&'static str],
    length: usize,
    packed: &'static [u8],
    cell: OnceLock<Service>,
}

impl Embedded {
    pub(crate) fn service(&'static self) -> &'static Service {
        self.cell.get_or_init(|| {
            // Kept for as long as the process lives, as the cell is.
            let text = unpack(self.packed, self.length).leak();
            parse(text).expect("a test reads every service")
        })
    }
}

/// Unpacks a text of `length` bytes.
pub(crate) fn unpack(packed: &[u8], length: usize) -> String {
    let bytes = decompress_to_vec_with_limit(packed, length).expect("the build script packed it");
    String::from_utf8(bytes).expect("the build script packed a text")
}
