//! AWS's published signing test suite, run from the server's side, and the examples of S3's documentation.

use super::{BodyHash, Family, Head, PathRule, Refusal, Rules, SigningKeys, parse, verify};
use aws_lc_rs::digest;
use http::{HeaderName, HeaderValue, Request};
use serde_json::Value;
use yakumo_aws::Timestamp;

/// What the suite asks of a client that no server can meet.
const SKIPPED: [(&str, &str); 3] = [
    ("get-space-normalized", "a space is no part of an HTTP request target"),
    ("get-space-unnormalized", "a space is no part of an HTTP request target"),
    (
        "post-sts-header-after",
        "in its query form the token is added behind the signature, which we do not take",
    ),
];

/// A raw request head and body as an `http::Request`.
fn request(raw: &str) -> Request<String> {
    let (head, body) = raw.split_once("\n\n").unwrap_or((raw.trim_end(), ""));
    let mut lines = head.replace("\n ", " ").lines().map(str::to_owned).collect::<Vec<_>>().into_iter();
    let first = lines.next().unwrap();
    let (method, rest) = first.split_once(' ').unwrap();
    let (target, _) = rest.rsplit_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(target).body(body.trim_end().to_owned()).unwrap();
    for line in lines {
        let (name, value) = line.split_once(':').unwrap();
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        request.headers_mut().append(name, HeaderValue::from_str(value.trim()).unwrap());
    }
    request
}

struct Check {
    secret: &'static str,
    rules: Rules,
    now: Timestamp,
}

impl Check {
    fn verify<B: AsRef<[u8]>>(&self, request: &Request<B>) -> Result<(), Refusal> {
        let head = Head::from(request);
        let presented = parse(head)?.expect("the request is signed");
        let sum = digest::digest(&digest::SHA256, request.body().as_ref());
        let body = BodyHash::Known(sum.as_ref().try_into().unwrap());
        verify(&presented, head, self.secret, body, self.now, self.rules, &SigningKeys::default()).map(drop)
    }
}

/// Both forms of one case pass, and fail once the method or the date is another.
fn check_case(case: &Value, secret: &'static str) -> usize {
    let name = case["name"].as_str().unwrap();
    let path = if case["normalize"] == true { PathRule::Normalised } else { PathRule::Plain };
    let rules = Rules { path, ..Rules::of(Family::Query) };
    let now = Timestamp::from_secs(super::instant::parse_basic("20150830T123700Z").unwrap());
    let check = Check { secret, rules, now };
    let mut forms = 0;
    for raw in [&case["header_signed"], &case["query_signed"]].into_iter().filter_map(Value::as_str) {
        let mut request = request(raw);
        check.verify(&request).unwrap_or_else(|refusal| panic!("{name}: {refusal}\n{raw}"));
        *request.method_mut() = http::Method::PATCH;
        assert!(matches!(check.verify(&request), Err(Refusal::SignatureMismatch(_))), "{name}");
        forms += 1;
    }
    forms
}

#[test]
fn awss_signing_test_suite_verifies() {
    let suite: Value = serde_json::from_str(include_str!("vectors.json")).unwrap();
    let secret: &'static str = suite["secret_access_key"].as_str().unwrap().to_owned().leak();
    let cases = suite["cases"].as_array().unwrap();
    let skipped = |case: &&Value| SKIPPED.iter().all(|(name, _)| case["name"] != *name);
    let forms: usize = cases.iter().filter(skipped).map(|case| check_case(case, secret)).sum();
    // 38 cases, two suites, less the skipped ones; each in two forms.
    assert_eq!(forms, (38 - SKIPPED.len()) * 2 * 2);
}

const S3_SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

// from: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html and, the last one,
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
const S3_EXAMPLES: [&str; 5] = [
    "GET /test.txt HTTP/1.1\nHost: examplebucket.s3.amazonaws.com\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41\nRange: bytes=0-9\nx-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\nx-amz-date: 20130524T000000Z\n",
    "PUT /test$file.text HTTP/1.1\nHost: examplebucket.s3.amazonaws.com\nDate: Fri, 24 May 2013 00:00:00 GMT\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd\nx-amz-date: 20130524T000000Z\nx-amz-storage-class: REDUCED_REDUNDANCY\nx-amz-content-sha256: 44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072\n\nWelcome to Amazon S3.",
    "GET /?lifecycle HTTP/1.1\nHost: examplebucket.s3.amazonaws.com\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=host;x-amz-content-sha256;x-amz-date,Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543\nx-amz-date: 20130524T000000Z\nx-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n",
    "GET /?max-keys=2&prefix=J HTTP/1.1\nHost: examplebucket.s3.amazonaws.com\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=host;x-amz-content-sha256;x-amz-date,Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7\nx-amz-date: 20130524T000000Z\nx-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n",
    "GET /test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404 HTTP/1.1\nHost: examplebucket.s3.amazonaws.com\n",
];

#[test]
fn the_examples_of_s3s_documentation_verify() {
    let now = Timestamp::from_secs(super::instant::parse_basic("20130524T000010Z").unwrap());
    let check = Check { secret: S3_SECRET, rules: Rules::of(Family::S3), now };
    for raw in S3_EXAMPLES {
        let mut request = request(raw);
        check.verify(&request).unwrap_or_else(|refusal| panic!("{refusal}\n{raw}"));
        request.headers_mut().insert("host", HeaderValue::from_static("otherbucket.s3.amazonaws.com"));
        assert!(matches!(check.verify(&request), Err(Refusal::SignatureMismatch(_))), "{raw}");
    }
}
