//! One line of an access log.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html>
//!
//! Invariant: a line has all of AWS's fields in its order; what is not known is `-`.

use crate::buckets::canonical_id;
use http::{HeaderMap, Method, Version};
use yakumo_aws::{AccountId, Timestamp};
use yakumo_policy::PrincipalKind;
use yakumo_room::{Caller, Finished, http_date};

const NOTHING: &str = "-";

/// What a request was about.
pub struct About<'a> {
    pub bucket: &'a str,
    /// The bucket's owner.
    pub owner: AccountId,
    /// As it stood in the path.
    pub key: &'a str,
    pub is_site: bool,
    /// The ARN of the access point that it came through.
    pub point: Option<String>,
}

/// The line of a request to a bucket.
pub fn of(finished: &Finished, about: &About<'_>) -> String {
    let About { bucket, owner, key, is_site, point } = about;
    let requester = finished.caller.as_deref().map_or_else(|| NOTHING.to_owned(), requester);
    let version = match finished.version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        _ => "HTTP/1.1",
    };
    let (signature, authentication) = signature(finished);
    let (tls, cipher) = finished.tls.map_or((NOTHING.to_owned(), NOTHING.to_owned()), |(version, suite)| {
        (version.to_ascii_uppercase().replace('_', "."), cipher(suite))
    });
    let fields = [
        canonical_id(*owner),
        (*bucket).to_owned(),
        format!("[{}]", clock(finished.at)),
        finished.source_ip.to_string(),
        requester,
        finished.request_id.to_string(),
        operation(finished, key, *is_site),
        some(key),
        format!("\"{} {} {version}\"", finished.method, quotable(&finished.uri)),
        finished.status.to_string(),
        some(finished.error.as_ref().map_or("", |(code, _)| code)),
        number(Some(finished.sent_bytes).filter(|bytes| *bytes > 0)),
        number(object_bytes(finished)),
        finished.took.as_millis().to_string(),
        turn_around(finished),
        format!("\"{}\"", quotable(&header(&finished.headers, "referer"))),
        format!("\"{}\"", quotable(&header(&finished.headers, "user-agent"))),
        header(&finished.answer, "x-amz-version-id"),
        // DIFFERS: answers have no `x-amz-id-2` here.
        NOTHING.to_owned(),
        signature.to_owned(),
        cipher,
        authentication.to_owned(),
        some(&finished.host),
        tls,
        some(point.as_deref().unwrap_or_default()),
        // Whether an access control list was needed, and the region that the request came from.
        NOTHING.to_owned(),
        NOTHING.to_owned(),
    ];
    fields.join(" ")
}

fn some(text: &str) -> String {
    if text.is_empty() { NOTHING } else { text }.to_owned()
}

fn number(number: Option<u64>) -> String {
    number.map_or_else(|| NOTHING.to_owned(), |number| number.to_string())
}

fn header(headers: &HeaderMap, name: &str) -> String {
    some(headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default())
}

/// What stands between quotation marks must not have any.
fn quotable(text: &str) -> String {
    text.replace('"', "%22")
}

/// `06/Feb/2019:00:00:38 +0000`.
fn clock(at: Timestamp) -> String {
    // `Wed, 06 Feb 2019 00:00:38 GMT`
    let date = http_date(at);
    let parts: Vec<_> = date.split(' ').collect();
    match parts.as_slice() {
        [_, day, month, year, time, _] => format!("{day}/{month}/{year}:{time} +0000"),
        _ => date,
    }
}

/// AWS: the canonical user id of an account, the ARN of a user or a session, and `-` for nobody.
fn requester(caller: &Caller) -> String {
    match (&caller.principal.kind, caller.principal.account) {
        (PrincipalKind::Root, Some(account)) => canonical_id(account),
        (PrincipalKind::Service(name), _) => name.clone(),
        (_, Some(_)) => caller.principal.arn.clone(),
        (_, None) => NOTHING.to_owned(),
    }
}

fn object_bytes(finished: &Finished) -> Option<u64> {
    let known = |headers: &HeaderMap, name: &str| headers.get(name)?.to_str().ok()?.parse().ok();
    let is_object = matches!(
        finished.operation,
        Some("GetObject" | "HeadObject" | "PutObject" | "UploadPart") if finished.status < 300
    );
    if !is_object {
        return None;
    }
    if finished.method == Method::PUT {
        return known(&finished.headers, "x-amz-decoded-content-length")
            .or_else(|| known(&finished.headers, "content-length"));
    }
    let range = finished.answer.get("content-range").and_then(|range| range.to_str().ok());
    match range.and_then(|range| range.rsplit_once('/')) {
        Some((_, whole)) => whole.parse().ok(),
        None => known(&finished.answer, "content-length"),
    }
}

/// AWS: from the last byte of the request to the first of its answer. That is known of requests without a body.
fn turn_around(finished: &Finished) -> String {
    let length = finished.headers.get("content-length").and_then(|length| length.to_str().ok());
    let has_body =
        length.is_some_and(|length| length != "0") || finished.headers.contains_key("transfer-encoding");
    number(u64::try_from(finished.turn_around.as_millis()).ok().filter(|_| !has_body))
}

/// The version of the signature, and where it stood.
fn signature(finished: &Finished) -> (&'static str, &'static str) {
    let header =
        finished.headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let query = finished.uri.split_once('?').map_or("", |(_, query)| query);
    let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    match header {
        header if header.starts_with("AWS4-ECDSA") => ("SigV4A", "AuthHeader"),
        header if header.starts_with("AWS4-") => ("SigV4", "AuthHeader"),
        header if header.starts_with("AWS ") => ("SigV2", "AuthHeader"),
        _ if has("X-Amz-Signature") => ("SigV4", "QueryString"),
        _ if has("Signature") && has("AWSAccessKeyId") => ("SigV2", "QueryString"),
        _ => (NOTHING, NOTHING),
    }
}

