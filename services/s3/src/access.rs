//! Operation → S3's action, the ARN, the bucket's policy and S3's condition keys.
//! Source: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>

use crate::access_points;
use crate::directories;
use crate::door::host_region;
use crate::error;
use crate::payments;
use crate::registry::{Open, Registry};
use crate::state::Bucket;
use std::sync::Arc;
use yakumo_api_s3 as api;
use yakumo_aws::{AccountId, Error, Result};
use yakumo_policy::PrincipalKind;
use yakumo_room::{Access, Ctx, Need, Resource, SignedIn, host_now};

/// Condition keys of a request as they are gathered; [`Need::keys`] takes them over.
pub type Keys = Vec<(String, Vec<String>)>;

/// An input that names a bucket.
pub trait OnBucket: Send + Sync + 'static {
    /// The bucket's name.
    fn bucket(&self) -> &str;
    /// The account that the client expects to own it.
    fn expected_owner(&self) -> Option<&str>;
    /// The header `x-amz-request-payer`; `None` for what cannot be charged to who asks.
    fn request_payer(&self) -> Option<Option<&str>> {
        None
    }
}

/// An input that names an object.
pub trait OnObject: OnBucket {
    /// The object's key.
    fn key(&self) -> &str;
}

macro_rules! on_bucket {
    (@one $input:ident $($more:tt)*) => {
        impl OnBucket for api::$input {
            fn bucket(&self) -> &str {
                &self.bucket
            }
            fn expected_owner(&self) -> Option<&str> {
                self.expected_bucket_owner.as_deref()
            }
            $($more)*
        }
    };
    ($($input:ident)*) => {$( on_bucket!(@one $input); )*};
}

/// The same for requests that can be charged to who asks.
macro_rules! on_paid_bucket {
    ($($input:ident)*) => {$(
        on_bucket!(@one $input
            fn request_payer(&self) -> Option<Option<&str>> {
                Some(self.request_payer.as_deref())
            }
        );
    )*};
}

macro_rules! on_object {
    (@key $input:ident) => {
        impl OnObject for api::$input {
            fn key(&self) -> &str {
                &self.key
            }
        }
    };
    ($($input:ident)*) => {$(
        on_bucket!($input);
        on_object!(@key $input);
    )*};
}

macro_rules! on_paid_object {
    ($($input:ident)*) => {$(
        on_paid_bucket!($input);
        on_object!(@key $input);
    )*};
}

on_bucket!(
    DeleteBucketInput HeadBucketInput GetBucketLocationInput
    GetBucketVersioningInput PutBucketVersioningInput
    GetBucketTaggingInput PutBucketTaggingInput DeleteBucketTaggingInput GetBucketPolicyInput PutBucketPolicyInput
    DeleteBucketPolicyInput GetBucketPolicyStatusInput GetPublicAccessBlockInput PutPublicAccessBlockInput
    DeletePublicAccessBlockInput GetBucketOwnershipControlsInput
    PutBucketCorsInput GetBucketCorsInput DeleteBucketCorsInput PutBucketWebsiteInput
    GetBucketWebsiteInput DeleteBucketWebsiteInput
    PutBucketOwnershipControlsInput DeleteBucketOwnershipControlsInput GetBucketAclInput PutBucketAclInput
);
on_bucket!(
    PutBucketLifecycleConfigurationInput DeleteBucketLifecycleInput PutBucketEncryptionInput DeleteBucketEncryptionInput
    GetBucketLifecycleConfigurationInput GetObjectLockConfigurationInput PutObjectLockConfigurationInput GetBucketEncryptionInput
    GetBucketReplicationInput PutBucketReplicationInput DeleteBucketReplicationInput GetBucketLoggingInput GetBucketNotificationConfigurationInput
    PutBucketNotificationConfigurationInput PutBucketLoggingInput PutBucketRequestPaymentInput
    PutBucketInventoryConfigurationInput DeleteBucketInventoryConfigurationInput
    GetBucketRequestPaymentInput GetBucketAccelerateConfigurationInput GetBucketAnalyticsConfigurationInput
    ListBucketAnalyticsConfigurationsInput GetBucketInventoryConfigurationInput ListBucketInventoryConfigurationsInput
    GetBucketMetricsConfigurationInput ListBucketMetricsConfigurationsInput GetBucketIntelligentTieringConfigurationInput
    ListBucketIntelligentTieringConfigurationsInput
);
on_paid_bucket!(
    ListObjectsInput ListObjectsV2Input ListObjectVersionsInput ListMultipartUploadsInput DeleteObjectsInput
);
on_object!(DeleteObjectTaggingInput);
on_paid_object!(
    PutObjectInput GetObjectInput HeadObjectInput DeleteObjectInput CopyObjectInput GetObjectAttributesInput
    GetObjectTaggingInput PutObjectTaggingInput CreateMultipartUploadInput UploadPartInput UploadPartCopyInput
    CompleteMultipartUploadInput AbortMultipartUploadInput ListPartsInput GetObjectAclInput PutObjectAclInput
    GetObjectRetentionInput PutObjectRetentionInput GetObjectLegalHoldInput PutObjectLegalHoldInput RestoreObjectInput
);

