//! Bodies in `aws-chunked` framing with an unsigned trailer.

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use http::{HeaderValue, Request};
use yakumo_aws::Timestamp;
use yakumo_front::chunked::{Plan, decode};
use yakumo_front::signature::{
    Algorithm, BodyHash, Credentials, Family, Head, PayloadHash, Rules, SignedPayload, Signer, SigningKeys,
    parse, verify,
};

const NOW_S: i64 = 1_767_225_600;

/// Framed bodies.
pub const SEEDS: &[&[u8]] = &[
    b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32: NhCmhg==\r\n\r\n",
    b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
    b"5;chunk-signature=0000000000000000000000000000000000000000000000000000000000000000\r\nhello\r\n0;chunk-signature=00\r\n\r\n",
];

/// Decodes the body, in one piece and cut small.
pub fn unsigned_trailer(input: &[u8]) {
    for payload in [PayloadHash::StreamingUnsignedTrailer, PayloadHash::StreamingTrailer] {
        for step in [usize::MAX, 3] {
            let Some(plan) = plan(payload) else { return };
            let pieces: Vec<_> = input.chunks(step).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
            let mut decoded = decode(stream::iter(pieces), plan);
            while let Some(Some(Ok(_))) = decoded.next().now_or_never() {}
        }
    }
}

/// The plan of a request that was signed here.
fn plan(payload: PayloadHash) -> Option<Plan> {
    let mut request = Request::put("/b/k").header("host", "a").body(()).ok()?;
    request.headers_mut().insert("x-amz-decoded-content-length", HeaderValue::from_static("5"));
    request.headers_mut().insert("x-amz-trailer", HeaderValue::from_static("x-amz-checksum-crc32"));
    let credentials = Credentials { access_key_id: "A", secret_access_key: "secret", session_token: None };
    let now = Timestamp::from_secs(NOW_S);
    let signer = Signer { credentials, region: "us-east-1", service: "s3", now, algorithm: Algorithm::V4 };
    signer.sign(&mut request, SignedPayload::Reserved(payload)).ok()?;
    let head = Head::from(&request);
    let presented = parse(head).ok()??;
    let keys = SigningKeys::default();
    let verified =
        verify(&presented, head, "secret", BodyHash::Later, now, Rules::of(Family::S3), &keys).ok()?;
    Plan::new(&presented, &verified, request.headers()).ok()?
}

#[cfg(test)]
mod tests {
    use super::plan;
    use yakumo_front::signature::PayloadHash;

    #[test]
    fn the_plans_are_there_so_that_bytes_reach_the_decoder() {
        assert!(plan(PayloadHash::StreamingUnsignedTrailer).is_some());
        assert!(plan(PayloadHash::StreamingTrailer).is_some());
    }
}
