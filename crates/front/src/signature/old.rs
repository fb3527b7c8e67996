//! Signature Version 2 in presigned URLs of S3, which boto3 and the AWS CLI still make for its oldest regions.
//!
//! Invariant: every `x-amz-*` header and parameter is signed; nothing else of the head acts.
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/RESTAuthentication.html>

use super::Head;
use super::encode::decode;
use super::presented::{Algorithm, Carrier, PayloadHash, Presented, Span};
use super::refusal::{Mismatch, Refusal};
use super::verify::{Rules, check_time};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;
use yakumo_aws::{Region, Timestamp};
use yakumo_room::Proof;

/// AWS: regions that were opened after January 2014 take Signature Version 4 only:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingAWSSDK.html#UsingAWSSDK-sig2-deprecation>
const REGIONS: [&str; 8] = [
    "us-east-1",
    "us-west-1",
    "us-west-2",
    "eu-west-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "sa-east-1",
];

/// Query parameters that name a part of a resource or change the answer: they are signed.
const SUBRESOURCES: [&str; 37] = [
    "accelerate",
    "acl",
    "analytics",
    "cors",
    "defaultObjectAcl",
    "delete",
    "encryption",
    "inventory",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "partNumber",
    "policy",
    "publicAccessBlock",
    "replication",
    "requestPayment",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "retention",
    "select",
    "select-type",
    "storageClass",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
];

/// Those whose names sort behind; a list of its own keeps the other in order.
const MORE_SUBRESOURCES: [&str; 2] = ["versions", "website"];

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    decode(&mut bytes, text.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The decoded parameters of a query string, those without a value as `None`.
fn pairs(query: &str) -> impl Iterator<Item = (String, Option<String>)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| match pair.split_once('=') {
        Some((name, value)) => (decoded(name), Some(decoded(value))),
        None => (decoded(pair), None),
    })
}

/// Reads the parameters of a presigned URL.
pub(super) fn parse(query: &str, head: Head<'_>) -> Result<Presented, Refusal> {
    let find = |wanted: &str| {
        let mut found = pairs(query).filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.next().and_then(|(_, value)| value)
    };
    let (id, signature, expires) = (find("AWSAccessKeyId"), find("Signature"), find("Expires"));
    let (id, signature) = (id.unwrap_or_default(), signature.unwrap_or_default());
    let expires = expires.unwrap_or_default();
    let ends_s = expires.parse::<i64>().map_err(|_| Refusal::OldExpiresMalformed(expires.clone()))?;
    let header = head.headers.get("x-amz-security-token").and_then(|value| value.to_str().ok());
    let token = find("x-amz-security-token").or_else(|| header.map(str::to_owned));
    Ok(presented(&id, &signature, &expires, token.as_deref(), ends_s))
}

/// What the fields of a form present.
pub(super) fn of_form(proof: &Proof) -> Presented {
    presented(&proof.credential, &proof.signature, "", proof.token.as_deref(), i64::MAX)
}

fn presented(id: &str, signature: &str, expires: &str, token: Option<&str>, ends_s: i64) -> Presented {
    let mut text = String::new();
    let access_key_id = Span::append(&mut text, id);
    let signature = Span::append(&mut text, signature);
    let service = Span::append(&mut text, "s3");
    let timestamp = Span::append(&mut text, expires);
    let session_token = token.map(|token| Span::append(&mut text, token));
    let none = Span::default();
    Presented {
        text,
        access_key_id,
        date: none,
        region: none,
        service,
        terminator: none,
        signed_headers: none,
        signature,
        timestamp,
        session_token,
        region_set: None,
        algorithm: Algorithm::V2,
        payload: PayloadHash::Unsigned,
        carrier: Carrier::OldQuery { ends_s },
        signed_at_s: ends_s,
    }
}

/// Verifies a presigned URL of Signature Version 2. `resource` is the path as sent, with the bucket of a virtual host in
/// front; `region` is where the request acts.
///
/// # Errors
/// Out of date, a region that only takes Version 4, a wrong signature.
pub fn verify_old(
    presented: &Presented,
    head: Head<'_>,
    resource: &str,
    region: Region,
    secret: &str,
    now: Timestamp,
    rules: Rules,
) -> Result<(), Refusal> {
    if !REGIONS.contains(&region.as_str()) {
        return Err(Refusal::SignatureV2);
    }
    check_time(presented, now.as_secs(), rules)?;
    let text = string_to_sign(presented, head, resource);
    if signs(secret, text.as_bytes(), presented.signature()) {
        return Ok(());
    }
    // AWS: a bucket may be signed with or without a slash behind it.
    if !resource.trim_start_matches('/').contains('/') {
        let other = string_to_sign(presented, head, &format!("{resource}/"));
        if signs(secret, other.as_bytes(), presented.signature()) {
            return Ok(());
        }
    }
    Err(Refusal::SignatureMismatch(Box::new(Mismatch {
        access_key_id: presented.access_key_id().to_owned(),
        signature: presented.signature().to_owned(),
        string_to_sign: text,
        canonical_request: String::new(),
    })))
}

