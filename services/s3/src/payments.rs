//! Requester pays: who asks is charged, and has to say that they know.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/RequesterPaysBuckets.html>
//!
//! Invariant: where who asks pays, no other account reads or writes an object without having said so, and nobody
//! anonymous does at all.

use crate::access::{bucket_of, on_bucket};
use crate::error;
use crate::registry::edit;
use crate::state::Bucket;
use yakumo_api_s3 as api;
use yakumo_aws::Result;
use yakumo_policy::PrincipalKind;
use yakumo_room::{Caller, Ctx, Head, Room};

const REQUESTER: &str = "Requester";
const OWNER: &str = "BucketOwner";
/// The header of a request, and its value.
const HEADER: &str = "x-amz-request-payer";
const SAID: &str = "requester";

/// The operations of this file.
pub fn operations(room: Room) -> Room {
    room.on(api::PutBucketRequestPayment, on_bucket("s3:PutBucketRequestPayment"), put_bucket_request_payment)
        .on(api::GetBucketRequestPayment, on_bucket("s3:GetBucketRequestPayment"), get_bucket_request_payment)
}

async fn put_bucket_request_payment(
    ctx: Ctx,
    input: api::PutBucketRequestPaymentInput,
) -> Result<api::PutBucketRequestPaymentOutput> {
    let requester_pays = match input.request_payment_configuration.payer.as_str() {
        REQUESTER => true,
        OWNER => false,
        _ => return Err(error::malformed_xml()),
    };
    edit(&ctx, &input.bucket, |bucket| {
        bucket.requester_pays = requester_pays;
        Ok(())
    })
    .await?;
    Ok(api::PutBucketRequestPaymentOutput::default())
}

async fn get_bucket_request_payment(
    ctx: Ctx,
    input: api::GetBucketRequestPaymentInput,
) -> Result<api::GetBucketRequestPaymentOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let payer = if open.record.requester_pays { REQUESTER } else { OWNER };
    Ok(api::GetBucketRequestPaymentOutput { payer: Some(payer.to_owned()) })
}

/// Whether a caller would pay: everybody but the owner's account and AWS services.
fn would_pay(caller: &Caller, bucket: &Bucket) -> bool {
    let is_service = matches!(caller.principal.kind, PrincipalKind::Service(_));
    bucket.requester_pays && !is_service && caller.principal.account != Some(bucket.owner)
}

/// Refuses who would have to pay and has not said so, or whom nobody could charge.
pub fn check(ctx: &Ctx, bucket: &Bucket, said: Option<&str>) -> Result<()> {
    let caller = ctx.caller();
    let can_be_charged = caller.principal.account.is_some() && said == Some(SAID);
    match would_pay(caller, bucket) && !can_be_charged {
        true => Err(error::access_denied()),
        false => Ok(()),
    }
}

/// Whether a request says that who asks pays: in a header, or in the query of a presigned URL.
pub fn says_so(head: &Head<'_>) -> bool {
    let in_query = || head.query.split('&').any(|pair| pair == "x-amz-request-payer=requester");
    head.header(HEADER) == Some(SAID) || in_query()
}

/// The header of an answer that who asked is charged for.
pub fn charged(caller: &Caller, bucket: &Bucket) -> Option<(&'static str, String)> {
    let pays = would_pay(caller, bucket) && caller.principal.account.is_some();
    pays.then(|| ("x-amz-request-charged", SAID.to_owned()))
}
