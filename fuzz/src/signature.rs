//! What a request presents as its signature, and its verification with a known secret.

use http::{HeaderName, HeaderValue, Request};
use std::sync::LazyLock;
use yakumo_aws::Timestamp;
use yakumo_front::signature::{BodyHash, Family, Head, Rules, SigningKeys, parse, verify};

static KEYS: LazyLock<SigningKeys> = LazyLock::new(SigningKeys::default);
/// 2026-01-01T00:00:00Z, the date of the seeds.
const NOW_S: i64 = 1_767_225_600;

/// A target, then headers.
pub const SEEDS: &[&[u8]] = &[
    b"/\nhost: a\nx-amz-date: 20260101T000000Z\nauthorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
    b"/b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A%2F20260101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20260101T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404\nhost: a",
    b"/a//../b%20c?z=1&a=%zz\nhost: a\nx-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER\nx-amz-date: 20260101T000000Z\nx-amz-security-token: t\nauthorization: AWS4-ECDSA-P256-SHA256 Credential=A/20260101/s3/aws4_request, SignedHeaders=host;x-amz-date;x-amz-region-set, Signature=3045022100\nx-amz-region-set: us-*",
];

/// Parses, and verifies what parses, as each family of services does.
pub fn header_and_query(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut lines = text.split('\n');
    let mut request = Request::new(());
    let Ok(uri) = lines.next().unwrap_or_default().parse() else { return };
    *request.uri_mut() = uri;
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            request.headers_mut().append(name, value);
        }
    }
    let head = Head::from(&request);
    let Ok(Some(presented)) = parse(head) else { return };
    for family in [Family::S3, Family::Query] {
        for body in [BodyHash::Later, BodyHash::Known([0; 32])] {
            let now = Timestamp::from_secs(NOW_S);
            // Whether it is right is not the question here.
            let _ = verify(&presented, head, "secret", body, now, Rules::of(family), &KEYS);
        }
    }
}