/// The bucket of a request, checked: it exists, is in the region that was signed for, and belongs to whom the client
/// expects.
pub async fn bucket(ctx: &Ctx, name: &str, expected_owner: Option<&str>) -> Result<Arc<Open>> {
    let open = match ctx.state::<Registry>().bucket(name).await {
        Err(error) if error.code == "NoSuchBucket" => {
            Box::pin(access_points::open(ctx, name)).await?.ok_or(error)?
        }
        found => found?,
    };
    directories::check(ctx, &open)?;
    checked(ctx, open, expected_owner)
}

/// The bucket that a copy is made from, checked likewise. AWS: it may be of either kind, and in another region, but neither
/// for who comes through a VPC endpoint nor through an access point:
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>
pub async fn source(ctx: &Ctx, name: &str, expected_owner: Option<&str>) -> Result<Arc<Open>> {
    let stays_here = ctx.facts().through.is_some();
    match ctx.state::<Registry>().bucket(name).await {
        Ok(open) if open.record.directory.is_some() || stays_here => checked(ctx, open, expected_owner),
        Ok(open) => owned(open, expected_owner),
        _ => bucket(ctx, name, expected_owner).await,
    }
}

fn checked(ctx: &Ctx, open: Arc<Open>, expected_owner: Option<&str>) -> Result<Arc<Open>> {
    if open.record.region != ctx.region() {
        return Err(wrong_region(ctx, &open.record));
    }
    owned(open, expected_owner)
}

fn owned(open: Arc<Open>, expected_owner: Option<&str>) -> Result<Arc<Open>> {
    match expected_owner {
        Some(expected) if AccountId::parse(expected).is_none() => Err(error::argument(
            "The value of the expected bucket owner parameter must be an AWS account ID",
            "x-amz-expected-bucket-owner",
            expected,
        )),
        Some(expected) if expected != open.record.owner.as_str() => Err(error::access_denied()),
        _ => Ok(open),
    }
}

/// AWS: an endpoint tells where the bucket is that another one answers for; the bucket's own endpoint tells that the
/// request was signed for another region:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingRouting.html>
fn wrong_region(ctx: &Ctx, bucket: &Bucket) -> Error {
    // AWS: directory buckets are known at the endpoints of their region only.
    if bucket.directory.is_some() {
        return error::no_such_bucket(&bucket.name);
    }
    let endpoint = &*ctx.facts().endpoint;
    let authority = endpoint.split_once("://").map_or(endpoint, |(_, authority)| authority);
    let host = authority.split(':').next().unwrap_or_default();
    match host_region(host) == Some(bucket.region) {
        true => error::wrong_region(ctx.region(), bucket.region),
        false => error::permanent_redirect(&bucket.name, authority),
    }
}

/// The bucket of an input. Where who asks pays, the request must say that it does.
pub async fn bucket_of<I: OnBucket>(ctx: &Ctx, input: &I) -> Result<Arc<Open>> {
    let open = bucket(ctx, input.bucket(), input.expected_owner()).await?;
    if let Some(payer) = input.request_payer() {
        payments::check(ctx, &open.record, payer)?;
    }
    Ok(open)
}

/// An action on a bucket, or on an object in it when `key` is given.
pub fn need(ctx: &Ctx, open: &Open, action: &'static str, key: Option<&str>, keys: Keys) -> Need {
    if open.record.directory.is_some() {
        return directories::access::need(ctx, open, action, keys);
    }
    let arn = match key {
        Some(key) => format!("{}/{key}", open.record.arn()),
        None => open.record.arn(),
    };
    let policy = match (is_shut_out(ctx, open), &open.acl) {
        (false, None) => open.policy.clone(),
        (true, None) => None,
        (false, Some((_, both))) => Some(both.clone()),
        (true, Some((acl, _))) => Some(acl.clone()),
    };
    // AWS: S3 quotes the resource in its denials:
    // <https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html>
    let mut need = Need::new(action, arn, open.record.owner).with_policy(policy).quoted();
    need.keys = request_keys(ctx, action, open.record.owner);
    need.keys.extend(keys);
    match &open.through {
        Some(point) => point.also(ctx, open, need, key),
        None => need,
    }
}

