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
        "GetObject" | "HeadObject" | "UploadPart" | "UploadPartCopy" => header(ENCRYPTION).map(|given| {
            let text = format!("{ENCRYPTION} header is not supported for this operation.");
            error::argument(&text, ENCRYPTION, given)
        }),
        "GetObjectAttributes" if header("x-amz-object-attributes").is_none() => Some(no_attributes()),
        _ => None,
    }
}
