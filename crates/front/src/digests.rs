//! What a request says of its body: `Content-MD5` and the additional checksums of operations that take them.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>

use crate::signature::hex;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderMap;
use md5::{Digest, Md5};
use yakumo_aws::{Error, Result};
use yakumo_checksum::{Algorithm, Hasher};

const PREFIX: &str = "x-amz-checksum-";
/// The header in which SDKs name the algorithm of what they send.
pub const CHOSEN: &str = "x-amz-sdk-checksum-algorithm";
/// What begins like a checksum's header and is none.
const OTHERS: [&str; 3] = ["algorithm", "mode", "type"];

/// Holds the head of a request that may have a checksum against itself: it names one at most, and that one alone.
///
/// # Errors
/// InvalidRequest, and InvalidArgument for two values of one header. Seen: <https://github.com/versity/versitygw/issues/1593>,
/// <https://github.com/versity/versitygw/issues/1598>, <https://github.com/versity/versitygw/issues/1104>.
pub fn check_head(headers: &HeaderMap) -> Result<()> {
    let mut given = Vec::new();
    for name in headers.keys() {
        let Some(algorithm) = name.as_str().strip_prefix(PREFIX).filter(|name| !OTHERS.contains(name)) else {
            continue;
        };
        if let Some(second) = headers.get_all(name).iter().nth(1) {
            return Err(Error::sender("InvalidArgument", "Only one value may be specified.")
                .with_field("ArgumentName", name.as_str())
                .with_field("ArgumentValue", String::from_utf8_lossy(second.as_bytes())));
        }
        if Algorithm::from_header(name.as_str()).is_none() {
            return Err(refused("The algorithm type you specified in x-amz-checksum- header is invalid."));
        }
        given.push(algorithm);
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let trailers = text("x-amz-trailer").unwrap_or_default().split(',');
    let trailing: Vec<&str> = trailers.filter_map(|name| name.trim().strip_prefix(PREFIX)).collect();
    if given.len() > 1 || trailing.len() > 1 {
        return Err(refused(
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
        ));
    }
    if !given.is_empty() && !trailing.is_empty() {
        return Err(refused("Expecting a single x-amz-checksum- header"));
    }
    match (text(CHOSEN), given.iter().chain(&trailing).next()) {
        (Some(_), None) => Err(refused(
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers \
             were found.",
        )),
        (Some(said), Some(found)) if !said.eq_ignore_ascii_case(found) => {
            Err(refused("Value for x-amz-sdk-checksum-algorithm header is invalid."))
        }
        _ => Ok(()),
    }
}

/// The checksum that a trailer brings.
pub fn trailing(headers: &HeaderMap) -> Option<Algorithm> {
    Algorithm::from_header(headers.get("x-amz-trailer")?.to_str().ok()?.trim())
}

fn refused(text: &str) -> Error {
    Error::sender("InvalidRequest", text)
}

/// Holds a document that was read whole against the digests in its head; `demanded` says that there must be one.
///
/// # Errors
/// InvalidDigest and InvalidRequest for what is no digest, and where one is missing; BadDigest for that of another document.
pub fn check(headers: &HeaderMap, document: &Bytes, demanded: bool) -> Result<()> {
    if let Some(given) = headers.get("content-md5") {
        check_md5(&String::from_utf8_lossy(given.as_bytes()), document)?;
    }
    let mut has_one = headers.contains_key("content-md5");
    for (name, given) in headers {
        if let Some(algorithm) = Algorithm::from_header(name.as_str()) {
            check_sum(algorithm, &String::from_utf8_lossy(given.as_bytes()), document)?;
            has_one = true;
        }
    }
    // Seen: <https://github.com/versity/versitygw/issues/1301>. DIFFERS: of lifecycle configurations AWS names Content-MD5
    // alone, but takes the others, too.
    match demanded && !has_one {
        true => Err(refused("Missing required header for this request: Content-MD5 OR x-amz-checksum-*")),
        false => Ok(()),
    }
}

fn check_md5(given: &str, document: &Bytes) -> Result<()> {
    let Some(bytes) = STANDARD.decode(given).ok().filter(|bytes| bytes.len() == 16) else {
        return Err(Error::sender("InvalidDigest", "The Content-MD5 you specified was invalid.")
            .with_field("Content-MD5", given));
    };
    let calculated = STANDARD.encode(Md5::digest(document));
    match calculated == given {
        true => Ok(()),
        false => {
            Err(Error::sender("BadDigest", "The Content-MD5 you specified did not match what we received.")
                // AWS: in hexadecimal, as OpenStack Swift's tests against AWS saw.
                .with_field("ExpectedDigest", hex(&bytes))
                .with_field("CalculatedDigest", calculated))
        }
    }
}

fn check_sum(algorithm: Algorithm, given: &str, document: &Bytes) -> Result<()> {
    if !algorithm.is_well_formed(given) {
        return Err(refused(&format!("Value for {} header is invalid.", algorithm.header())));
    }
    let mut hasher = Hasher::new(algorithm);
    hasher.update(document);
    let text = format!("The {} you specified did not match the calculated checksum.", algorithm.as_str());
    if hasher.finish() == given { Ok(()) } else { Err(Error::sender("BadDigest", text)) }
}

#[cfg(test)]
mod tests {
    use super::{check, check_head};
    use bytes::Bytes;
    use http::{HeaderMap, HeaderName, HeaderValue};

    fn head(said: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = said.iter();
        let pair = |&(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        HeaderMap::from_iter(pairs.map(pair))
    }

    #[test]
    fn documents_are_held_against_their_digests() {
        let said = |name: &'static str, value: &'static str| {
            let checked = check(&head(&[(name, value)]), &Bytes::from_static(b"abc"), true);
            checked.map_err(|error| error.code.into_owned())
        };
        let code = |code: &str| Err(code.to_owned());
        assert_eq!(said("content-md5", "kAFQmDzST7DWlj99KOF/cg=="), Ok(()));
        assert_eq!(said("content-md5", "ndTkYSaMgDT1yFZOFVxnpg=="), code("BadDigest"));
        assert_eq!(said("content-md5", "nonsense"), code("InvalidDigest"));
        assert_eq!(said("x-amz-checksum-crc32", "NSRBwg=="), Ok(()));
        assert_eq!(said("x-amz-checksum-crc32", "AAAAAA=="), code("BadDigest"));
        assert_eq!(said("x-amz-checksum-sha256", "AAAAAA=="), code("InvalidRequest"));
        assert_eq!(said("x-amz-checksum-md5", "kAFQmDzST7DWlj99KOF/cg=="), Ok(()));
        assert_eq!(said("x-amz-checksum-md5", "ndTkYSaMgDT1yFZOFVxnpg=="), code("BadDigest"));
        assert_eq!(said("x-amz-checksum-sha512", "AAAAAA=="), code("InvalidRequest"));
        // Nothing of these is a digest.
        for name in ["x-amz-checksum-mode", "x-amz-checksum-algorithm", "x-amz-content-sha256"] {
            assert_eq!(said(name, "CRC32"), code("InvalidRequest"), "{name}");
        }
        assert_eq!(check(&head(&[]), &Bytes::new(), false).map_err(|error| error.code), Ok(()));
    }

    #[test]
    fn a_head_speaks_of_one_checksum() {
        let said = |said: &[(&'static str, &'static str)]| {
            check_head(&head(said)).err().map(|error| error.message).unwrap_or_default()
        };
        let crc32 = ("x-amz-checksum-crc32", "NSRBwg==");
        let trailer = ("x-amz-trailer", "x-amz-checksum-crc32");
        let sdk = |name: &'static str| ("x-amz-sdk-checksum-algorithm", name);
        let mismatch = "Value for x-amz-sdk-checksum-algorithm header is invalid.";
        let missing = "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer \
                       headers were found.";
        let several = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.";
        for (given, expected) in [
            (&[][..], ""),
            (&[crc32], ""),
            (&[crc32, sdk("crc32"), ("x-amz-checksum-type", "BOGUS"), ("x-amz-checksum-algorithm", "x")], ""),
            (&[trailer, sdk("CRC32")], ""),
            (&[crc32, sdk("SHA256")], mismatch),
            (&[crc32, sdk("FOO")], mismatch),
            (&[trailer, sdk("SHA1")], mismatch),
            (&[sdk("CRC32")], missing),
            (&[sdk("FOO")], missing),
            (&[crc32, ("x-amz-checksum-sha1", "x")], several),
            (&[crc32, ("x-amz-checksum-sha1", "x"), sdk("SHA256")], several),
            (&[("x-amz-trailer", "x-amz-checksum-crc32, x-amz-checksum-crc32c")], several),
            (&[crc32, trailer], "Expecting a single x-amz-checksum- header"),
            (
                &[("x-amz-checksum-foo", "x")],
                "The algorithm type you specified in x-amz-checksum- header is invalid.",
            ),
        ] {
            assert_eq!(said(given), expected, "{given:?}");
        }
        let mut twice = head(&[crc32]);
        twice.append("x-amz-checksum-crc32", HeaderValue::from_static("AAAAAA=="));
        let error = check_head(&twice).unwrap_err();
        assert_eq!(
            (error.code.as_ref(), error.message.as_str()),
            ("InvalidArgument", "Only one value may be specified.")
        );
    }
}
