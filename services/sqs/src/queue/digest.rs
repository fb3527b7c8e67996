//! The digests that SDKs verify: MD5 of the body and of the attributes; and the hashes of deduplication.

use super::body::{Attribute, AttributeValue};
use aws_lc_rs::digest::{SHA256, digest};
use md5::{Digest, Md5};

/// Sixteen bytes of an MD5 digest.
pub type Md5Bytes = [u8; 16];

/// The MD5 of a message's body.
pub fn md5_of_body(body: &str) -> Md5Bytes {
    Md5::digest(body.as_bytes()).into()
}

/// The MD5 of message attributes, which must come sorted by name.
/// Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-attributes-md5-message-digest-calculation>
pub fn md5_of_attributes<'a>(attributes: impl IntoIterator<Item = Attribute<'a>>) -> Md5Bytes {
    let mut md5 = Md5::new();
    for attribute in attributes {
        let (transport, value) = match attribute.value {
            AttributeValue::Text(text) => (1, text.as_bytes()),
            AttributeValue::Binary(bytes) => (2, bytes),
        };
        feed(&mut md5, attribute.name.as_bytes());
        feed(&mut md5, attribute.data_type.as_bytes());
        md5.update([transport]);
        feed(&mut md5, value);
    }
    md5.finalize().into()
}

fn feed(md5: &mut Md5, part: &[u8]) {
    md5.update(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
    md5.update(part);
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| DIGITS[usize::from(digit)] as char).collect()
}

/// The deduplication id that SQS makes from a body: its SHA-256 in hexadecimal digits.
pub fn content_deduplication_id(body: &str) -> String {
    hex(digest(&SHA256, body.as_bytes()).as_ref())
}

/// What a deduplication id is remembered by: half a SHA-256 over the group (empty when the whole queue is the scope)
/// and the id.
pub fn deduplication_key(group: &str, id: &str) -> [u8; 16] {
    let mut text = Vec::with_capacity(group.len() + id.len() + 1);
    text.extend_from_slice(group.as_bytes());
    text.push(0);
    text.extend_from_slice(id.as_bytes());
    let mut key = [0; 16];
    key.copy_from_slice(&digest(&SHA256, &text).as_ref()[..16]);
    key
}

#[cfg(test)]
mod tests {
    use super::{content_deduplication_id, deduplication_key, hex, md5_of_attributes, md5_of_body};
    use crate::queue::body::{Attribute, AttributeValue};

    #[test]
    fn bodies() {
        // from: RFC 1321, the test suite in A.5
        assert_eq!(hex(&md5_of_body("message digest")), "f96b697d7cb7938d525a2f31aaf161d0");
    }

    #[test]
    fn attributes() {
        // from: us, computed with Python's hashlib over the bytes that the page above spells out
        let string = Attribute { name: "a", data_type: "String", value: AttributeValue::Text("x") };
        let binary =
            Attribute { name: "b", data_type: "Binary.png", value: AttributeValue::Binary(&[0, 255]) };
        assert_eq!(hex(&md5_of_attributes([string])), "a512aac9938034acb0b3c3d965944bf1");
        assert_eq!(hex(&md5_of_attributes([string, binary])), "49fb294cfc1b84feed4823595ac49d34");
    }

    #[test]
    fn deduplication_ids() {
        // from: FIPS 180-2, B.1
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(content_deduplication_id("abc"), abc);
        assert_ne!(deduplication_key("g", "x"), deduplication_key("", "x"));
        assert_ne!(deduplication_key("ab", "c"), deduplication_key("a", "bc"));
    }
}
