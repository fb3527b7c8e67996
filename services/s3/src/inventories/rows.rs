//! What an inventory tells of a version: columns of comma-separated values, and their packing.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory.html#storage-inventory-contents>

use crate::buckets::canonical_id;
use crate::state::inventory::Inventory;
use crate::state::{Bucket, Version};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use yakumo_api_s3::inventory_optional_field as field;
use yakumo_aws::Timestamp;
use yakumo_checksum::{Algorithm, Hasher};

const IN_KEY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'*').remove(b'/');
/// How hard it is tried to make a list small: miniz_oxide's middle.
const LEVEL: u8 = 6;

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

/// Bytes as gzip (RFC 1952): a head, the packed bytes, their CRC-32 and their number.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut packed = HEAD.to_vec();
    packed.extend(miniz_oxide::deflate::compress_to_vec(bytes, LEVEL));
    packed.extend(crc32(bytes).to_le_bytes());
    // RFC 1952: the number of bytes modulo 2³².
    packed.extend((bytes.len() as u32).to_le_bytes());
    packed
}

fn crc32(bytes: &[u8]) -> u32 {
    use base64::Engine;
    let mut hasher = Hasher::new(Algorithm::Crc32);
    hasher.update(bytes);
    let sum = base64::engine::general_purpose::STANDARD.decode(hasher.finish()).unwrap_or_default();
    sum.try_into().map(u32::from_be_bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::gzip;

    #[test]
    fn a_gzip_of_a_known_text() {
        let packed = gzip(b"123456789");
        assert_eq!(packed[..4], [0x1f, 0x8b, 8, 0]);
        // The check value of CRC-32, and nine bytes.
        let tail = &packed[packed.len() - 8..];
        assert_eq!(tail[..4], 0xCBF4_3926_u32.to_le_bytes());
        assert_eq!(tail[4..], 9_u32.to_le_bytes());
        let body = miniz_oxide::inflate::decompress_to_vec(&packed[10..packed.len() - 8]).unwrap();
        assert_eq!(body, b"123456789");
    }
}
