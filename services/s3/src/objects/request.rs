//! What requests to write an object have in common: headers, metadata, and what this room does not do yet.
//!
//! Invariant: no parameter is accepted that would have no effect.

use crate::access::Keys;
use crate::directories;
use crate::error;
use crate::state::directory::STORAGE_CLASS;
use crate::state::{Bucket, Headers};
use std::collections::BTreeMap;
use yakumo_aws::{Error, Result};

/// AWS: user metadata has 2 KB at most (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>).
const METADATA_BYTES_MAX: usize = 2048;

/// The fields by which an object's access, encryption and storage are set.
pub struct Extras<'a> {
    pub acl: &'a Option<String>,
    pub grants: [&'a Option<String>; 4],
    pub encryption: &'a Option<String>,
    pub kms: [&'a Option<String>; 2],
    pub redirect: &'a Option<String>,
    pub storage_class: &'a Option<String>,
    pub tagging: &'a Option<String>,
    /// The algorithm of a customer's key.
    pub customer: &'a Option<String>,
    /// Whether anything is said of locks.
    pub locks: bool,
    /// The content's encoding.
    pub coded: &'a Option<String>,
}

/// The extras of one of the three inputs that make objects.
#[macro_export]
macro_rules! extras {
    ($input:expr) => {
        $crate::objects::request::Extras {
            acl: &$input.acl,
            grants: [
                &$input.grant_full_control,
                &$input.grant_read,
                &$input.grant_read_acp,
                &$input.grant_write_acp,
            ],
            encryption: &$input.server_side_encryption,
            kms: [&$input.ssekms_key_id, &$input.ssekms_encryption_context],
            redirect: &$input.website_redirect_location,
            storage_class: &$input.storage_class,
            tagging: &$input.tagging,
            customer: &$input.sse_customer_algorithm,
            locks: $input.object_lock_mode.is_some()
                || $input.object_lock_retain_until_date.is_some()
                || $input.object_lock_legal_hold_status.is_some(),
            coded: &$input.content_encoding,
        }
    };
}

/// The headers of one of the three inputs that make objects.
#[macro_export]
macro_rules! headers {
    ($input:expr) => {
        $crate::state::Headers {
            cache_control: $input.cache_control.clone(),
            content_disposition: $input.content_disposition.clone(),
            content_encoding: $crate::objects::request::content_encoding($input.content_encoding.as_deref()),
            content_language: $input.content_language.clone(),
            content_type: $input.content_type.clone(),
            expires: $input.expires.clone(),
            redirect: $input.website_redirect_location.clone(),
            storage_class: $input.storage_class.clone().filter(|class| class != "STANDARD"),
        }
    };
}

/// AWS: `aws-chunked` is how the body travelled, not what it is.
pub fn content_encoding(given: Option<&str>) -> Option<String> {
    let rest: Vec<&str> = given?
        .split(',')
        .map(str::trim)
        .filter(|coding| !coding.eq_ignore_ascii_case("aws-chunked"))
        .collect();
    Some(rest.join(",")).filter(|rest| !rest.is_empty())
}

/// The condition keys of what is asked for a new object.
pub fn keys(extras: &Extras<'_>) -> Keys {
    let given = [
        ("s3:x-amz-server-side-encryption", extras.encryption),
        ("s3:x-amz-server-side-encryption-customer-algorithm", extras.customer),
        ("s3:x-amz-storage-class", extras.storage_class),
        ("s3:x-amz-website-redirect-location", extras.redirect),
    ];
    let given = given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), vec![value.clone()?])));
    given.collect()
}

/// Refuses what would be accepted and not done.
pub fn check(extras: &Extras<'_>, bucket: &Bucket) -> Result<()> {
    if bucket.directory.is_some() {
        directories::check_object(extras)?;
    }
    let ownership = bucket.ownership;
    // AWS: with BucketOwnerEnforced only what says that the owner has full control is taken:
    // <https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html>
    let harmless = ["bucket-owner-full-control", "private"];
    let sets_list = extras.acl.as_deref().is_some_and(|acl| !harmless.contains(&acl))
        || extras.grants.iter().any(|grant| grant.is_some());
    if sets_list && !ownership.has_lists() {
        let text = "The bucket does not allow ACLs";
        return Err(Error::sender("AccessControlListNotSupported", text));
    }
    match extras.encryption.as_deref() {
        None | Some("AES256") if extras.kms.iter().all(|key| key.is_none()) => {}
        Some("aws:kms" | "aws:kms:dsse") | None => {
            return Err(error::not_implemented("encryption with KMS keys"));
        }
        Some(other) => {
            let text = "The encryption method specified is not supported";
            return Err(error::argument(text, "x-amz-server-side-encryption", other));
        }
    }
    if let Some(redirect) = extras.redirect
        && !["/", "http://", "https://"].iter().any(|start| redirect.starts_with(start))
    {
        let text = "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.";
        return Err(Error::sender("InvalidRedirectLocation", text));
    }
    match extras.storage_class.as_deref() {
        None
        | Some(
            "STANDARD"
            | "REDUCED_REDUNDANCY"
            | "STANDARD_IA"
            | "ONEZONE_IA"
            | "INTELLIGENT_TIERING"
            | "GLACIER_IR"
            | "GLACIER"
            | "DEEP_ARCHIVE",
        ) => Ok(()),
        Some(STORAGE_CLASS) if bucket.directory.is_some() => Ok(()),
        Some(class @ ("OUTPOSTS" | "SNOW" | "FSX_OPENZFS")) => {
            Err(error::not_implemented(&format!("the storage class {class}")))
        }
        Some(_) => Err(Error::sender("InvalidStorageClass", "The storage class you specified is not valid")),
    }
}

/// User metadata, checked.
pub fn metadata(given: Option<BTreeMap<String, String>>) -> Result<BTreeMap<String, String>> {
    let given = given.unwrap_or_default();
    let bytes = given.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
    if bytes > METADATA_BYTES_MAX {
        let text = "Your metadata headers exceed the maximum allowed metadata size";
        return Err(Error::sender("MetadataTooLarge", text)
            .with_field("Size", bytes.to_string())
            .with_field("MaxSizeAllowed", METADATA_BYTES_MAX.to_string()));
    }
    Ok(given.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect())
}

/// The content type that is answered: AWS stores this one when none is given.
pub fn with_type(mut headers: Headers) -> Headers {
    headers.content_type.get_or_insert_with(|| "binary/octet-stream".to_owned());
    headers
}

#[cfg(test)]
mod tests {
    use super::content_encoding;

    #[test]
    fn aws_chunked_is_no_content_encoding() {
        for (given, kept) in [
            (None, None),
            (Some("aws-chunked"), None),
            (Some("gzip"), Some("gzip")),
            (Some("gzip, aws-chunked"), Some("gzip")),
        ] {
            assert_eq!(content_encoding(given).as_deref(), kept);
        }
    }
}
