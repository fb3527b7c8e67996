//! Inventory configurations between what clients write and what is stored.

use crate::error;
use crate::inventories::rows::FIELDS;
use crate::registry::Registry;
use crate::state::Bucket;
use crate::state::inventory::Inventory;
use yakumo_api_s3 as api;
use yakumo_api_s3::inventory_optional_field as field;
use yakumo_aws::{AccountId, Arn, Error, Result};
use yakumo_room::Ctx;

const ID_CHARS_MAX: usize = 64;

/// What is a field of AWS's and cannot be told here.
const ABSENT: [&str; 5] = [
    field::OBJECT_ACCESS_CONTROL_LIST,
    field::LIFECYCLE_EXPIRATION_DATE,
    field::OBJECT_LOCK_EVENT_HOLD_STATUS,
    field::OBJECT_LOCK_EVENT_HOLD_DURATION,
    field::INTELLIGENT_TIERING_REFERENCE_DATE,
];

/// The configuration of a request, checked.
pub fn read(ctx: &Ctx, bucket: &Bucket, id: &str, given: api::InventoryConfiguration) -> Result<Inventory> {
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if given.id != id || id.is_empty() || id.len() > ID_CHARS_MAX || !id.chars().all(good) {
        return Err(error::argument("The ID in the request is not valid", "id", id));
    }
    let weekly = match given.schedule.frequency.as_str() {
        "Daily" => false,
        "Weekly" => true,
        _ => return Err(error::malformed_xml()),
    };
    let all_versions = match given.included_object_versions.as_str() {
        "All" => true,
        "Current" => false,
        _ => return Err(error::malformed_xml()),
    };
    let destination = given.destination.s3_bucket_destination;
    let account = destination.account_id.as_deref().map(|account| {
        AccountId::parse(account)
            .ok_or_else(|| error::argument("The account ID is not valid", "AccountId", account))
    });
    Ok(Inventory {
        id: given.id,
        bucket: bucket.name.clone(),
        bucket_id: bucket.id.clone(),
        enabled: given.is_enabled,
        encrypted: encrypted(&destination)?,
        destination: name(&destination)?,
        account: account.transpose()?,
        place: destination.prefix.filter(|prefix| !prefix.is_empty()),
        prefix: given.filter.map(|filter| filter.prefix),
        all_versions,
        fields: fields(given.optional_fields.unwrap_or_default())?,
        weekly,
        made: ctx.now(),
        delivered: None,
    })
}

/// Whether encryption is asked for; KMS is refused.
fn encrypted(destination: &api::InventoryS3BucketDestination) -> Result<bool> {
    match destination.format.as_str() {
        "CSV" => {}
        format @ ("ORC" | "Parquet") => {
            return Err(error::not_implemented(&format!("inventories in the format {format}")));
        }
        _ => return Err(error::malformed_xml()),
    }
    match &destination.encryption {
        Some(encryption) if encryption.ssekms.is_some() => {
            Err(error::not_implemented("inventories that are encrypted with KMS keys"))
        }
        encryption => Ok(encryption.as_ref().is_some_and(|encryption| encryption.sses3.is_some())),
    }
}

fn invalid_destination(text: &str) -> Error {
    Error::sender("InvalidS3DestinationBucket", text)
}

fn name(destination: &api::InventoryS3BucketDestination) -> Result<String> {
    let arn = Arn::parse(&destination.bucket).ok();
    let arn = arn
        .filter(|arn| arn.service() == "s3" && !arn.resource().is_empty() && !arn.resource().contains('/'));
    let arn = arn.ok_or_else(|| invalid_destination("Invalid bucket ARN."))?;
    Ok(arn.resource().to_owned())
}

fn fields(given: Vec<String>) -> Result<Vec<String>> {
    for name in &given {
        if ABSENT.contains(&name.as_str()) {
            return Err(error::not_implemented(&format!("the field {name} of inventories")));
        }
        if !FIELDS.contains(&name.as_str()) {
            return Err(error::malformed_xml());
        }
    }
    Ok(given)
}

/// AWS: the destination bucket is in the same region as the source.
pub async fn check_destination(registry: &Registry, bucket: &Bucket, inventory: &Inventory) -> Result<()> {
    match registry.bucket(&inventory.destination).await {
        Ok(open) if open.record.region != bucket.region => Err(invalid_destination(
            "The destination bucket must be in the same Region as the source bucket.",
        )),
        Ok(_) => Ok(()),
        Err(error) if error.code == "NoSuchBucket" => {
            Err(invalid_destination("The destination bucket does not exist."))
        }
        Err(error) => Err(error),
    }
}

/// A configuration as clients see it.
pub fn shown(bucket: &Bucket, inventory: &Inventory) -> api::InventoryConfiguration {
    let partition = bucket.region.partition().as_str();
    let destination = api::InventoryS3BucketDestination {
        account_id: inventory.account.map(|account| account.to_string()),
        bucket: format!("arn:{partition}:s3:::{}", inventory.destination),
        format: "CSV".to_owned(),
        prefix: inventory.place.clone(),
        encryption: inventory
            .encrypted
            .then(|| api::InventoryEncryption { sses3: Some(api::SSES3::default()), ssekms: None }),
    };
    api::InventoryConfiguration {
        destination: api::InventoryDestination { s3_bucket_destination: destination },
        is_enabled: inventory.enabled,
        filter: inventory.prefix.clone().map(|prefix| api::InventoryFilter { prefix }),
        id: inventory.id.clone(),
        included_object_versions: if inventory.all_versions { "All" } else { "Current" }.to_owned(),
        optional_fields: (!inventory.fields.is_empty()).then(|| inventory.fields.clone()),
        schedule: api::InventorySchedule {
            frequency: if inventory.weekly { "Weekly" } else { "Daily" }.to_owned(),
        },
    }
}
