//! RenameObject: another key for an object, in one commit and without a copy.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/directory-buckets-objects-rename.html>

use crate::access::{bucket, need};
use crate::bodies;
use crate::directories::unheard;
use crate::error;
use crate::index;
use crate::names::check_key;
use crate::objects::conditions::ReadIf;
use crate::registry::present;
use crate::state::{Bucket, Renamed, Version, scope};
use yakumo_api_s3 as api;
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Record, Tx};

/// For how long a client token is remembered. AWS does not say.
const REMEMBERED_S: i64 = 86_400;
/// How many old tokens go when a new one comes.
const FORGOTTEN_MAX: usize = 8;

pub async fn rename_object(ctx: Ctx, input: api::RenameObjectInput) -> Result<api::RenameObjectOutput> {
    let open = bucket(&ctx, &input.bucket, None).await?;
    ctx.authorize(need(&ctx, &open, "s3:PutObject", Some(&input.key), Vec::new()))?;
    if open.record.directory.is_none() {
        return Err(unheard("x-amz-rename-source"));
    }
    let source = source(&open.record, &input.rename_source)?;
    check_key(&input.key)?;
    // AWS: objects whose names end in the delimiter are not renamed, by the same page.
    if source.ends_with('/') || input.key.ends_with('/') || source == input.key {
        return Err(error::argument("Invalid rename source", "x-amz-rename-source", &input.rename_source));
    }
    let bucket = &open.record;
    ctx.transact(|tx| {
        let (ctx, input, source) = (&ctx, &input, source.as_str());
        async move {
            let bucket = present(&tx, &bucket.name, &bucket.id).await?;
            if is_repeated(&tx, ctx, &bucket, input).await? {
                return Ok(());
            }
            rename(&tx, ctx, &bucket, source, input).await
        }
    })
    .await?;
    Ok(api::RenameObjectOutput::default())
}

/// The key that is renamed: alone, or behind the bucket's name.
fn source(bucket: &Bucket, given: &str) -> Result<String> {
    let wrong = || error::argument("Invalid rename source", "x-amz-rename-source", given);
    let decoded = percent_encoding::percent_decode_str(given).decode_utf8().map_err(|_| wrong())?;
    let key = decoded.strip_prefix('/').unwrap_or(&decoded);
    let key = key.strip_prefix(&bucket.name).and_then(|rest| rest.strip_prefix('/')).unwrap_or(key);
    match key.is_empty() {
        true => Err(wrong()),
        false => Ok(key.to_owned()),
    }
}

async fn rename(
    tx: &Tx,
    ctx: &Ctx,
    bucket: &Bucket,
    source: &str,
    input: &api::RenameObjectInput,
) -> Result<()> {
    let found = index::newest_in(tx, bucket, source).await?.ok_or_else(|| error::no_such_key(source))?;
    let of_source = ReadIf {
        matches: input.source_if_match.as_deref(),
        none_match: input.source_if_none_match.as_deref(),
        modified_since: input.source_if_modified_since,
        unmodified_since: input.source_if_unmodified_since,
    };
    check(&of_source, &found)?;
    let there = index::newest_in(tx, bucket, &input.key).await?;
    check_destination(input, there.as_ref())?;
    if let Some(there) = &there {
        index::remove(tx, bucket, index::free(there, ctx.now(), crate::state::Bypass::No)?);
    }
    // AWS: nothing but the name changes, not even the date.
    tx.raw().delete(found.row(&bucket.id));
    let renamed = Version { key: input.key.clone(), ..found };
    tx.raw().put(renamed.row(&bucket.id), renamed.to_bytes());
    Ok(())
}

fn check(conditions: &ReadIf<'_>, version: &Version) -> Result<()> {
    let content = version.content.as_ref().ok_or_else(|| Error::internal("an object without content"))?;
    conditions.check(&content.etag, version.modified, true)
}

fn check_destination(input: &api::RenameObjectInput, there: Option<&Version>) -> Result<()> {
    if input.destination_if_none_match.as_deref().is_some_and(|list| list != "*") {
        return Err(unheard("If-None-Match"));
    }
    let conditions = ReadIf {
        matches: input.destination_if_match.as_deref(),
        none_match: input.destination_if_none_match.as_deref(),
        modified_since: input.destination_if_modified_since,
        unmodified_since: input.destination_if_unmodified_since,
    };
    match there {
        Some(version) => check(&conditions, version),
        None if input.destination_if_match.is_some() => Err(error::precondition_failed("If-Match")),
        None => Ok(()),
    }
}

/// Whether the request was carried out before. What its token stands for is noted.
async fn is_repeated(tx: &Tx, ctx: &Ctx, bucket: &Bucket, input: &api::RenameObjectInput) -> Result<bool> {
    let Some(token) = input.client_token.as_deref() else { return Ok(false) };
    if !(1..=64).contains(&token.len()) || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(error::argument("Invalid client token", "x-amz-client-token", token));
    }
    let asked = format!("{input:?}");
    let asked = bodies::hex(&<md5::Md5 as md5::Digest>::digest(asked));
    if let Some(known) = tx.get::<Renamed>(&scope(), &[&bucket.id, token]).await? {
        return match known.asked == asked {
            true => Ok(true),
            false => Err(mismatch()),
        };
    }
    let now = ctx.now();
    for old in tx.list::<Renamed>(&scope(), &[&bucket.id], None, FORGOTTEN_MAX).await? {
        if now.as_secs().saturating_sub(old.at.as_secs()) > REMEMBERED_S {
            tx.delete::<Renamed>(&scope(), &[&bucket.id, &old.token]);
        }
    }
    let renamed = Renamed { token: token.to_owned(), asked, at: now };
    tx.put(&scope(), &[&bucket.id, token], &renamed);
    Ok(false)
}

fn mismatch() -> Error {
    let text =
        "Parameters on this idempotent request are inconsistent with parameters used in previous request(s).";
    Error::sender("IdempotencyParameterMismatch", text)
}

/// Forgets the tokens of a bucket that goes.
pub async fn forget(tx: &Tx, bucket_id: &str) -> Result<()> {
    for old in tx.list::<Renamed>(&scope(), &[bucket_id], None, usize::MAX).await? {
        tx.delete::<Renamed>(&scope(), &[bucket_id, &old.token]);
    }
    Ok(())
}
