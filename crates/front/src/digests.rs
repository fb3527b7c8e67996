//! What a request says of its document: `Content-MD5` and the additional checksums of operations that take them.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderMap;
use md5::{Digest, Md5};
use yakumo_aws::{Error, Result};
use yakumo_checksum::{Algorithm, Hasher};

/// Holds a document that was read whole against the digests in its head.
///
/// # Errors
/// InvalidDigest and InvalidRequest for what is no digest, BadDigest for that of another document.
pub fn check(headers: &HeaderMap, document: &Bytes) -> Result<()> {
    if let Some(given) = headers.get("content-md5") {
        check_md5(&String::from_utf8_lossy(given.as_bytes()), document)?;
    }
    for (name, given) in headers {
        if let Some(algorithm) = Algorithm::from_header(name.as_str()) {
            check_sum(algorithm, &String::from_utf8_lossy(given.as_bytes()), document)?;
        }
    }
    Ok(())
}

fn check_md5(given: &str, document: &Bytes) -> Result<()> {
    if !STANDARD.decode(given).is_ok_and(|bytes| bytes.len() == 16) {
        return Err(Error::sender("InvalidDigest", "The Content-MD5 you specified was invalid.")
            .with_field("Content-MD5", given));
    }
    let calculated = STANDARD.encode(Md5::digest(document));
    match calculated == given {
        true => Ok(()),
        false => {
            Err(Error::sender("BadDigest", "The Content-MD5 you specified did not match what we received.")
                .with_field("ExpectedDigest", given)
                .with_field("CalculatedDigest", calculated))
        }
    }
}

fn check_sum(algorithm: Algorithm, given: &str, document: &Bytes) -> Result<()> {
    if !algorithm.is_well_formed(given) {
        let text = format!("Value for {} header is invalid.", algorithm.header());
        return Err(Error::sender("InvalidRequest", text));
    }
    let mut hasher = Hasher::new(algorithm);
    hasher.update(document);
    let text = format!("The {} you specified did not match the calculated checksum.", algorithm.as_str());
    if hasher.finish() == given { Ok(()) } else { Err(Error::sender("BadDigest", text)) }
}

#[cfg(test)]
mod tests {
    use super::check;
    use bytes::Bytes;
    use http::{HeaderMap, HeaderName, HeaderValue};

    #[test]
    fn documents_are_held_against_their_digests() {
        let said = |name: &'static str, value: &'static str| {
            let headers =
                HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))]);
            check(&headers, &Bytes::from_static(b"abc")).map_err(|error| error.code.into_owned())
        };
        let code = |code: &str| Err(code.to_owned());
        assert_eq!(said("content-md5", "kAFQmDzST7DWlj99KOF/cg=="), Ok(()));
        assert_eq!(said("content-md5", "ndTkYSaMgDT1yFZOFVxnpg=="), code("BadDigest"));
        assert_eq!(said("content-md5", "nonsense"), code("InvalidDigest"));
        assert_eq!(said("x-amz-checksum-crc32", "NSRBwg=="), Ok(()));
        assert_eq!(said("x-amz-checksum-crc32", "AAAAAA=="), code("BadDigest"));
        assert_eq!(said("x-amz-checksum-sha256", "AAAAAA=="), code("InvalidRequest"));
        assert_eq!(said("x-amz-checksum-mode", "ENABLED"), Ok(()));
    }
}
