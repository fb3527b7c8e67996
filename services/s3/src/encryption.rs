//! The encryption that a bucket is set to.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-encryption.html>

use crate::access::{bucket_of, on_bucket};
use crate::error;
use crate::registry::{Open, edit};
use crate::sealing::CustomerKey;
use crate::state::Encryption;
use yakumo_api_s3 as api;
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room};

/// The operations of this file.
pub fn operations(room: Room) -> Room {
    room.on(api::GetBucketEncryption, on_bucket("s3:GetEncryptionConfiguration"), get_bucket_encryption)
        .on(api::PutBucketEncryption, on_bucket("s3:PutEncryptionConfiguration"), put_bucket_encryption)
        .on(api::DeleteBucketEncryption, on_bucket("s3:PutEncryptionConfiguration"), delete_bucket_encryption)
}

async fn get_bucket_encryption(
    ctx: Ctx,
    input: api::GetBucketEncryptionInput,
) -> Result<api::GetBucketEncryptionOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let set = open.record.encryption;
    let default =
        api::ServerSideEncryptionByDefault { sse_algorithm: "AES256".to_owned(), kms_master_key_id: None };
    let blocked = api::BlockedEncryptionTypes { encryption_type: Some(vec!["SSE-C".to_owned()]) };
    let rule = api::ServerSideEncryptionRule {
        // AWS: every bucket has this one until it is given another.
        apply_server_side_encryption_by_default: Some(default),
        bucket_key_enabled: Some(set.bucket_key),
        blocked_encryption_types: set.blocks_customer_keys.then_some(blocked),
    };
    let configuration = api::ServerSideEncryptionConfiguration { rules: vec![rule] };
    Ok(api::GetBucketEncryptionOutput { server_side_encryption_configuration: Some(configuration) })
}

async fn put_bucket_encryption(
    ctx: Ctx,
    input: api::PutBucketEncryptionInput,
) -> Result<api::PutBucketEncryptionOutput> {
    let rules = input.server_side_encryption_configuration.rules;
    let [rule] = rules.as_slice() else { return Err(error::malformed_xml()) };
    if let Some(default) = &rule.apply_server_side_encryption_by_default {
        check_default(default)?;
    }
    let types = rule.blocked_encryption_types.as_ref().and_then(|blocked| blocked.encryption_type.as_deref());
    let blocks = match types {
        None => None,
        Some([one]) if one == "SSE-C" => Some(true),
        Some([one]) if one == "NONE" => Some(false),
        Some(_) => return Err(error::malformed_xml()),
    };
    if rule.apply_server_side_encryption_by_default.is_none() && blocks.is_none() {
        return Err(error::malformed_xml());
    }
    edit(&ctx, &input.bucket, |bucket| {
        bucket.encryption = Encryption {
            bucket_key: rule.bucket_key_enabled == Some(true),
            blocks_customer_keys: blocks.unwrap_or(bucket.encryption.blocks_customer_keys),
        };
        Ok(())
    })
    .await?;
    Ok(api::PutBucketEncryptionOutput::default())
}

fn check_default(default: &api::ServerSideEncryptionByDefault) -> Result<()> {
    match default.sse_algorithm.as_str() {
        "AES256" if default.kms_master_key_id.is_none() => Ok(()),
        "AES256" => {
            let text = "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse";
            Err(Error::sender("InvalidArgument", text)
                .with_field("ArgumentName", "ApplyServerSideEncryptionByDefault"))
        }
        "aws:kms" | "aws:kms:dsse" => Err(error::not_implemented("encryption with KMS keys")),
        _ => Err(error::malformed_xml()),
    }
}

async fn delete_bucket_encryption(
    ctx: Ctx,
    input: api::DeleteBucketEncryptionInput,
) -> Result<api::DeleteBucketEncryptionOutput> {
    edit(&ctx, &input.bucket, |bucket| {
        bucket.encryption.bucket_key = false;
        Ok(())
    })
    .await?;
    Ok(api::DeleteBucketEncryptionOutput::default())
}

/// Checks that a bucket takes objects with this key.
///
/// AWS: buckets refuse customer keys unless that is turned off:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/blocking-unblocking-s3-c-encryption-gpb.html>.
pub fn check(
    ctx: &Ctx,
    open: &Open,
    key: &str,
    encryption: Option<&str>,
    customer: Option<&CustomerKey>,
) -> Result<()> {
    use yakumo_room::Resource;
    if customer.is_none() {
        return Ok(());
    }
    if let Some(encryption) = encryption {
        let text = "Server Side Encryption with Customer provided key is incompatible with the encryption method \
                    specified";
        return Err(error::argument(text, "x-amz-server-side-encryption", encryption));
    }
    if !open.record.encryption.blocks_customer_keys {
        return Ok(());
    }
    let text = format!(
        "User: {} is not authorized to perform: s3:PutObject on resource: \"{}/{key}\" because this bucket has blocked \
         upload requests that specify Server Side Encryption with Customer provided keys (SSE-C). Please specify a \
         different server-side encryption type",
        ctx.caller().principal.arn,
        open.record.arn()
    );
    Err(Error::sender("AccessDenied", text).with_status(403))
}