/// Whether `signature` (Base64) is the secret's signature of `message`.
pub(crate) fn signs(secret: &str, message: &[u8], signature: &str) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    let calculated = STANDARD.encode(hmac::sign(&key, message));
    verify_slices_are_equal(calculated.as_bytes(), signature.as_bytes()).is_ok()
}

fn string_to_sign(presented: &Presented, head: Head<'_>, resource: &str) -> String {
    let query = head.uri.query().unwrap_or_default();
    let parameters: BTreeMap<String, Option<String>> = pairs(query).collect();
    // AWS: what a signer put into the query string in place of a header counts as that header.
    let either = |name: &str| {
        let given = parameters.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let header = || head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        given.and_then(|(_, value)| value.clone()).or_else(header).unwrap_or_default()
    };
    let mut amz: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in head.headers {
        if name.as_str().starts_with("x-amz-") {
            let value = String::from_utf8_lossy(value.as_bytes()).trim().to_owned();
            amz.entry(name.as_str().to_owned()).or_default().push(value);
        }
    }
    for (name, value) in &parameters {
        let name = name.to_ascii_lowercase();
        if name.starts_with("x-amz-") && !amz.contains_key(&name) {
            amz.insert(name, vec![value.clone().unwrap_or_default()]);
        }
    }
    let lines: String = amz.iter().map(|(name, values)| format!("{name}:{}\n", values.join(","))).collect();
    let known = |name: &str| SUBRESOURCES.contains(&name) || MORE_SUBRESOURCES.contains(&name);
    let parts: Vec<String> = parameters
        .iter()
        .filter(|(name, _)| known(name))
        .map(|(name, value)| match value.as_deref() {
            None | Some("") => name.clone(),
            Some(value) => format!("{name}={value}"),
        })
        .collect();
    let (mark, parts) = (if parts.is_empty() { "" } else { "?" }, parts.join("&"));
    format!(
        "{}\n{}\n{}\n{}\n{lines}{resource}{mark}{parts}",
        head.method,
        either("content-md5"),
        either("content-type"),
        presented.timestamp(),
    )
}

#[cfg(test)]
mod tests {
    use super::{signs, string_to_sign};
    use crate::signature::{Head, parse};
    use http::Request;

    /// from: docs <https://docs.aws.amazon.com/AmazonS3/latest/userguide/RESTAuthentication.html>, the example of query
    /// string authentication.
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

    #[test]
    fn the_example_of_the_documentation() {
        let uri = "/photos/puppy.jpg?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&\
                   Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620";
        let request = Request::get(uri).header("host", "johnsmith.s3.amazonaws.com").body(()).unwrap();
        let head = Head::from(&request);
        let presented = parse(head).unwrap().unwrap();
        let text = string_to_sign(&presented, head, "/johnsmith/photos/puppy.jpg");
        assert_eq!(text, "GET\n\n\n1175139620\n/johnsmith/photos/puppy.jpg");
        assert!(signs(SECRET, text.as_bytes(), presented.signature()));
        assert!(!signs(SECRET, text.replace("GET", "PUT").as_bytes(), presented.signature()));
    }

    #[test]
    fn what_is_signed() {
        let check = |uri: &str, headers: &[(&str, &str)], expected: &str| {
            let uri = format!("{uri}&AWSAccessKeyId=A&Signature=S&Expires=9");
            let request = headers.iter().fold(Request::put(uri), |request, (n, v)| request.header(*n, *v));
            let request = request.body(()).unwrap();
            let head = Head::from(&request);
            let presented = parse(head).unwrap().unwrap();
            assert_eq!(string_to_sign(&presented, head, "/b/k"), expected);
        };
        check("/b/k?x=1", &[], "PUT\n\n\n9\n/b/k");
        check("/b/k?uploadId=u%2F1&partNumber=2&acl", &[], "PUT\n\n\n9\n/b/k?acl&partNumber=2&uploadId=u/1");
        check("/b/k?x", &[("content-type", "a/b"), ("content-md5", "m")], "PUT\nm\na/b\n9\n/b/k");
        check("/b/k?content-type=c%2Fd", &[("content-type", "a/b")], "PUT\n\nc/d\n9\n/b/k");
        check("/b/k?x", &[("x-amz-b", " 2 "), ("x-amz-a", "1")], "PUT\n\n\n9\nx-amz-a:1\nx-amz-b:2\n/b/k");
        check("/b/k?x-amz-acl=private", &[], "PUT\n\n\n9\nx-amz-acl:private\n/b/k");
    }
}
