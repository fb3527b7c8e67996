//! What an inventory tells of a version: columns of comma-separated values.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory.html#storage-inventory-contents>

use crate::buckets::canonical_id;
use crate::state::inventory::Inventory;
use crate::state::{Bucket, Version};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use yakumo_api_s3::inventory_optional_field as field;
use yakumo_aws::Timestamp;

const IN_KEY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'*').remove(b'/');

/// The fields that can be asked for, in the order in which they are written.
pub const FIELDS: [&str; 14] = [
    field::SIZE,
    field::LAST_MODIFIED_DATE,
    field::E_TAG,
    field::STORAGE_CLASS,
    field::IS_MULTIPART_UPLOADED,
    field::REPLICATION_STATUS,
    field::ENCRYPTION_STATUS,
    field::OBJECT_LOCK_RETAIN_UNTIL_DATE,
    field::OBJECT_LOCK_MODE,
    field::OBJECT_LOCK_LEGAL_HOLD_STATUS,
    field::INTELLIGENT_TIERING_ACCESS_TIER,
    field::BUCKET_KEY_STATUS,
    field::CHECKSUM_ALGORITHM,
    field::OBJECT_OWNER,
];

fn chosen(inventory: &Inventory) -> impl Iterator<Item = &'static str> {
    FIELDS.into_iter().filter(|name| inventory.fields.iter().any(|wanted| wanted == name))
}

/// The names of the columns, as the manifest has them.
pub fn schema(inventory: &Inventory) -> String {
    let mut columns = vec!["Bucket", "Key"];
    if inventory.all_versions {
        columns.extend(["VersionId", "IsLatest", "IsDeleteMarker"]);
    }
    columns.extend(chosen(inventory));
    columns.join(", ")
}

/// The row of a version.
pub fn row(inventory: &Inventory, bucket: &Bucket, version: &Version, is_latest: bool) -> String {
    let key = utf8_percent_encode(&version.key, IN_KEY).to_string().replace("%20", "+");
    let mut columns = vec![bucket.name.clone(), key];
    if inventory.all_versions {
        // The version `null` has no id.
        columns.push(version.id.clone().unwrap_or_default());
        columns.push(is_latest.to_string());
        columns.push(version.content.is_none().to_string());
    }
    columns.extend(chosen(inventory).map(|name| value(name, bucket, version)));
    let quoted: Vec<_> =
        columns.iter().map(|column| format!("\"{}\"", column.replace('"', "\"\""))).collect();
    format!("{}\n", quoted.join(","))
}

fn instant(at: Timestamp) -> String {
    let seconds = at.to_date_time();
    format!("{}.{:03}Z", seconds.trim_end_matches('Z'), at.as_millis().rem_euclid(1000))
}

fn value(name: &str, bucket: &Bucket, version: &Version) -> String {
    let lock = &version.lock;
    let known = match name {
        field::LAST_MODIFIED_DATE => Some(instant(version.modified)),
        field::REPLICATION_STATUS => version.replication.map(|status| status.as_str().to_owned()),
        field::OBJECT_OWNER => Some(canonical_id(bucket.holder_of(version))),
        field::OBJECT_LOCK_RETAIN_UNTIL_DATE => lock.retention.map(|retention| instant(retention.until)),
        field::OBJECT_LOCK_MODE => lock.retention.map(|retention| retention.mode.as_str().to_owned()),
        field::OBJECT_LOCK_LEGAL_HOLD_STATUS => {
            lock.legal_hold.map(|is_held| if is_held { "ON" } else { "OFF" }.to_owned())
        }
        _ => of_content(name, version),
    };
    known.unwrap_or_default()
}

fn of_content(name: &str, version: &Version) -> Option<String> {
    let content = version.content.as_ref()?;
    Some(match name {
        field::SIZE => content.size_bytes.to_string(),
        field::E_TAG => content.etag.clone(),
        field::STORAGE_CLASS => {
            content.headers.storage_class.clone().unwrap_or_else(|| "STANDARD".to_owned())
        }
        field::IS_MULTIPART_UPLOADED => (!content.parts.is_empty()).to_string(),
        field::ENCRYPTION_STATUS => if content.customer.is_some() { "SSE-C" } else { "SSE-S3" }.to_owned(),
        field::BUCKET_KEY_STATUS => "DISABLED".to_owned(),
        field::CHECKSUM_ALGORITHM => content.checksum.as_ref()?.algorithm.clone(),
        _ => return None,
    })
}
