//! Each way to fail beside the request that passes, in the words of each family.

mod hostile;
mod malformed;

use super::{
    Algorithm, BodyHash, Credentials, Family, Head, PayloadHash, Refusal, Rules, SignedPayload, Signer,
    SigningKeys, check_scope, parse, verify,
};
use crate::body::sha256;
use http::{HeaderValue, Request, Uri};
use yakumo_aws::{Error, Timestamp};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const BODY: &[u8] = b"{\"QueueUrl\":\"q\"}";

/// 2026-01-01T00:00:00Z.
const NOW_S: i64 = 1_767_225_600;

/// A signed request of one family, and what it takes to verify it.
struct Case {
    family: Family,
    presigned: Option<u32>,
    signed_at_s: i64,
    algorithm: Algorithm,
}

impl Case {
    fn of(family: Family) -> Case {
        Case { family, presigned: None, signed_at_s: NOW_S, algorithm: Algorithm::V4 }
    }

    fn presigned(family: Family, expires_s: u32) -> Case {
        Case { presigned: Some(expires_s), ..Case::of(family) }
    }

    fn service(&self) -> &'static str {
        if self.family == Family::S3 { "s3" } else { "sqs" }
    }

    fn request(&self) -> Request<Vec<u8>> {
        let uri = "http://sqs.us-east-1.amazonaws.com/000000000000/queue?a=1&b=2";
        let mut request = Request::post(uri).header("x-amz-target", "T.Op").body(BODY.to_vec()).unwrap();
        if self.presigned.is_some() {
            request.headers_mut().clear();
        }
        let signer = Signer {
            credentials: Credentials {
                access_key_id: "AKIDEXAMPLE",
                secret_access_key: SECRET,
                session_token: None,
            },
            region: "us-east-1",
            service: self.service(),
            now: Timestamp::from_secs(self.signed_at_s),
            algorithm: self.algorithm,
        };
        match (self.presigned, self.family) {
            (Some(expires_s), Family::S3) => {
                signer
                    .presign(&mut request, expires_s, SignedPayload::Reserved(PayloadHash::Unsigned))
                    .unwrap();
            }
            (Some(expires_s), _) => {
                signer.presign(&mut request, expires_s, SignedPayload::Bytes(BODY)).unwrap()
            }
            (None, _) => drop(signer.sign(&mut request, SignedPayload::Bytes(BODY)).unwrap()),
        }
        request
    }

    fn verify(&self, request: &Request<Vec<u8>>) -> Result<(), Error> {
        self.refusal(request).map_err(|refusal| refusal.error(self.family))
    }

    fn refusal(&self, request: &Request<Vec<u8>>) -> Result<(), Refusal> {
        let head = Head::from(request);
        let presented = parse(head)?.ok_or(Refusal::MissingAuthentication)?;
        check_scope(&presented, self.service(), Some("us-east-1"))?;
        let body = BodyHash::Known(sha256(request.body()));
        let now = Timestamp::from_secs(NOW_S);
        verify(&presented, head, SECRET, body, now, Rules::of(self.family), &SigningKeys::default()).map(drop)
    }

    /// The untouched request passes; the broken one fails with this code, status and the beginning of this text.
    fn check(&self, broken: impl Fn(&mut Request<Vec<u8>>), code: &str, status: u16, text: &str) -> Error {
        let mut request = self.request();
        let in_time = (NOW_S - self.signed_at_s).abs() < 300;
        if in_time {
            self.verify(&request)
                .unwrap_or_else(|error| panic!("{:?} before it was broken: {error}", self.family));
        }
        broken(&mut request);
        let error = self.verify(&request).expect_err(text);
        assert_eq!((&*error.code, error.status), (code, status), "{:?} {}", self.family, error.message);
        assert!(error.message.starts_with(text), "{:?}\n{}\n{text}", self.family, error.message);
        error
    }
}

