//! What a bucket is set to: versioning.

use crate::access::bucket_of;
use crate::error;
use crate::locks;
use crate::registry::edit;
use crate::state::Versioning;
use yakumo_api_s3 as api;
use yakumo_aws::Result;
use yakumo_room::Ctx;

pub async fn put_bucket_versioning(
    ctx: Ctx,
    input: api::PutBucketVersioningInput,
) -> Result<api::PutBucketVersioningOutput> {
    let given = input.versioning_configuration;
    if given.mfa_delete.as_deref() == Some("Enabled") || input.mfa.is_some() {
        return Err(error::not_implemented("MFA delete"));
    }
    let versioning = match given.status.as_deref() {
        Some("Enabled") => Versioning::Enabled,
        Some("Suspended") => Versioning::Suspended,
        _ => {
            let text = "The Versioning element must be specified";
            return Err(yakumo_aws::Error::sender("IllegalVersioningConfigurationException", text));
        }
    };
    edit(&ctx, &input.bucket, |bucket| {
        locks::check_versioning(bucket, versioning)?;
        bucket.versioning = versioning;
        Ok(())
    })
    .await?;
    Ok(api::PutBucketVersioningOutput::default())
}

pub async fn get_bucket_versioning(
    ctx: Ctx,
    input: api::GetBucketVersioningInput,
) -> Result<api::GetBucketVersioningOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let status = match open.record.versioning {
        Versioning::Never => None,
        Versioning::Enabled => Some("Enabled".to_owned()),
        Versioning::Suspended => Some("Suspended".to_owned()),
    };
    Ok(api::GetBucketVersioningOutput { status, mfa_delete: None })
}
