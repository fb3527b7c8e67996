//! Bucket policies and public access blocks of buckets.

use crate::access::{OnBucket, bucket_of, is_outside, need};
use crate::access_points;
use crate::directories;
use crate::error;
use crate::public::is_public;
use crate::registry::{Open, edit};
use crate::state::{BucketPolicy, PublicAccess};
use crate::statements;
use yakumo_api_s3 as api;
use yakumo_aws::{Error, Result};
use yakumo_policy::{Document, PolicyKind, PrincipalKind};
use yakumo_room::{Access, Ctx, Pins, Resource};

/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html>
pub const POLICY_BYTES_MAX: usize = 20 * 1024;

/// The service whose policy it is that is attached to this ARN.
pub fn service(holder: &str) -> &'static str {
    if holder.split(':').nth(2) == Some("s3express") { "s3express" } else { "s3" }
}

/// What a policy is refused with.
pub fn malformed(text: impl Into<String>) -> Error {
    Error::sender("MalformedPolicy", text)
}

/// The rule of the operations on a bucket's policy.
///
/// AWS: so that nobody locks themselves out, the policy has no say in what the root user of the bucket's own account does
/// with it: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html>
pub fn access<I: OnBucket>(action: &'static str) -> Access<I> {
    Access::needs([action, directories::access::action(action)], move |ctx: &Ctx, input: &I| {
        Box::pin(async move {
            let open = bucket_of(ctx, input).await?;
            if open.through.is_some() && !access_points::takes(action) {
                return Err(error::not_through_access_points());
            }
            let mut need = need(ctx, &open, action, None, Vec::new());
            let principal = &ctx.caller().principal;
            let is_own_root =
                principal.kind == PrincipalKind::Root && principal.account == Some(open.record.owner);
            if is_own_root && open.through.is_none() {
                need.policy = None;
            }
            Ok(vec![need])
        })
    })
}

/// AWS: who is allowed, but belongs to another account than the bucket, is told that it cannot be done, by the same page.
fn check_account(ctx: &Ctx, open: &Open, method: &'static str) -> Result<()> {
    if !is_outside(ctx, open.record.owner) {
        return Ok(());
    }
    Err(Error::sender("MethodNotAllowed", "The specified method is not allowed against this resource.")
        .with_status(405)
        .with_field("Method", method)
        .with_field("ResourceType", "BUCKETPOLICY"))
}

pub async fn put_bucket_policy(
    ctx: Ctx,
    input: api::PutBucketPolicyInput,
) -> Result<api::PutBucketPolicyOutput> {
    let open = bucket_of(&ctx, &input).await?;
    check_account(&ctx, &open, "PUT")?;
    let text = input.policy;
    if text.len() > POLICY_BYTES_MAX {
        return Err(malformed("Policy exceeds the maximum allowed document size."));
    }
    let arn = open.record.arn();
    let kind = PolicyKind::Resource { service: service(&arn) };
    let document = Document::parse(&text, kind).map_err(|wrong| malformed(wrong.to_string()))?;
    let is_directory = open.record.directory.is_some();
    // AWS: policies of directory buckets may say `*`:
    // <https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-express-security-iam-example-bucket-policies.html>
    let own = |resource: &str| match is_directory {
        true => resource == arn || resource == "*",
        false => resource == arn || resource.starts_with(&format!("{arn}/")),
    };
    if !document.resources().all(own) {
        return Err(malformed("Policy has invalid resource"));
    }
    statements::check(&text, service(&arn))?;
    let pins = Pins::find(&ctx, &document, |_| malformed("Invalid principal in policy")).await?;
    if open.record.blocks().block_policy && is_public(&text) {
        let who = &ctx.caller().principal.arn;
        let action = if is_directory { "s3express:PutBucketPolicy" } else { "s3:PutBucketPolicy" };
        let text = format!(
            "User: {who} is not authorized to perform: {action} on resource: \"{arn}\" because public \
             policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access."
        );
        return Err(Error::sender("AccessDenied", text).with_status(403));
    }
    let policy = BucketPolicy { text, pins };
    edit(&ctx, &input.bucket, |bucket| {
        bucket.policy = Some(policy.clone());
        Ok(())
    })
    .await?;
    Ok(api::PutBucketPolicyOutput::default())
}