/// What S3 tells policies of every request, in the words of the service that the action is of: who owns the resource, and
/// how the request was signed and sent.
/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policy-s3-sigv4-conditions.html>
pub fn request_keys(ctx: &Ctx, action: &str, owner: AccountId) -> yakumo_room::Keys {
    let (service, action) = action.split_once(':').unwrap_or(("s3", action));
    let facts = ctx.facts();
    let mut keys = yakumo_room::Keys::with_capacity(8);
    let mut put = |name, value: &str| keys.put_of(service, name, value);
    put("ResourceAccount", owner.as_str());
    if let Some(version) = facts.tls.and_then(|tls| tls.strip_prefix("TLSv")) {
        put("TlsVersion", &version.replace('_', "."));
    }
    let Some(signed) = &facts.signed else { return keys };
    put("signatureversion", signed.version);
    let place = match signed.place {
        SignedIn::Header => "REST-HEADER",
        SignedIn::Query => "REST-QUERY-STRING",
        SignedIn::Form => "POST",
    };
    put("authType", place);
    // AWS: only presigned URLs have an age, in milliseconds; in directory buckets only where a session is opened.
    let has_age = signed.place == SignedIn::Query && (service == "s3" || action == "CreateSession");
    if let Some(at) = signed.at.filter(|_| has_age) {
        put("signatureAge", &(host_now().as_millis() - at.as_millis()).max(0).to_string());
    }
    // AWS: the actions of a bucket's lock are not told what is signed of a body.
    if let Some(payload) =
        signed.payload.as_ref().filter(|_| !action.ends_with("BucketObjectLockConfiguration"))
    {
        put("x-amz-content-sha256", payload);
    }
    keys
}

/// AWS: RestrictPublicBuckets leaves a public policy to the owner's account and to AWS services:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html>
pub fn is_shut_out(ctx: &Ctx, open: &Open) -> bool {
    open.record.blocks().restrict_buckets && open.is_public && is_outside(ctx, open.record.owner)
}

/// Whether the caller is neither of an account nor an AWS service.
pub fn is_outside(ctx: &Ctx, owner: AccountId) -> bool {
    let principal = &ctx.caller().principal;
    match principal.kind {
        PrincipalKind::Service(_) => false,
        _ => principal.account != Some(owner),
    }
}

/// The rule of an operation on a bucket.
pub fn on_bucket<I: OnBucket>(action: &'static str) -> Access<I> {
    on_bucket_with(action, |_| Keys::new())
}

/// The same with condition keys from the input.
pub fn on_bucket_with<I: OnBucket>(
    action: &'static str,
    keys: impl Fn(&I) -> Keys + Send + Sync + 'static,
) -> Access<I> {
    Access::needs([action, directories::access::action(action)], move |ctx: &Ctx, input: &I| {
        let keys = keys(input);
        Box::pin(async move {
            let open = bucket_of(ctx, input).await?;
            if open.through.is_some() && !access_points::takes(action) {
                return Err(error::not_through_access_points());
            }
            Ok(vec![need(ctx, &open, action, None, keys)])
        })
    })
}

/// The rule of an operation on an object.
pub fn on_object<I: OnObject>(action: &'static str) -> Access<I> {
    on_object_with(action, |_| Keys::new())
}

/// The same with condition keys from the input.
pub fn on_object_with<I: OnObject>(
    action: &'static str,
    keys: impl Fn(&I) -> Keys + Send + Sync + 'static,
) -> Access<I> {
    Access::needs([action, directories::access::SESSION], move |ctx: &Ctx, input: &I| {
        let keys = keys(input);
        Box::pin(async move {
            Ok(vec![need(ctx, &*bucket_of(ctx, input).await?, action, Some(input.key()), keys)])
        })
    })
}

/// `s3:VersionId`.
pub fn version_key(id: Option<&str>) -> Keys {
    id.map(|id| ("s3:VersionId".to_owned(), vec![id.to_owned()])).into_iter().collect()
}

/// The condition keys of a list: `s3:prefix`, `s3:delimiter`, `s3:max-keys`.
pub fn list_keys(prefix: Option<&str>, delimiter: Option<&str>, max_keys: Option<i32>) -> Keys {
    let one = |name: &str, value: String| (name.to_owned(), vec![value]);
    let prefix = prefix.map(|prefix| one("s3:prefix", prefix.to_owned()));
    let delimiter = delimiter.map(|delimiter| one("s3:delimiter", delimiter.to_owned()));
    let max_keys = max_keys.map(|max| one("s3:max-keys", max.to_string()));
    [prefix, delimiter, max_keys].into_iter().flatten().collect()
}
