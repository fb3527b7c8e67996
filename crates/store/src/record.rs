//! Stored values carry the version of their form in the first byte, so that a later release can read them.

use bytes::Bytes;

use crate::StoreError;

/// The value to store: the version, then the body.
pub fn seal(version: u8, body: &[u8]) -> Bytes {
    let mut value = Vec::with_capacity(body.len() + 1);
    value.push(version);
    value.extend_from_slice(body);
    value.into()
}

/// The version and the body of a stored value.
///
/// `newest` is the newest version that the caller reads; a newer value is refused as
/// [`StoreError::NewerFormat`], an empty one as [`StoreError::Corrupt`].
pub fn unseal<'a>(what: &str, newest: u8, value: &'a [u8]) -> Result<(u8, &'a [u8]), StoreError> {
    match value.split_first() {
        Some((version, body)) if *version <= newest => Ok((*version, body)),
        Some((version, _)) => Err(StoreError::NewerFormat {
            what: what.to_string(),
            found: u32::from(*version),
            supported: u32::from(newest),
        }),
        None => Err(StoreError::corrupt(format!("{what} is empty"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_versions_open_and_newer_ones_are_refused_by_name() {
        assert_eq!(unseal("queue", 2, &seal(1, b"x")).unwrap(), (1, &b"x"[..]));
        let error = unseal("queue", 2, &seal(3, b"x")).unwrap_err();
        assert!(matches!(error, StoreError::NewerFormat { found: 3, supported: 2, .. }), "{error}");
        assert!(unseal("queue", 2, b"").is_err());
    }
}
