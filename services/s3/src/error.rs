//! S3's errors, one function each, with AWS's texts.
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use yakumo_aws::{Error, Region};

pub fn no_such_bucket(name: &str) -> Error {
    Error::sender("NoSuchBucket", "The specified bucket does not exist")
        .with_status(404)
        .with_field("BucketName", name)
}

pub fn no_such_key(key: &str) -> Error {
    Error::sender("NoSuchKey", "The specified key does not exist.").with_status(404).with_field("Key", key)
}

pub fn no_such_version(key: &str, id: &str) -> Error {
    Error::sender("NoSuchVersion", "The specified version does not exist.")
        .with_status(404)
        .with_field("Key", key)
        .with_field("VersionId", id)
}

pub fn invalid_version_id(id: &str) -> Error {
    let text =
        if id.is_empty() { "Version id cannot be the empty string" } else { "Invalid version id specified" };
    argument(text, "versionId", id)
}

pub fn no_such_upload(id: &str) -> Error {
    let text = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been \
                aborted or completed.";
    Error::sender("NoSuchUpload", text).with_status(404).with_field("UploadId", id)
}

/// A method that cannot be used on a delete marker.
pub fn method_not_allowed(method: &str) -> Error {
    Error::sender("MethodNotAllowed", "The specified method is not allowed against this resource.")
        .with_status(405)
        .with_field("Method", method)
        .with_field("ResourceType", "DeleteMarker")
}

pub fn bucket_already_exists(name: &str) -> Error {
    let text = "The requested bucket name is not available. The bucket namespace is shared by all users of the \
                system. Please select a different name and try again.";
    Error::sender("BucketAlreadyExists", text).with_status(409).with_field("BucketName", name)
}

pub fn bucket_already_owned(name: &str) -> Error {
    let text = "Your previous request to create the named bucket succeeded and you already own it.";
    Error::sender("BucketAlreadyOwnedByYou", text).with_status(409).with_field("BucketName", name)
}

pub fn bucket_not_empty(name: &str, has_versions: bool) -> Error {
    let text = match has_versions {
        true => "The bucket you tried to delete is not empty. You must delete all versions in the bucket.",
        false => "The bucket you tried to delete is not empty",
    };
    Error::sender("BucketNotEmpty", text).with_status(409).with_field("BucketName", name)
}

pub fn invalid_bucket_name(name: &str) -> Error {
    Error::sender("InvalidBucketName", "The specified bucket is not valid.").with_field("BucketName", name)
}

pub fn argument(text: &str, name: &'static str, value: &str) -> Error {
    Error::sender("InvalidArgument", text).with_field("ArgumentName", name).with_field("ArgumentValue", value)
}

/// The same where AWS does not repeat the value.
pub fn unfit(text: &str, name: &'static str) -> Error {
    Error::sender("InvalidArgument", text).with_field("ArgumentName", name)
}

pub fn invalid_request(text: &str) -> Error {
    Error::sender("InvalidRequest", text)
}

pub fn key_too_long(bytes: usize) -> Error {
    Error::sender("KeyTooLongError", "Your key is too long")
        .with_field("Size", bytes.to_string())
        .with_field("MaxSizeAllowed", "1024")
}

/// AWS: the digest that was sent is repeated in hexadecimal, as OpenStack Swift's tests against AWS saw.
pub fn bad_digest(expected: &str, calculated: &str) -> Error {
    let expected = STANDARD.decode(expected).map(|bytes| crate::bodies::hex(&bytes)).unwrap_or_default();
    Error::sender("BadDigest", "The Content-MD5 you specified did not match what we received.")
        .with_field("ExpectedDigest", expected)
        .with_field("CalculatedDigest", calculated)
}

pub fn invalid_digest(given: &str) -> Error {
    Error::sender("InvalidDigest", "The Content-MD5 you specified was invalid.")
        .with_field("Content-MD5", given)
}

pub fn invalid_uri() -> Error {
    Error::sender("InvalidURI", "Couldn't parse the specified URI.")
}

/// A checksum that is not that of what arrived; `algorithm` as in `CRC32`.
pub fn bad_checksum(algorithm: &str) -> Error {
    Error::sender(
        "BadDigest",
        format!("The {algorithm} you specified did not match the calculated checksum."),
    )
}

pub fn invalid_checksum(algorithm: &str) -> Error {
    let header = algorithm.to_ascii_lowercase();
    invalid_request(&format!("Value for x-amz-checksum-{header} header is invalid."))
}

/// Nothing, where there must be a document: as the model's required documents are missed.
pub fn no_document() -> Error {
    Error::sender("MissingRequestBodyError", "Request Body is empty")
}

/// An algorithm that S3 does not know.
/// Seen, with fewer algorithms: <https://github.com/versity/versitygw/issues/1345>.
pub fn unknown_checksum() -> Error {
    invalid_request(
        "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, \
         CRC64NVME, MD5, SHA1, SHA256, SHA512, XXHASH128, XXHASH3, XXHASH64]",
    )
}

/// A part or an append brings another checksum than its object has; names as in `CRC32`, `None` where there is none.
/// Seen: <https://github.com/apache/arrow-rs/issues/6793>, <https://github.com/floci-io/floci/pull/3093>.
pub fn checksum_mismatch(wanted: Option<&str>, given: Option<&str>) -> Error {
    let shown = |name: Option<&str>| name.map_or("null".to_owned(), str::to_ascii_lowercase);
    let (wanted, given) = (shown(wanted), shown(given));
    invalid_request(&format!(
        "Checksum Type mismatch occurred, expected checksum Type: {wanted}, actual checksum Type: {given}"
    ))
}

