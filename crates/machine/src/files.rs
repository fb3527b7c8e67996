//! Files that are put into a sandbox.
//!
//! Invariant: they are written by root *inside*, after the sandbox's root is its root: whatever links lie there, they lead nowhere
//! that the sandbox could not reach itself.

use crate::Error;
use crate::spec::check_path;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most bytes of one file.
pub const FILE_BYTES_MAX: usize = 64 * 1024;

/// A file to put in. What is there under its name is replaced, whatever it is; directories above it are made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its absolute path inside.
    pub path: String,
    /// What is in it, at most 64 KiB; Base64 when it is carried.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub content: Vec<u8>,
    /// Its permission bits.
    pub mode: u32,
    /// Its owner and group inside.
    pub owner: u32,
}

impl File {
    /// A file of root that everybody may read.
    pub fn new(path: impl Into<String>, content: impl Into<Vec<u8>>) -> File {
        File { path: path.into(), content: content.into(), mode: 0o644, owner: 0 }
    }

    /// Refuses what cannot be written.
    pub fn check(&self) -> Result<(), Error> {
        check_path("files", &self.path)?;
        if self.content.len() > FILE_BYTES_MAX {
            return Err(Error::invalid(format!("files: {} is larger than 64 KiB", self.path)));
        }
        if self.mode & !0o7777 != 0 || self.owner > 65_535 {
            return Err(Error::invalid(format!("files: mode or owner of {} is out of range", self.path)));
        }
        Ok(())
    }
}

fn to_base64<S: Serializer>(content: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(content))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    STANDARD.decode(text).map_err(serde::de::Error::custom)
}
