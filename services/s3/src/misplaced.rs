//! Headers that an operation does not take, or lacks, where its model does not say so.

use crate::error;
use crate::objects::attributes::no_attributes;
use yakumo_aws::Error;
use yakumo_room::{Addressed, Head};

const ENCRYPTION: &str = "x-amz-server-side-encryption";

/// What is wrong with the headers of a request.
pub fn refused(head: &Head<'_>, addressed: &Addressed) -> Option<Error> {
    let header = |name: &str| head.header(name);
    match addressed.operation.name {
        // AWS: parts are encrypted as their upload is, and objects are read however they are:
        // <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>.
        // Seen: <https://github.com/irods/irods_resource_plugin_s3/issues/1838>.
        "GetObject" | "HeadObject" | "UploadPart" | "UploadPartCopy" if header(ENCRYPTION).is_some() => {
            let text = format!("{ENCRYPTION} header is not supported for this operation.");
            Some(error::argument(&text, ENCRYPTION, header(ENCRYPTION).unwrap_or_default()))
        }
        "PutObject" | "UploadPart" => length(head),
        "GetObjectAttributes" if header("x-amz-object-attributes").is_none() => Some(no_attributes()),
        _ => None,
    }
}

/// AWS: the length of what is uploaded is known before. A body in chunks of HTTP has none but by the header of `aws-chunked`
/// bodies: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html>. Seen:
/// <https://github.com/Automattic/knox/issues/43>, <https://github.com/chilts/awssum/issues/30>,
/// <https://github.com/jclouds/legacy-jclouds/issues/1297>, <https://github.com/versity/versitygw/issues/1248>.
/// DIFFERS: AWS does not speak HTTP/2, whose requests need no length and never name an encoding of transfers; here they are
/// held to the same.
fn length(head: &Head<'_>) -> Option<Error> {
    if head.headers.contains_key("x-amz-decoded-content-length") {
        return None;
    }
    if head.headers.contains_key("transfer-encoding") {
        let text = "A header you provided implies functionality that is not implemented";
        let error = Error::sender("NotImplemented", text).with_status(501);
        return Some(error.with_field("Header", "Transfer-Encoding"));
    }
    let text = "You must provide the Content-Length HTTP header.";
    let missing = !head.headers.contains_key("content-length");
    missing.then(|| Error::sender("MissingContentLength", text).with_status(411))
}
