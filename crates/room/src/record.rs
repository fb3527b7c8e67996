//! Stored control-plane records: one byte of version, then JSON. Every earlier version opens in a new release.
//!
//! Data-plane records (messages, items) have compact encodings of their own in their rooms, also headed by a version.

use serde::{Serialize, de::DeserializeOwned};

/// Why stored bytes are not a record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The record was written by a newer release.
    #[error("a record of table {table} has version {found}, this release knows versions up to {known}")]
    Newer {
        /// The record's table.
        table: &'static str,
        /// The version found.
        found: u8,
        /// The newest version known here.
        known: u8,
    },
    /// The bytes are empty or are not what the version says.
    #[error("a record of table {table} does not decode: {reason}")]
    Malformed {
        /// The record's table.
        table: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// A record of one of a room's tables.
pub trait Record: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The table's name, unique in the room.
    const TABLE: &'static str;
    /// The version that is written now. Raise it when the meaning of a stored field changes, and override
    /// [`Record::upgrade`]; a new optional field with a default needs no new version.
    const VERSION: u8 = 1;

    /// Brings the JSON of an earlier version to the present form.
    fn upgrade(version: u8, _json: serde_json::Value) -> Result<serde_json::Value, RecordError> {
        let reason = format!("version {version} has no upgrade");
        Err(RecordError::Malformed { table: Self::TABLE, reason })
    }

    /// The bytes to store.
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![Self::VERSION];
        serde_json::to_writer(&mut bytes, self).expect("records hold nothing that JSON cannot");
        bytes
    }

    /// Reads stored bytes of this or an earlier version.
    fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError> {
        let malformed = |reason: String| RecordError::Malformed { table: Self::TABLE, reason };
        let (&version, json) = bytes.split_first().ok_or_else(|| malformed("it is empty".into()))?;
        if version > Self::VERSION {
            return Err(RecordError::Newer { table: Self::TABLE, found: version, known: Self::VERSION });
        }
        if version == Self::VERSION {
            return serde_json::from_slice(json).map_err(|error| malformed(error.to_string()));
        }
        let old = serde_json::from_slice(json).map_err(|error| malformed(error.to_string()))?;
        serde_json::from_value(Self::upgrade(version, old)?).map_err(|error| malformed(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Record, RecordError};
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Serialize, Deserialize, PartialEq, Debug)]
    struct Lamp {
        watts: u32,
    }

    impl Record for Lamp {
        const TABLE: &'static str = "lamps";
        const VERSION: u8 = 2;

        fn upgrade(_version: u8, mut json: serde_json::Value) -> Result<serde_json::Value, RecordError> {
            let watts = json.get("power").cloned().unwrap_or_default();
            json = serde_json::json!({ "watts": watts });
            Ok(json)
        }
    }

    #[test]
    fn earlier_versions_open_and_newer_ones_are_refused() {
        let lamp = Lamp { watts: 40 };
        assert_eq!(Lamp::from_bytes(&lamp.to_bytes()).unwrap(), lamp);
        assert_eq!(Lamp::from_bytes(b"\x01{\"power\":60}").unwrap(), Lamp { watts: 60 });
        assert!(matches!(Lamp::from_bytes(b"\x03{}"), Err(RecordError::Newer { found: 3, .. })));
        assert!(matches!(Lamp::from_bytes(b""), Err(RecordError::Malformed { .. })));
        assert!(matches!(Lamp::from_bytes(b"\x02{"), Err(RecordError::Malformed { .. })));
    }
}
