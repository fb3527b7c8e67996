//! Inventories: lists of what is in a bucket, made every day or week of the cloud's clock. Their configuration.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory.html>
//!
//! Invariant: a list is written as `s3.amazonaws.com`, through PutObject and the destination bucket's own policy.

mod deliver;
mod given;
mod rows;

use crate::access::{Keys, bucket_of, on_bucket, on_bucket_with};
use crate::error;
use crate::lists::{read_token, token};
use crate::registry::{Registry, present};
use crate::state::inventory::Inventory;
use crate::state::scope;
use yakumo_api_s3 as api;
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room, Tx};

pub use deliver::reconciler;

/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketInventoryConfiguration.html>
const INVENTORIES_MAX: usize = 1000;
/// AWS: a list is answered a hundred at a time.
const PAGE: usize = 100;

/// The operations of this folder.
pub fn operations(room: Room) -> Room {
    room.on(
        api::PutBucketInventoryConfiguration,
        on_bucket_with("s3:PutInventoryConfiguration", optional_fields),
        put_bucket_inventory_configuration,
    )
    .on(
        api::GetBucketInventoryConfiguration,
        on_bucket("s3:GetInventoryConfiguration"),
        get_bucket_inventory_configuration,
    )
    .on(
        api::ListBucketInventoryConfigurations,
        on_bucket("s3:GetInventoryConfiguration"),
        list_bucket_inventory_configurations,
    )
    .on(
        api::DeleteBucketInventoryConfiguration,
        on_bucket("s3:PutInventoryConfiguration"),
        delete_bucket_inventory_configuration,
    )
}

/// AWS: which fields a list tells can be limited by policies:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html#example-bucket-policies-s3-inventory-3>
fn optional_fields(input: &api::PutBucketInventoryConfigurationInput) -> Keys {
    let fields = input.inventory_configuration.optional_fields.clone().unwrap_or_default();
    let given = Some(fields).filter(|fields| !fields.is_empty());
    given.into_iter().map(|fields| ("s3:InventoryAccessibleOptionalFields".to_owned(), fields)).collect()
}

fn none(bucket: &str) -> Error {
    error::no_such("NoSuchConfiguration", "The specified configuration does not exist.", bucket)
}

async fn put_bucket_inventory_configuration(
    ctx: Ctx,
    input: api::PutBucketInventoryConfigurationInput,
) -> Result<api::PutBucketInventoryConfigurationOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let bucket = &open.record;
    let inventory = given::read(&ctx, bucket, &input.id, input.inventory_configuration)?;
    given::check_destination(ctx.state::<Registry>(), bucket, &inventory).await?;
    ctx.transact(|tx| {
        let mut inventory = inventory.clone();
        async move {
            present(&tx, &bucket.name, &bucket.id).await?;
            let all = of_bucket(&tx, &bucket.id).await?;
            let before = all.iter().find(|one| one.id == inventory.id);
            if before.is_none() && all.len() >= INVENTORIES_MAX {
                let text = "You are attempting to create a new configuration but have already reached the \
                            1,000-configuration limit.";
                return Err(Error::sender("TooManyConfigurations", text));
            }
            if let Some(before) = before {
                (inventory.made, inventory.delivered) = (before.made, before.delivered);
            }
            tx.put(&scope(), &[&bucket.id, &inventory.id], &inventory);
            Ok(())
        }
    })
    .await?;
    Ok(api::PutBucketInventoryConfigurationOutput::default())
}

async fn of_bucket(tx: &Tx, bucket_id: &str) -> Result<Vec<Inventory>> {
    tx.list::<Inventory>(&scope(), &[bucket_id], None, INVENTORIES_MAX + 1).await
}

/// A bucket goes, and what it would have listed.
pub async fn forget(tx: &Tx, bucket_id: &str) -> Result<()> {
    for inventory in of_bucket(tx, bucket_id).await? {
        tx.delete::<Inventory>(&scope(), &[bucket_id, &inventory.id]);
    }
    Ok(())
}

async fn get_bucket_inventory_configuration(
    ctx: Ctx,
    input: api::GetBucketInventoryConfigurationInput,
) -> Result<api::GetBucketInventoryConfigurationOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let found = ctx.get::<Inventory>(&scope(), &[&open.record.id, &input.id]).await?;
    let found = found.ok_or_else(|| none(&open.record.name))?;
    Ok(api::GetBucketInventoryConfigurationOutput {
        inventory_configuration: Some(given::shown(&open.record, &found)),
    })
}

async fn list_bucket_inventory_configurations(
    ctx: Ctx,
    input: api::ListBucketInventoryConfigurationsInput,
) -> Result<api::ListBucketInventoryConfigurationsOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let bucket_id = open.record.id.as_str();
    let after = input.continuation_token.as_deref().map(read_token).transpose()?;
    let after = after.as_deref().map(|id| [bucket_id, id]);
    let after = after.as_ref().map(|id| id.as_slice());
    let mut found = ctx.list::<Inventory>(&scope(), &[bucket_id], after, PAGE + 1).await?;
    let is_truncated = found.len() > PAGE;
    found.truncate(PAGE);
    let next = found.last().filter(|_| is_truncated).map(|last| token(&last.id));
    let list: Vec<_> = found.iter().map(|one| given::shown(&open.record, one)).collect();
    Ok(api::ListBucketInventoryConfigurationsOutput {
        continuation_token: input.continuation_token,
        inventory_configuration_list: (!list.is_empty()).then_some(list),
        is_truncated: Some(is_truncated),
        next_continuation_token: next,
    })
}

async fn delete_bucket_inventory_configuration(
    ctx: Ctx,
    input: api::DeleteBucketInventoryConfigurationInput,
) -> Result<api::DeleteBucketInventoryConfigurationOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let bucket = &open.record;
    ctx.transact(|tx| {
        let id = [bucket.id.as_str(), input.id.as_str()];
        async move {
            tx.get::<Inventory>(&scope(), &id).await?.ok_or_else(|| none(&bucket.name))?;
            tx.delete::<Inventory>(&scope(), &id);
            Ok(())
        }
    })
    .await?;
    Ok(api::DeleteBucketInventoryConfigurationOutput::default())
}