fn edit(request: &mut Request<Vec<u8>>, name: &'static str, from: &str, to: &str) {
    let value = request.headers().get(name).unwrap().to_str().unwrap();
    assert!(value.contains(from), "{value} lacks {from}");
    let value = HeaderValue::from_str(&value.replace(from, to)).unwrap();
    request.headers_mut().insert(name, value);
}

fn edit_query(request: &mut Request<Vec<u8>>, from: &str, to: &str) {
    let uri = request.uri().to_string();
    assert!(uri.contains(from), "{uri} lacks {from}");
    *request.uri_mut() = uri.replace(from, to).parse::<Uri>().unwrap();
}

const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS \
    Secret Access Key and signing method. Consult the service documentation for details.";
const S3_MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your \
    key and signing method.";
const EC2_DENIED: &str = "AWS was not able to validate the provided access credentials";

const MISMATCHES: [(Family, &str, u16, &str); 5] = [
    (Family::Json, "InvalidSignatureException", 400, MISMATCH),
    (Family::Query, "SignatureDoesNotMatch", 403, MISMATCH),
    (Family::Rest, "InvalidSignatureException", 403, MISMATCH),
    (Family::Ec2, "AuthFailure", 401, EC2_DENIED),
    (Family::S3, "SignatureDoesNotMatch", 403, S3_MISMATCH),
];

#[test]
fn whatever_is_tampered_with_breaks_the_signature() {
    for (family, code, status, text) in MISMATCHES {
        for case in [Case::of(family), Case { algorithm: Algorithm::V4a, ..Case::of(family) }] {
            case.check(|request| *request.method_mut() = http::Method::PUT, code, status, text);
            case.check(|request| edit_query(request, "/queue", "/other"), code, status, text);
            case.check(|request| edit_query(request, "a=1", "a=3"), code, status, text);
            case.check(|request| edit(request, "x-amz-target", "T.Op", "T.Other"), code, status, text);
            case.check(|request| edit(request, "host", "sqs", "sns"), code, status, text);
            if family != Family::S3 {
                case.check(|request| request.body_mut().push(b' '), code, status, text);
            }
        }
        let case = Case::presigned(family, 900);
        case.check(|request| edit_query(request, "Expires=900", "Expires=901"), code, status, text);
    }
    let error = Case::of(Family::Query).check(
        |request| *request.method_mut() = http::Method::PUT,
        "SignatureDoesNotMatch",
        403,
        MISMATCH,
    );
    assert!(error.message.contains(
        "The Canonical String for this request should have been\n'PUT\n/000000000000/queue\na=1&b=2\nhost:"
    ));
    assert!(
        error.message.contains("The String-to-Sign should have been\n'AWS4-HMAC-SHA256\n20260101T000000Z\n")
    );
}

#[test]
fn s3_says_which_body_it_saw() {
    let case = Case::of(Family::S3);
    let error = case.check(
        |request| request.body_mut().push(b' '),
        "XAmzContentSHA256Mismatch",
        400,
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
    );
    assert_eq!(error.fields.len(), 2);
    let names: Vec<_> = error.fields.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["ClientComputedContentSHA256", "S3ComputedContentSHA256"]);
    let error = case.check(
        |request| edit(request, "authorization", "Signature=", "Signature=0"),
        "SignatureDoesNotMatch",
        403,
        S3_MISMATCH,
    );
    let names: Vec<_> = error.fields.iter().map(|(name, _)| &**name).collect();
    assert_eq!(
        names,
        [
            "AWSAccessKeyId",
            "StringToSign",
            "SignatureProvided",
            "StringToSignBytes",
            "CanonicalRequest",
            "CanonicalRequestBytes"
        ]
    );
}