/// A completion is silent about the checksum of a part; `algorithm` as in `CRC32`.
/// Seen: <https://github.com/aws/aws-sdk-php/issues/2648>.
pub fn missing_part_checksum(algorithm: &str, number: i32) -> Error {
    let algorithm = algorithm.to_ascii_lowercase();
    invalid_request(&format!(
        "The upload was created using a {algorithm} checksum. The complete request must include the checksum for each \
         part. It was missing for part {number} in the request."
    ))
}

pub fn entity_too_large(bytes: u64, max_bytes: u64) -> Error {
    Error::sender("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
        .with_field("ProposedSize", bytes.to_string())
        .with_field("MaxSizeAllowed", max_bytes.to_string())
}

pub fn incomplete_body() -> Error {
    let text = "You did not provide the number of bytes specified by the Content-Length HTTP header";
    Error::sender("IncompleteBody", text)
}

pub fn precondition_failed(condition: &'static str) -> Error {
    Error::sender("PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
        .with_status(412)
        .with_field("Condition", condition)
}

pub fn not_modified() -> Error {
    Error::sender("NotModified", "Not Modified").with_status(304)
}

pub fn invalid_range(range: &str, size_bytes: u64) -> Error {
    Error::sender("InvalidRange", "The requested range is not satisfiable")
        .with_status(416)
        .with_field("RangeRequested", range)
        .with_field("ActualObjectSize", size_bytes.to_string())
}

pub fn invalid_part_number(asked: i32, parts: usize) -> Error {
    Error::sender("InvalidPartNumber", "The requested partnumber is not satisfiable")
        .with_status(416)
        .with_field("PartNumberRequested", asked.to_string())
        .with_field("ActualPartCount", parts.to_string())
}

pub fn malformed_xml() -> Error {
    let text = "The XML you provided was not well-formed or did not validate against our published schema";
    Error::sender("MalformedXML", text)
}

/// DIFFERS: AWS names the endpoint of the right region. Here the address that the client used answers for all regions,
/// and must be kept.
pub fn permanent_redirect(bucket: &str, authority: &str) -> Error {
    let text = "The bucket you are attempting to access must be addressed using the specified endpoint. Please send \
                all future requests to this endpoint.";
    Error::sender("PermanentRedirect", text)
        .with_status(301)
        .with_field("Endpoint", authority)
        .with_field("Bucket", bucket)
}

pub fn wrong_region(given: Region, expected: Region) -> Error {
    let text = format!(
        "The authorization header is malformed; the region '{given}' is wrong; expecting '{expected}'"
    );
    Error::sender("AuthorizationHeaderMalformed", text).with_field("Region", expected.as_str())
}

pub fn illegal_location(given: &str) -> Error {
    let text = format!(
        "The {given} location constraint is incompatible for the region specific endpoint this request was sent to."
    );
    Error::sender("IllegalLocationConstraintException", text)
}

pub fn access_denied() -> Error {
    Error::sender("AccessDenied", "Access Denied").with_status(403)
}

/// The same with a reason.
pub fn denied(text: &str) -> Error {
    Error::sender("AccessDenied", text).with_status(403)
}

/// What a lock holds.
pub fn locked() -> Error {
    denied("Access Denied because object protected by object lock.")
}

/// An action on locks in a bucket that has none.
pub fn no_bucket_lock() -> Error {
    invalid_request("Bucket is missing Object Lock Configuration")
}

pub fn invalid_bucket_state(text: &str) -> Error {
    Error::sender("InvalidBucketState", text).with_status(409)
}

/// What is modelled, but not real here yet.
pub fn not_implemented(what: &str) -> Error {
    let text = format!("yakumo does not implement {what} of S3.");
    Error::sender("NotImplemented", text).with_status(501)
}

pub fn invalid_tag(text: &str) -> Error {
    Error::sender("InvalidTag", text)
}

pub fn no_such(code: &'static str, text: &'static str, bucket: &str) -> Error {
    Error::sender(code, text).with_status(404).with_field("BucketName", bucket)
}

pub fn invalid_part(upload: &str, number: i32, etag: &str) -> Error {
    let text = "One or more of the specified parts could not be found.  The part may not have been uploaded, or \
                the specified entity tag may not match the part's entity tag.";
    Error::sender("InvalidPart", text)
        .with_field("UploadId", upload)
        .with_field("PartNumber", number.to_string())
        .with_field("ETag", etag)
}

pub fn invalid_part_order() -> Error {
    let text = "The list of parts was not in ascending order. Parts must be ordered by part number.";
    Error::sender("InvalidPartOrder", text)
}

pub fn entity_too_small(number: i32, size_bytes: u64, etag: &str) -> Error {
    Error::sender("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size")
        .with_field("ProposedSize", size_bytes.to_string())
        .with_field("MinSizeAllowed", "5242880")
        .with_field("PartNumber", number.to_string())
        .with_field("ETag", etag)
}

/// What requests through an access point cannot ask for:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-service-api-support.html>
pub fn not_through_access_points() -> Error {
    Error::sender("MethodNotAllowed", "The specified method is not allowed against this resource.")
        .with_status(405)
        .with_field("ResourceType", "AccessPoint")
}

pub fn no_such_access_point(name: &str) -> Error {
    Error::sender("NoSuchAccessPoint", "The specified accesspoint does not exist")
        .with_status(404)
        .with_field("AccessPointName", name)
}

/// Seen: <https://github.com/rebuy-de/aws-nuke/issues/660>, with status 400: <https://github.com/aws/aws-sdk-java-v2/pull/2596>.
pub fn has_access_points(bucket: &str) -> Error {
    let text = "Bucket has access points attached and cannot be deleted.";
    Error::sender("BucketHasAccessPointsAttached", text).with_field("BucketName", bucket)
}
