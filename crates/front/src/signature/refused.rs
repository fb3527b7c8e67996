//! Each way to fail beside the request that passes, in the words of each family; and hostile input, which never
//! panics.

use super::{
    Algorithm, BodyHash, Credentials, Family, Head, PayloadHash, Refusal, Rules, SignedPayload, Signer,
    SigningKeys, check_scope, parse, verify,
};
use crate::body::sha256;
use http::{HeaderName, HeaderValue, Request, Uri};
use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};
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
fn clocks_may_differ_by_five_minutes_and_by_fifteen_for_s3() {
    let old = |family, ago| Case { signed_at_s: NOW_S - ago, ..Case::of(family) };
    let nothing = |_: &mut Request<Vec<u8>>| {};
    assert!(old(Family::Query, 300).refusal(&old(Family::Query, 300).request()).is_ok());
    let text = "Signature expired: 20251231T235459Z is now earlier than 20251231T235500Z (20260101T000000Z - 5 min.)";
    old(Family::Query, 301).check(nothing, "SignatureDoesNotMatch", 403, text);
    old(Family::Json, 301).check(nothing, "InvalidSignatureException", 400, text);
    old(Family::Ec2, 301).check(nothing, "RequestExpired", 400, "Request has expired.");
    let text = "Signature not yet current: 20260101T000501Z is still later than 20260101T000500Z (20260101T000000Z + 5 min.)";
    old(Family::Query, -301).check(nothing, "SignatureDoesNotMatch", 403, text);
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
fn a_presigned_url_must_be_whole_and_live_a_week_at_most() {
    let s3 = Case::presigned(Family::S3, 900);
    let code = "AuthorizationQueryParametersError";
    let cases = [
        ("Expires=900", "Expires=604801", "X-Amz-Expires must be less than a week (in seconds)"),
        ("Expires=900", "Expires=-1", "X-Amz-Expires must be non-negative"),
        ("Expires=900", "Expires=soon", "X-Amz-Expires should be a number"),
        ("X-Amz-Expires=900", "x=y", "Query-string authentication version 4 requires the X-Amz-Algorithm, "),
        ("X-Amz-Date=", "x=", "Query-string authentication version 4 requires the X-Amz-Algorithm, "),
        ("AWS4-HMAC-SHA256", "AWS4-HMAC-MD5", "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256 and "),
        ("Date=2026", "Date=x026", "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""),
        (
            "%2Fus-east-1",
            "%2Fus-west-1",
            "Error parsing the X-Amz-Credential parameter; the region 'us-west-1' is wrong; expecting 'us-east-1'",
        ),
        (
            "%2Fs3%2F",
            "%2Fs2%2F",
            "Error parsing the X-Amz-Credential parameter; incorrect service \"s2\". This endpoint belongs to \"s3\".",
        ),
        (
            "%2Fs3%2F",
            "%2F",
            "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting \"<YOUR-AKID>/",
        ),
    ];
    for (from, to, text) in cases {
        s3.check(|request| edit_query(request, from, to), code, 400, text);
    }
    Case::presigned(Family::Query, 900).check(
        |request| edit_query(request, "X-Amz-Signature=", "x="),
        "IncompleteSignature",
        400,
        "AWS query-string parameters must include 'X-Amz-Signature'. Re-examine the query-string parameters.",
    );
}

#[test]
fn a_broken_authorization_header_is_explained() {
    let query = Case::of(Family::Query);
    let cases = [
        (
            "Credential=",
            "Kredential=",
            "Authorization header requires 'Credential' parameter. (Hashed with SHA-256 and encoded with Base64) Authorization=",
        ),
        ("Signature=", "Sig=", "Authorization header requires 'Signature' parameter. "),
        (
            "AKIDEXAMPLE/",
            "AKID/EXAMPLE/",
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'AKID/EXAMPLE/20260101/us-east-1/sqs/aws4_request'",
        ),
        (
            "AKIDEXAMPLE/",
            "AKID EXAMPLE/",
            "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '",
        ),
        ("AWS4-HMAC-SHA256", "AWS4-HMAC-MD5", "Unsupported AWS 'algorithm': 'AWS4-HMAC-MD5'."),
        (
            "AWS4-HMAC-SHA256",
            "Bearer",
            "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. ",
        ),
    ];
    for (from, to, text) in cases {
        query.check(|request| edit(request, "authorization", from, to), "IncompleteSignature", 400, text);
    }
    let scope = [
        ("us-east-1", "us-west-2", "Credential should be scoped to a valid region, not 'us-west-2'. "),
        ("/sqs/", "/sns/", "Credential should be scoped to correct service: 'sqs'. "),
        (
            "aws4_request",
            "aws5_request",
            "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'. ",
        ),
        (
            "20260101",
            "20260102",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20260102' != '20260101', from '20260101T000000Z'.",
        ),
        ("host;", "", "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."),
        (";x-amz-target", "", "'x-amz-target' must be a 'SignedHeader' in the AWS Authorization."),
    ];
    for (from, to, text) in scope {
        query.check(|request| edit(request, "authorization", from, to), "SignatureDoesNotMatch", 403, text);
        let json = Case::of(Family::Json);
        json.check(
            |request| edit(request, "authorization", from, to),
            "InvalidSignatureException",
            400,
            text,
        );
    }
    let text = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ";
    let no_date = |request: &mut Request<Vec<u8>>| drop(request.headers_mut().remove("x-amz-date"));
    query.check(no_date, "IncompleteSignature", 400, text);
}

#[test]
fn s3_has_words_of_its_own() {
    let s3 = Case::of(Family::S3);
    let header = "The authorization header is malformed; ";
    let cases = [
        (
            "Credential=",
            "Kredential=",
            "the authorization header requires three components: Credential, SignedHeaders, and Signature.",
        ),
        (
            "AKIDEXAMPLE/",
            "AKID EXAMPLE/",
            "the authorization component \"EXAMPLE/20260101/us-east-1/s3/aws4_request\" is malformed.",
        ),
        ("AKIDEXAMPLE/", "/", "a non-empty Access Key (AKID) must be provided in the credential."),
        ("us-east-1", "us-west-2", "the region 'us-west-2' is wrong; expecting 'us-east-1'"),
        ("/s3/", "/s2/", "incorrect service \"s2\". This endpoint belongs to \"s3\"."),
        ("aws4_request", "aws5", "incorrect terminal \"aws5\". This endpoint uses \"aws4_request\"."),
    ];
    for (from, to, text) in cases {
        let edit = |request: &mut Request<Vec<u8>>| edit(request, "authorization", from, to);
        s3.check(edit, "AuthorizationHeaderMalformed", 400, &format!("{header}{text}"));
    }
    let error = s3.check(
        |request| edit(request, "authorization", ";x-amz-target", ""),
        "AccessDenied",
        403,
        "There were headers present in the request which were not signed",
    );
    assert_eq!(error.fields, [("HeadersNotSigned".into(), "x-amz-target".to_owned())]);
    let set = |name: &'static str, value: &'static str| {
        move |request: &mut Request<Vec<u8>>| {
            request.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
    };
    let unsupported =
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.";
    s3.check(set("authorization", "AWS AKID:c2lnbmF0dXJl"), "InvalidRequest", 400, unsupported);
    s3.check(
        set("authorization", "Basic Zm9vOmJhcg=="),
        "InvalidArgument",
        400,
        "Unsupported Authorization Type",
    );
    let hash = "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, ";
    s3.check(set("x-amz-content-sha256", "nonsense"), "InvalidArgument", 400, hash);
    let two = Case::presigned(Family::S3, 900);
    two.check(
        set("authorization", "AWS4-HMAC-SHA256 x"),
        "InvalidArgument",
        400,
        "Only one auth mechanism allowed; ",
    );
    let missing = "Missing required header for this request: x-amz-content-sha256";
    s3.check(
        |request| drop(request.headers_mut().remove("x-amz-content-sha256")),
        "InvalidRequest",
        400,
        missing,
    );
}

#[test]
fn what_the_caller_finds_out_has_its_words_too() {
    let key = || Refusal::UnknownAccessKey { access_key_id: "AKID".into() };
    let expired = || Refusal::ExpiredToken { token: "t".into() };
    let cases = [
        (
            key(),
            Family::Json,
            "UnrecognizedClientException",
            400,
            "The security token included in the request is invalid.",
        ),
        (
            key(),
            Family::Rest,
            "UnrecognizedClientException",
            403,
            "The security token included in the request is invalid.",
        ),
        (
            key(),
            Family::Query,
            "InvalidClientTokenId",
            403,
            "The security token included in the request is invalid.",
        ),
        (
            key(),
            Family::S3,
            "InvalidAccessKeyId",
            403,
            "The AWS Access Key Id you provided does not exist in our records.",
        ),
        (key(), Family::Ec2, "AuthFailure", 401, EC2_DENIED),
        (
            expired(),
            Family::Json,
            "ExpiredTokenException",
            400,
            "The security token included in the request is expired",
        ),
        (
            expired(),
            Family::Query,
            "ExpiredToken",
            403,
            "The security token included in the request is expired",
        ),
        (expired(), Family::S3, "ExpiredToken", 400, "The provided token has expired."),
        (expired(), Family::Ec2, "RequestExpired", 400, "Request has expired."),
        (
            Refusal::MissingAuthentication,
            Family::Query,
            "MissingAuthenticationToken",
            403,
            "Request is missing Authentication Token",
        ),
        (
            Refusal::MissingAuthentication,
            Family::Json,
            "MissingAuthenticationTokenException",
            400,
            "Request is missing Authentication Token",
        ),
        (
            Refusal::MissingAuthentication,
            Family::Rest,
            "MissingAuthenticationTokenException",
            403,
            "Missing Authentication Token",
        ),
        (Refusal::MissingAuthentication, Family::S3, "AccessDenied", 403, "Access Denied"),
    ];
    for (refusal, family, code, status, text) in cases {
        let error = refusal.error(family);
        assert_eq!((&*error.code, error.status, error.message.as_str()), (code, status, text), "{family:?}");
    }
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

/// Pieces that signatures are made of, in any order, and noise.
fn mangled() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        Just("AWS4-HMAC-SHA256 ".to_owned()),
        Just("AWS4-ECDSA-P256-SHA256 ".to_owned()),
        Just("Credential=AKID/20260101/us-east-1/sqs/aws4_request".to_owned()),
        Just("Credential=AKID/20260101/sqs/aws4_request".to_owned()),
        Just("SignedHeaders=host;;x-amz-date".to_owned()),
        Just("Signature=00".to_owned()),
        Just(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20260101%2Fr%2Fs3%2Faws4_request"
                .to_owned()
        ),
        Just(
            "X-Amz-Date=20260101T000000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=%zz&X-Amz-Expires=9"
                .to_owned()
        ),
        Just(", ".to_owned()),
        Just("&".to_owned()),
        Just("%".to_owned()),
        Just("/../".to_owned()),
        "[ -~]{0,12}",
    ];
    prop::collection::vec(pieces, 0..9).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn hostile_heads_never_panic(
        path in "[!-~]{0,24}",
        query in mangled(),
        authorization in mangled(),
        date in prop_oneof![Just("20260101T000000Z".to_owned()), "[ -~]{0,20}"],
        noise in any::<[u8; 32]>(),
    ) {
        let target = format!("/{path}?{query}").replace(['#', ' '], "");
        let Ok(uri) = target.parse::<Uri>() else { return Ok(()) };
        let mut request = Request::get(uri).header("host", "h").body(()).unwrap();
        let pairs = [("authorization", authorization.as_bytes()), ("x-amz-date", date.as_bytes()), ("x-amz-a", &noise)];
        for (name, value) in pairs {
            if let Ok(value) = HeaderValue::from_bytes(value) && !value.is_empty() {
                request.headers_mut().insert(name, value);
            }
        }
        let head = Head::from(&request);
        let families = [Family::Json, Family::Query, Family::Ec2, Family::S3, Family::Rest];
        match parse(head) {
            Err(refusal) => families.iter().for_each(|family| drop(refusal.error(*family))),
            Ok(None) => {}
            Ok(Some(presented)) => for family in families {
                let (keys, now) = (SigningKeys::default(), Timestamp::from_secs(NOW_S));
                let known = BodyHash::Known(noise);
                let result = verify(&presented, head, SECRET, known, now, Rules::of(family), &keys);
                drop(result.expect_err("nobody guesses a signature").error(family));
            },
        }
    }
}
