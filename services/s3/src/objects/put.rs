//! PutObject.

use crate::access::{bucket_of, need};
use crate::acls;
use crate::bodies::{self, Expected, Received};
use crate::directories::append::{self, Append};
use crate::directories::{self, check_md5, classed};
use crate::happenings::{self, What};
use crate::index;
use crate::locks::asked::check_sum;
use crate::names::check_key;
use crate::objects::conditions::{WriteIf, need_to_compare, write_keys};
use crate::objects::{checksums, request, shown_id};
use crate::registry::present;
use crate::state::{Acl, Bucket, Content, Headers, Lock, Version};
use crate::{
    chosen, customer_key, encryption, extras, granted, headers, lock_of, put_checksum, put_encryption, tags,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use yakumo_api_s3 as api;
use yakumo_aws::{Result, Timestamp};
use yakumo_room::{Access, Ctx};

/// What writing an object may ask for.
pub const ACTIONS: [&str; 7] = [
    "s3:PutObject",
    "s3:GetObject",
    "s3:PutObjectAcl",
    "s3:PutObjectTagging",
    "s3:PutObjectRetention",
    "s3:PutObjectLegalHold",
    directories::access::SESSION,
];

/// The rule of PutObject: tags and locks are actions of their own.
pub fn access() -> Access<api::PutObjectInput> {
    Access::needs(ACTIONS, |ctx: &Ctx, input: &api::PutObjectInput| {
        Box::pin(async move {
            let open = bucket_of(ctx, input).await?;
            if open.record.directory.is_some() {
                return Ok(vec![need(ctx, &open, "s3:PutObject", Some(&input.key), Vec::new())]);
            }
            let tags = tags::from_header(input.tagging.as_deref())?;
            let mut keys = tag_keys(&tags);
            keys.extend(request::keys(&extras!(input)));
            keys.extend(write_keys(input.if_match.as_deref(), input.if_none_match.as_deref(), true));
            let headers = granted!(input);
            let lock = lock_of!(input);
            keys.extend(headers.keys());
            keys.extend(lock.keys(ctx.now()));
            let mut needs = vec![need(ctx, &open, "s3:PutObject", Some(&input.key), keys)];
            needs.extend(acls::needs_list(ctx, &open, &headers, &input.key)?);
            if !tags.is_empty() {
                needs.push(need(ctx, &open, "s3:PutObjectTagging", Some(&input.key), tag_keys(&tags)));
            }
            needs.extend(lock.needs(ctx, &open, &input.key));
            needs.extend(need_to_compare(ctx, &open, &input.key, input.if_match.as_deref()));
            Ok(needs)
        })
    })
}

/// `s3:RequestObjectTag/…` and `s3:RequestObjectTagKeys`.
pub fn tag_keys(tags: &BTreeMap<String, String>) -> crate::access::Keys {
    let mut keys: crate::access::Keys = tags
        .iter()
        .map(|(name, value)| (format!("s3:RequestObjectTag/{name}"), vec![value.clone()]))
        .collect();
    if !tags.is_empty() {
        keys.push(("s3:RequestObjectTagKeys".to_owned(), tags.keys().cloned().collect()));
    }
    keys
}

/// Everything of a new object but its body.
pub struct Wanted {
    pub key: String,
    pub headers: Headers,
    pub metadata: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
    pub write_if: WriteIf,
    pub acl: Option<Acl>,
    /// By which event the object comes.
    pub what: What,
    pub lock: Lock,
}

pub async fn put_object(ctx: Ctx, input: api::PutObjectInput) -> Result<api::PutObjectOutput> {
    let open = bucket_of(&ctx, &input).await?;
    check_key(&input.key)?;
    request::check(&extras!(input), &open.record)?;
    check_md5(&open.record, input.content_md5.as_deref())?;
    if input.write_offset_bytes.is_some() {
        append::check(&open.record)?;
    }
    let customer = customer_key!(input)?.map(Arc::new);
    let given = input.server_side_encryption.as_deref();
    encryption::check(&ctx, &open, &input.key, given, customer.as_deref())?;
    let expected = Expected {
        customer: customer.clone(),
        md5: input.content_md5.clone(),
        checksum: chosen!(input, input.checksum_algorithm)?,
        also: None,
        length: input.content_length.and_then(|length| u64::try_from(length).ok()),
    };
    let lock = lock_of!(input).read(&open.record, ctx.now())?;
    check_sum(&open.record, &lock, expected.md5.is_some() || expected.checksum.is_some(), "Object")?;
    let acl = acls::of_new(&ctx, &open.record, &granted!(input))?;
    let wanted = Wanted {
        what: if ctx.facts().beside { What::Post } else { What::Put },
        acl,
        lock,
        headers: classed(&open.record, request::with_type(headers!(input))),
        metadata: request::metadata(input.metadata)?,
        tags: tags::from_header(input.tagging.as_deref())?,
        write_if: WriteIf::new(input.if_match, input.if_none_match)?,
        key: input.key,
    };
    let version = match input.write_offset_bytes {
        None => {
            let received = bodies::receive(ctx.state(), input.body, expected).await?;
            save(&ctx, &open.record, wanted, received).await?
        }
        Some(offset) => {
            let append = Append { offset, wanted, expected };
            append::put(&ctx, &open.record, append, input.body).await?
        }
    };
    let content = version.content.as_ref();
    let mut output = api::PutObjectOutput {
        e_tag: content.map(|content| format!("\"{}\"", content.etag)),
        version_id: version.id.clone().or_else(|| shown_id(&open.record, &version)),
        ..Default::default()
    };
    output.expiration = crate::lifecycle::expiration(&open.record, &version);
    // AWS: the size is told of appends only.
    let size_bytes = content.filter(|_| input.write_offset_bytes.is_some()).map(|content| content.size_bytes);
    output.size = size_bytes.and_then(|size| i64::try_from(size).ok());
    put_encryption!(output, &customer);
    let checksum = content.and_then(|content| content.checksum.as_ref());
    put_checksum!(output, checksums::pair(checksum));
    output.checksum_type = checksum.map(|checksum| checksum.kind.clone());
    Ok(output)
}

/// Now, as S3 dates objects: in whole seconds.
pub fn second(ctx: &Ctx) -> Timestamp {
    Timestamp::from_secs(ctx.now().as_secs())
}

/// Writes an object whose body was received.
pub async fn save(ctx: &Ctx, bucket: &Bucket, wanted: Wanted, received: Received) -> Result<Version> {
    let content = Content {
        size_bytes: received.size_bytes,
        etag: directories::etag(ctx, bucket, received.md5.clone()),
        pieces: received.piece().into_iter().collect(),
        checksum: checksums::full(received.checksum.clone()),
        parts: Vec::new(),
        headers: wanted.headers,
        metadata: wanted.metadata,
        customer: received.proof.clone(),
        upload: None,
    };
    let new = Version {
        key: wanted.key,
        order: 0,
        id: None,
        modified: second(ctx),
        content: Some(content),
        tags: wanted.tags,
        acl: wanted.acl,
        lock: wanted.lock,
        restore: None,
        replication: None,
    };
    let (write_if, what) = (wanted.write_if, wanted.what);
    let outcome = happenings::transact(ctx, bucket, |tx| {
        let (new, received, write_if) = (&new, &received, &write_if);
        async move {
            let bucket = present(&tx, &bucket.name, &bucket.id).await?;
            let newest = index::newest_in(&tx, &bucket, &new.key).await?;
            write_if.check(&new.key, newest.as_ref())?;
            let mut version = new.clone();
            index::write(&tx, ctx, &bucket, newest.as_ref(), &mut version).await?;
            received.keep(&tx);
            happenings::note(&tx, ctx, &bucket, what, &version);
            Ok(version)
        }
    })
    .await;
    if outcome.is_err() {
        received.abandon(ctx.base()).await;
    }
    outcome
}
