//! What a bucket cannot be set to here, read: nothing is configured, in AWS's words.
//!
//! Invariant: every setting of this file has no operation that writes it, so that its absence is the truth.

use crate::access::{bucket_of, on_bucket};
use crate::error;
use yakumo_api_s3 as api;
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room};

/// The operations of this file.
pub fn operations(room: Room) -> Room {
    let room = room.on(
        api::GetBucketAccelerateConfiguration,
        on_bucket("s3:GetAccelerateConfiguration"),
        get_bucket_accelerate_configuration,
    );
    named_configurations(room)
}

fn named_configurations(room: Room) -> Room {
    room.on(
        api::GetBucketAnalyticsConfiguration,
        on_bucket("s3:GetAnalyticsConfiguration"),
        get_bucket_analytics_configuration,
    )
    .on(
        api::ListBucketAnalyticsConfigurations,
        on_bucket("s3:GetAnalyticsConfiguration"),
        list_bucket_analytics_configurations,
    )
    .on(
        api::GetBucketMetricsConfiguration,
        on_bucket("s3:GetMetricsConfiguration"),
        get_bucket_metrics_configuration,
    )
    .on(
        api::ListBucketMetricsConfigurations,
        on_bucket("s3:GetMetricsConfiguration"),
        list_bucket_metrics_configurations,
    )
    .on(
        api::GetBucketIntelligentTieringConfiguration,
        on_bucket("s3:GetIntelligentTieringConfiguration"),
        get_bucket_intelligent_tiering_configuration,
    )
    .on(
        api::ListBucketIntelligentTieringConfigurations,
        on_bucket("s3:GetIntelligentTieringConfiguration"),
        list_bucket_intelligent_tiering_configurations,
    )
}

async fn get_bucket_accelerate_configuration(
    ctx: Ctx,
    input: api::GetBucketAccelerateConfigurationInput,
) -> Result<api::GetBucketAccelerateConfigurationOutput> {
    bucket_of(&ctx, &input).await?;
    Ok(api::GetBucketAccelerateConfigurationOutput::default())
}

/// AWS: the same words for analytics, metrics and tiering:
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketMetricsConfiguration.html>.
fn no_such_configuration(bucket: &str) -> Error {
    error::no_such("NoSuchConfiguration", "The specified configuration does not exist.", bucket)
}

async fn get_bucket_analytics_configuration(
    ctx: Ctx,
    input: api::GetBucketAnalyticsConfigurationInput,
) -> Result<api::GetBucketAnalyticsConfigurationOutput> {
    Err(no_such_configuration(&bucket_of(&ctx, &input).await?.record.name))
}

async fn get_bucket_metrics_configuration(
    ctx: Ctx,
    input: api::GetBucketMetricsConfigurationInput,
) -> Result<api::GetBucketMetricsConfigurationOutput> {
    Err(no_such_configuration(&bucket_of(&ctx, &input).await?.record.name))
}

async fn get_bucket_intelligent_tiering_configuration(
    ctx: Ctx,
    input: api::GetBucketIntelligentTieringConfigurationInput,
) -> Result<api::GetBucketIntelligentTieringConfigurationOutput> {
    Err(no_such_configuration(&bucket_of(&ctx, &input).await?.record.name))
}

async fn list_bucket_analytics_configurations(
    ctx: Ctx,
    input: api::ListBucketAnalyticsConfigurationsInput,
) -> Result<api::ListBucketAnalyticsConfigurationsOutput> {
    bucket_of(&ctx, &input).await?;
    Ok(api::ListBucketAnalyticsConfigurationsOutput { is_truncated: Some(false), ..Default::default() })
}

async fn list_bucket_metrics_configurations(
    ctx: Ctx,
    input: api::ListBucketMetricsConfigurationsInput,
) -> Result<api::ListBucketMetricsConfigurationsOutput> {
    bucket_of(&ctx, &input).await?;
    Ok(api::ListBucketMetricsConfigurationsOutput { is_truncated: Some(false), ..Default::default() })
}

async fn list_bucket_intelligent_tiering_configurations(
    ctx: Ctx,
    input: api::ListBucketIntelligentTieringConfigurationsInput,
) -> Result<api::ListBucketIntelligentTieringConfigurationsOutput> {
    bucket_of(&ctx, &input).await?;
    Ok(api::ListBucketIntelligentTieringConfigurationsOutput {
        is_truncated: Some(false),
        ..Default::default()
    })
}
