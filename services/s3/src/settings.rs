//! What a bucket is set to: versioning and MFA delete.

use crate::access::bucket_of;
use crate::error;
use crate::locks;
use crate::mfa::{self, Proved};
use crate::registry::edit;
use crate::state::Versioning;
use yakumo_api_s3 as api;
use yakumo_aws::Result;
use yakumo_room::Ctx;

pub async fn put_bucket_versioning(
    ctx: Ctx,
    input: api::PutBucketVersioningInput,
) -> Result<api::PutBucketVersioningOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let given = &input.versioning_configuration;
    let mfa_delete = match given.mfa_delete.as_deref() {
        None => None,
        Some("Enabled") => Some(true),
        Some("Disabled") => Some(false),
        Some(_) => return Err(error::malformed_xml()),
    };
    let versioning = match given.status.as_deref() {
        Some("Enabled") => Versioning::Enabled,
        Some("Suspended") => Versioning::Suspended,
        _ => {
            let text = "The Versioning element must be specified";
            return Err(yakumo_aws::Error::sender("IllegalVersioningConfigurationException", text));
        }
    };
    let proved = match mfa_delete {
        Some(true) => Proved::by(&ctx, &open.record, input.mfa.as_deref()).await?,
        _ => Proved::if_asked(&ctx, &open.record, input.mfa.as_deref()).await?,
    };
    edit(&ctx, &input.bucket, |bucket| {
        proved.check(bucket)?;
        locks::check_versioning(bucket, versioning)?;
        if bucket.replication.is_some() && versioning != Versioning::Enabled {
            return Err(crate::replication::keeps_versions());
        }
        bucket.versioning = versioning;
        bucket.mfa_delete = mfa_delete.or(bucket.mfa_delete);
        proved.check(bucket)?;
        mfa::check_lifecycle(bucket)
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
    let mfa_delete = open.record.mfa_delete.map(|on| if on { "Enabled" } else { "Disabled" }.to_owned());
    Ok(api::GetBucketVersioningOutput { status, mfa_delete })
}