#[test]
fn clocks_may_differ_by_fifteen_minutes_and_by_five_for_json() {
    let old = |family, ago| Case { signed_at_s: NOW_S - ago, ..Case::of(family) };
    let nothing = |_: &mut Request<Vec<u8>>| {};
    assert!(old(Family::Json, 300).refusal(&old(Family::Json, 300).request()).is_ok());
    assert!(old(Family::Query, 900).refusal(&old(Family::Query, 900).request()).is_ok());
    let text = "Signature expired: 20251231T235459Z is now earlier than 20251231T235500Z (20260101T000000Z - 5 min.)";
    old(Family::Json, 301).check(nothing, "InvalidSignatureException", 400, text);
    let text = "Signature expired: 20251231T234459Z is now earlier than 20251231T234500Z (20260101T000000Z - 15 min.)";
    old(Family::Query, 901).check(nothing, "SignatureDoesNotMatch", 403, text);
    old(Family::Ec2, 901).check(nothing, "RequestExpired", 400, "Request has expired.");
    let text = "Signature not yet current: 20260101T000501Z is still later than 20260101T000500Z (20260101T000000Z + 5 min.)";
    old(Family::Json, -301).check(nothing, "InvalidSignatureException", 400, text);
    assert!(old(Family::S3, 900).refusal(&old(Family::S3, 900).request()).is_ok());
    let text = "The difference between the request time and the current time is too large.";
    for ago in [901, -901] {
        let error = old(Family::S3, ago).check(nothing, "RequestTimeTooSkewed", 403, text);
        assert_eq!(error.fields[1].1, "2026-01-01T00:00:00Z");
        assert_eq!(error.fields[2], ("MaxAllowedSkewMilliseconds".into(), "900000".into()));
    }
}

#[test]
fn presigned_urls_end() {
    let nothing = |_: &mut Request<Vec<u8>>| {};
    let s3 = |ago| Case { signed_at_s: NOW_S - ago, ..Case::presigned(Family::S3, 3600) };
    assert!(s3(3600).refusal(&s3(3600).request()).is_ok());
    let error = s3(3601).check(nothing, "AccessDenied", 403, "Request has expired");
    let fields: Vec<_> = error.fields.iter().map(|(name, value)| (&**name, value.as_str())).collect();
    assert_eq!(
        fields,
        [
            ("X-Amz-Expires", "3600"),
            ("Expires", "2025-12-31T23:59:59Z"),
            ("ServerTime", "2026-01-01T00:00:00Z")
        ]
    );
    s3(-901).check(nothing, "AccessDenied", 403, "Request is not yet valid");
    // Fifteen minutes at least for the others, as EKS's tokens need it.
    let sts = |ago| Case { signed_at_s: NOW_S - ago, ..Case::presigned(Family::Query, 60) };
    assert!(sts(900).refusal(&sts(900).request()).is_ok());
    sts(901).check(
        nothing,
        "SignatureDoesNotMatch",
        403,
        "Signature expired: 20251231T234459Z is now earlier than ",
    );
}

#[test]
fn no_refusal_tells_the_secret() {
    for (family, ..) in MISMATCHES {
        let case = Case::of(family);
        let mut request = case.request();
        *request.method_mut() = http::Method::PUT;
        let error = case.verify(&request).unwrap_err();
        assert!(!format!("{error:?}").contains(SECRET));
    }
}

#[test]
fn a_changed_secret_does_not_meet_the_old_key() {
    let keys = SigningKeys::with_limit(2);
    let case = Case::of(Family::Query);
    let request = case.request();
    let head = Head::from(&request);
    let presented = parse(head).unwrap().unwrap();
    let with = |secret: &str| {
        let body = BodyHash::Known(sha256(BODY));
        verify(&presented, head, secret, body, Timestamp::from_secs(NOW_S), Rules::of(Family::Query), &keys)
            .is_ok()
    };
    assert!(with(SECRET) && !with("other") && with(SECRET) && with(SECRET));
    for count in 0..100 {
        let mut other = presented.clone();
        other.text = other.text.replacen("AKIDEXAMPLE", &format!("AKID{count:07}"), 1);
        assert!(keys.get(&other, SECRET).is_some());
        assert!(keys.len() <= 2, "the cache is bounded");
    }
}
