//! S3's published examples, cut into pieces of every size, and what must be refused beside what passes.

use super::decode::Decoder;
use super::{Plan, decode};
use crate::signature::{
    Algorithm, BodyHash, Credentials, Family, Head, PayloadHash, Rules, SignedPayload, Signer, SigningKeys,
    parse, verify,
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::Request;
use proptest::prelude::{any, prop, proptest};
use yakumo_aws::{Error, Timestamp};

/// The announced head of an upload, as `name: value` lines, and its body.
struct Upload {
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

// from: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
fn documented() -> Upload {
    let authorization = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
        SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;\
        x-amz-decoded-content-length;x-amz-storage-class,\
        Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
    let body = [
        "10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n",
        &"a".repeat(65536),
        "\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n",
        &"a".repeat(1024),
        "\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n",
    ];
    upload(
        authorization,
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        vec![("content-length", "66824".into())],
        &body,
    )
}

// from: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
fn documented_trailer() -> Upload {
    let authorization = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
        SignedHeaders=content-encoding;host;x-amz-content-sha256;x-amz-date;\
        x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer,\
        Signature=106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e";
    let body = [
        "10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n",
        &"a".repeat(65536),
        "\r\n400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n",
        &"a".repeat(1024),
        "\r\n0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n",
        "x-amz-checksum-crc32c:sOO8/Q==\r\n",
        "x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n",
    ];
    let more = vec![("x-amz-trailer", "x-amz-checksum-crc32c".into())];
    upload(authorization, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", more, &body)
}

fn upload(authorization: &str, payload: &str, more: Vec<(&'static str, String)>, body: &[&str]) -> Upload {
    let mut headers = vec![
        ("host", "s3.amazonaws.com".to_owned()),
        ("x-amz-date", "20130524T000000Z".to_owned()),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY".to_owned()),
        ("content-encoding", "aws-chunked".to_owned()),
        ("x-amz-decoded-content-length", "66560".to_owned()),
        ("x-amz-content-sha256", payload.to_owned()),
        ("authorization", authorization.replace("        ", "")),
    ];
    headers.extend(more);
    Upload { headers, body: body.concat().into_bytes() }
}

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

fn now() -> Timestamp {
    Timestamp::from_secs(1_369_353_600)
}

fn plan<B>(request: &Request<B>) -> Plan {
    let head = Head::from(request);
    let presented = parse(head).unwrap().unwrap();
    let rules = Rules::of(Family::S3);
    let keys = SigningKeys::default();
    let verified = verify(&presented, head, SECRET, BodyHash::Later, now(), rules, &keys).unwrap();
    Plan::new(&presented, &verified, request.headers()).unwrap().unwrap()
}

/// The decoded body and what came out before an error, when the wire arrives in pieces of `step` bytes.
async fn decoded(plan: Plan, wire: &[u8], step: usize) -> (Vec<u8>, Result<Vec<(String, String)>, Error>) {
    let pieces: Vec<_> = wire.chunks(step).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    let mut stream = decode(stream::iter(pieces), plan);
    let trailer = stream.trailer();
    let mut out = Vec::new();
    while let Some(piece) = stream.next().await {
        match piece {
            Ok(piece) => out.extend_from_slice(&piece),
            Err(error) => {
                assert!(trailer.get().is_none() && stream.next().await.is_none());
                return (out, Err(error));
            }
        }
    }
    (out, Ok(trailer.get().unwrap().to_vec()))
}

fn documented_request(upload: &Upload) -> Request<()> {
    let mut request = Request::put("/examplebucket/chunkObject.txt").body(()).unwrap();
    for (name, value) in &upload.headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    request
}

#[tokio::test]
async fn the_documented_examples_decode_however_they_are_cut() {
    for upload in [documented(), documented_trailer()] {
        for step in [1, 7, 1000, 65_537, usize::MAX] {
            let (out, end) = decoded(plan(&documented_request(&upload)), &upload.body, step).await;
            let trailer = end.unwrap_or_else(|error| panic!("{error} in steps of {step}"));
            assert!(out.len() == 66_560 && out.iter().all(|byte| *byte == b'a'));
            let announced = upload.headers.iter().any(|(name, _)| *name == "x-amz-trailer");
            assert_eq!(trailer.len(), usize::from(announced), "one line where one is announced");
        }
    }
}

#[tokio::test]
async fn nothing_of_a_chunk_comes_out_before_its_signature_matched() {
    let upload = documented();
    let mut wire = upload.body.clone();
    let second = 87 + 65_536 + 2 + 86;
    wire[second + 10] = b'b';
    let (out, end) = decoded(plan(&documented_request(&upload)), &wire, 999).await;
    assert_eq!(out.len(), 65_536, "the first chunk, whole, and nothing of the second");
    let error = end.unwrap_err();
    assert_eq!((&*error.code, error.status), ("SignatureDoesNotMatch", 403));
}

/// An upload without chunk signatures, as SDKs send it over TLS.
fn unsigned(body: &str, decoded_bytes: &str, trailer: Option<&str>) -> (Request<()>, Vec<u8>) {
    let mut request = Request::put("http://localhost:4566/bucket/key").body(()).unwrap();
    request.headers_mut().insert("x-amz-decoded-content-length", decoded_bytes.parse().unwrap());
    if let Some(name) = trailer {
        request.headers_mut().insert("x-amz-trailer", name.parse().unwrap());
    }
    let signer = Signer {
        credentials: Credentials { access_key_id: "AKID", secret_access_key: SECRET, session_token: None },
        region: "us-east-1",
        service: "s3",
        now: now(),
        algorithm: Algorithm::V4,
    };
    signer.sign(&mut request, SignedPayload::Reserved(PayloadHash::StreamingUnsignedTrailer)).unwrap();
    (request, body.as_bytes().to_vec())
}

async fn check(body: &str, decoded_bytes: &str, trailer: Option<&str>, want: Result<&str, &str>) {
    let (request, wire) = unsigned(body, decoded_bytes, trailer);
    for step in [1, 5, usize::MAX] {
        let (out, end) = decoded(plan(&request), &wire, step).await;
        match (end, want) {
            (Ok(_), Ok(want)) => assert_eq!(String::from_utf8_lossy(&out), want),
            (Err(error), Err(want)) => assert_eq!(error.to_string(), want, "{body:?}"),
            (end, want) => panic!("{body:?} gave {end:?}, wanted {want:?}"),
        }
    }
}

const TERMINATED: &str = "IncompleteBody: The request body terminated unexpectedly";
const MALFORMED: &str = "MalformedTrailerError: The request contained trailing data that was not well-formed or did not \
                         conform to our published schema.";
const LENGTH: &str =
    "IncompleteBody: You did not provide the number of bytes specified by the Content-Length HTTP header";

#[tokio::test]
async fn framing_is_held_to_the_letter() {
    check("5\r\nhello\r\n0\r\n\r\n", "5", None, Ok("hello")).await;
    check("0\r\n\r\n", "0", None, Ok("")).await;
    for broken in [
        "",
        "5",
        "5\r\nhel",
        "5\r\nhello",
        "5\r\nhello\r\n",
        "5\r\nhello\r\n0\r\n",
        "3\r\nhello\r\n0\r\n\r\n",
        "x\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        "5\nhello\n0\n\n",
        "5\r\nhello\r\n0\r\n\r\nmore",
    ] {
        check(broken, "5", None, Err(TERMINATED)).await;
    }
    check("ffffffffffffffff\r\nhello", "5", None, Err(LENGTH)).await;
    check("5\r\nhello\r\n0\r\n\r\n", "6", None, Err(LENGTH)).await;
    check("5\r\nhello\r\n0\r\n\r\n", "4", None, Err(LENGTH)).await;
    let small = "InvalidChunkSizeError: Only the last chunk is allowed to have a size less than 8192 bytes";
    check("3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", "5", None, Err(small)).await;
}

#[tokio::test]
async fn a_trailing_checksum_is_verified() {
    let crc32 = Some("x-amz-checksum-crc32");
    let with = |trailer: &str| format!("5\r\nhello\r\n0\r\n{trailer}\r\n\r\n");
    check(&with("x-amz-checksum-crc32:NhCmhg=="), "5", crc32, Ok("hello")).await;
    check(&with("X-Amz-Checksum-CRC32: NhCmhg== "), "5", crc32, Ok("hello")).await;
    let wrong = "BadDigest: The CRC32 you specified did not match the calculated checksum.";
    check(&with("x-amz-checksum-crc32:AAAAAA=="), "5", crc32, Err(wrong)).await;
    let bad = "InvalidRequest: Value for x-amz-checksum-crc32 trailing header is invalid.";
    check(&with("x-amz-checksum-crc32:AAAA"), "5", crc32, Err(bad)).await;
    for malformed in
        ["x-amz-checksum-crc32c:NhCmhg==", "x-amz-checksum-crc32", "a:b\r\nx-amz-checksum-crc32:NhCmhg=="]
    {
        check(&with(malformed), "5", crc32, Err(MALFORMED)).await;
    }
    check("5\r\nhello\r\n0\r\n\r\n", "5", crc32, Err(MALFORMED)).await;
    check(&with("x-amz-checksum-crc32:NhCmhg=="), "5", None, Err(MALFORMED)).await;
}

/// What chunked bodies are made of.
const PIECES: &[&str] = &[
    "0\r\n",
    "5\r\nhello\r\n",
    "\r\n",
    "\n",
    "ffffffffffffffff;",
    "chunk-signature=",
    "x-amz-checksum-crc32:NhCmhg==",
    "x-amz-trailer-signature:00",
    ":",
    "\0",
    "2000\r\n",
];

proptest! {
    #[test]
    fn hostile_framing_never_panics(
        wire in prop::collection::vec(prop::sample::select(PIECES), 0..12),
        step in 1..9usize,
        signed in any::<bool>(),
    ) {
        let plan = if signed {
            plan(&documented_request(&documented_trailer()))
        } else {
            plan(&unsigned("", "5", Some("x-amz-checksum-crc32")).0)
        };
        let mut decoder = Decoder::new(plan);
        let wire = wire.concat().into_bytes();
        let taken = wire.chunks(step).try_for_each(|piece| decoder.push(Bytes::copy_from_slice(piece)));
        if taken.and_then(|()| decoder.end()).is_ok() {
            assert!(!signed, "nobody guesses a signature");
            assert!(decoder.pop().is_some_and(|first| first.len() <= 5));
        }
    }
}

#[test]
fn what_is_announced_must_be_usable() {
    let plan = |length: &str, trailer: Option<&str>| {
        let (request, _) = unsigned("", length, trailer);
        let head = Head::from(&request);
        let presented = parse(head).unwrap().unwrap();
        let rules = Rules::of(Family::S3);
        let verified =
            verify(&presented, head, SECRET, BodyHash::Later, now(), rules, &SigningKeys::default()).unwrap();
        Plan::new(&presented, &verified, request.headers()).map(|plan| plan.unwrap().decoded_bytes())
    };
    assert_eq!(plan("5", None).unwrap(), 5);
    assert_eq!(plan("abc", None).unwrap_err().status, 411);
    assert_eq!(plan("5", Some("x-amz-checksum-xxhash3")).unwrap(), 5);
    assert_eq!(plan("5", Some("x-amz-checksum-foo")).unwrap_err().code, "InvalidRequest");
}