fn no_policy(bucket: &str) -> Error {
    error::no_such("NoSuchBucketPolicy", "The bucket policy does not exist", bucket)
}

pub async fn get_bucket_policy(
    ctx: Ctx,
    input: api::GetBucketPolicyInput,
) -> Result<api::GetBucketPolicyOutput> {
    let open = bucket_of(&ctx, &input).await?;
    check_account(&ctx, &open, "GET")?;
    let policy = open.record.policy.as_ref().ok_or_else(|| no_policy(&open.record.name))?;
    Ok(api::GetBucketPolicyOutput { policy: Some(policy.pins.show(&ctx, &policy.text).await?) })
}

pub async fn delete_bucket_policy(
    ctx: Ctx,
    input: api::DeleteBucketPolicyInput,
) -> Result<api::DeleteBucketPolicyOutput> {
    check_account(&ctx, &*bucket_of(&ctx, &input).await?, "DELETE")?;
    edit(&ctx, &input.bucket, |bucket| {
        bucket.policy = None;
        Ok(())
    })
    .await?;
    Ok(api::DeleteBucketPolicyOutput::default())
}

pub async fn get_bucket_policy_status(
    ctx: Ctx,
    input: api::GetBucketPolicyStatusInput,
) -> Result<api::GetBucketPolicyStatusOutput> {
    let open = bucket_of(&ctx, &input).await?;
    if open.record.policy.is_none() {
        return Err(no_policy(&open.record.name));
    }
    Ok(api::GetBucketPolicyStatusOutput {
        policy_status: Some(api::PolicyStatus { is_public: Some(open.is_public) }),
    })
}

pub async fn put_public_access_block(
    ctx: Ctx,
    input: api::PutPublicAccessBlockInput,
) -> Result<api::PutPublicAccessBlockOutput> {
    let given = input.public_access_block_configuration;
    let access = PublicAccess {
        block_acls: given.block_public_acls == Some(true),
        ignore_acls: given.ignore_public_acls == Some(true),
        block_policy: given.block_public_policy == Some(true),
        restrict_buckets: given.restrict_public_buckets == Some(true),
    };
    edit(&ctx, &input.bucket, |bucket| {
        bucket.public_access = Some(access);
        Ok(())
    })
    .await?;
    Ok(api::PutPublicAccessBlockOutput::default())
}

pub async fn get_public_access_block(
    ctx: Ctx,
    input: api::GetPublicAccessBlockInput,
) -> Result<api::GetPublicAccessBlockOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let none = || {
        let text = "The public access block configuration was not found";
        error::no_such("NoSuchPublicAccessBlockConfiguration", text, &open.record.name)
    };
    let access = open.record.public_access.ok_or_else(none)?;
    Ok(api::GetPublicAccessBlockOutput {
        public_access_block_configuration: Some(api::PublicAccessBlockConfiguration {
            block_public_acls: Some(access.block_acls),
            ignore_public_acls: Some(access.ignore_acls),
            block_public_policy: Some(access.block_policy),
            restrict_public_buckets: Some(access.restrict_buckets),
        }),
    })
}

pub async fn delete_public_access_block(
    ctx: Ctx,
    input: api::DeletePublicAccessBlockInput,
) -> Result<api::DeletePublicAccessBlockOutput> {
    edit(&ctx, &input.bucket, |bucket| {
        bucket.public_access = None;
        Ok(())
    })
    .await?;
    Ok(api::DeletePublicAccessBlockOutput::default())
}