/// As OpenSSL writes it: `ECDHE-RSA-AES128-GCM-SHA256`; suites of TLS 1.3 by their own names.
fn cipher(suite: &str) -> String {
    if let Some(rest) = suite.strip_prefix("TLS13_") {
        return format!("TLS_{rest}");
    }
    let name = suite.strip_prefix("TLS_").unwrap_or(suite);
    let name = name
        .replace("_WITH_", "_")
        .replace("AES_", "AES")
        .replace("CHACHA20_POLY1305_SHA256", "CHACHA20_POLY1305");
    name.replace('_', "-")
}

/// `REST.GET.OBJECT`: what was done, by AWS's names.
fn operation(finished: &Finished, key: &str, is_site: bool) -> String {
    let method = finished.method.as_str();
    if is_site {
        return format!("WEBSITE.{method}.OBJECT");
    }
    let (method, what) = match finished.operation {
        None if method == "OPTIONS" => (method, "PREFLIGHT".to_owned()),
        None => (method, if key.is_empty() { "BUCKET" } else { "OBJECT" }.to_owned()),
        Some("CopyObject") => ("COPY", "OBJECT".to_owned()),
        Some("UploadPartCopy") => ("COPY", "PART".to_owned()),
        Some(name) => (method, resource_type(name, key)),
    };
    format!("REST.{method}.{what}")
}

/// What an operation is about, in the words of logs and of refused methods: `ACL` of `PutObjectAcl`. `key` is empty for
/// operations on buckets.
pub fn resource_type(name: &str, key: &str) -> String {
    let known = match name {
        "UploadPart" => "PART",
        "DeleteObjects" => "MULTI_OBJECT_DELETE",
        "CreateMultipartUpload" | "ListMultipartUploads" => "UPLOADS",
        "CompleteMultipartUpload" | "AbortMultipartUpload" | "ListParts" => "UPLOAD",
        "ListObjectVersions" => "BUCKETVERSIONS",
        "GetBucketLogging" | "PutBucketLogging" => "LOGGING_STATUS",
        "GetObjectTagging" | "PutObjectTagging" | "DeleteObjectTagging" => "OBJECT_TAGGING",
        "GetObjectTorrent" => "TORRENT",
        "RestoreObject" => "RESTORE",
        "SelectObjectContent" => "SELECT",
        "UpdateObjectEncryption" => "OBJECT_ENCRYPTION",
        "GetObjectLegalHold" | "PutObjectLegalHold" => "OBJECT_LOCK_LEGALHOLD",
        "GetObjectRetention" | "PutObjectRetention" => "OBJECT_LOCK_RETENTION",
        "GetObjectLockConfiguration" | "PutObjectLockConfiguration" => "OBJECT_LOCK_CONFIGURATION",
        "GetBucketAbac" | "PutBucketAbac" => "BUCKET_ABAC",
        name if name.contains("ObjectAnnotation") => "OBJECT_ANNOTATIONS",
        name if name.ends_with("BucketPolicy") => "BUCKETPOLICY",
        name if name.ends_with("Acl") => "ACL",
        name => match name.split_once("BucketMetadata") {
            Some((_, what)) => return format!("BUCKET_METADATA_{}", words(what)),
            None => return resource(name, key),
        },
    };
    known.to_owned()
}

/// What an operation is about, from its name: `GetBucketRequestPayment` is about `REQUEST_PAYMENT`.
fn resource(name: &str, key: &str) -> String {
    let whole = if key.is_empty() { "BUCKET" } else { "OBJECT" };
    let rest =
        ["Get", "Put", "Delete", "Head", "List", "Create"].iter().find_map(|verb| name.strip_prefix(verb));
    let rest = rest.unwrap_or(name);
    let rest = rest.strip_prefix("Bucket").unwrap_or(rest);
    let rest =
        rest.strip_suffix("Configurations").or_else(|| rest.strip_suffix("Configuration")).unwrap_or(rest);
    if matches!(rest, "" | "Object" | "Objects" | "ObjectsV2") {
        return whole.to_owned();
    }
    words(rest)
}

/// `REQUEST_PAYMENT` of `RequestPayment`.
fn words(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push('_');
        }
        words.push(letter.to_ascii_uppercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::{cipher, clock, resource};
    use yakumo_aws::Timestamp;

    #[test]
    fn names() {
        for (name, key, resource_name) in [
            ("GetObject", "k", "OBJECT"),
            ("ListObjectsV2", "", "BUCKET"),
            ("HeadBucket", "", "BUCKET"),
            ("GetBucketVersioning", "", "VERSIONING"),
            ("GetBucketRequestPayment", "", "REQUEST_PAYMENT"),
            ("PutBucketNotificationConfiguration", "", "NOTIFICATION"),
            ("GetPublicAccessBlock", "", "PUBLIC_ACCESS_BLOCK"),
            ("PutBucketLifecycleConfiguration", "", "LIFECYCLE"),
        ] {
            assert_eq!(resource(name, key), resource_name, "{name}");
        }
        for (suite, name) in [
            ("TLS13_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"),
            ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
            ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"),
        ] {
            assert_eq!(cipher(suite), name);
        }
        assert_eq!(clock(Timestamp::from_secs(1_549_411_238)), "06/Feb/2019:00:00:38 +0000");
    }
}
