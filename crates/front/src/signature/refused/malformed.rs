//! Signatures that cannot be read, and what the caller finds out: code, status and text.

use super::{Case, EC2_DENIED, edit, edit_query};
use crate::signature::{Family, Refusal};
use http::{HeaderName, HeaderValue, Request};

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
