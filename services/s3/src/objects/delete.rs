//! DeleteObject and DeleteObjects.

use crate::access::{Keys, bucket_of, need, version_key};
use crate::directories;
use crate::error;
use crate::happenings::{self, What};
use crate::index;
use crate::locks::needs_bypass;
use crate::mfa::Proved;
use crate::names::check_key;
use crate::objects::conditions::need_to_compare;
use crate::registry::{Open, present};
use crate::state::{Bucket, Bypass, Lock, Version, Versioning};
use yakumo_api_s3 as api;
use yakumo_aws::{Error, Result, Timestamp};
use yakumo_room::{Access, Ctx, Need, Tx};

/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>
const KEYS_MAX: usize = 1000;

/// The events of what removes the newest version: that it is gone, and that it has a marker above it.
const BY_REQUEST: [What; 2] = [What::Delete, What::DeleteMarkerCreated];
const BY_LIFECYCLE: [What; 2] = [What::LifecycleDelete, What::LifecycleDeleteMarkerCreated];

/// What became of one object.
struct Deleted {
    /// The version that was removed or, without an id in the request, the delete marker that was made.
    version_id: Option<String>,
    is_marker: bool,
}

/// What deleting may ask for.
pub const ACTIONS: [&str; 5] = [
    "s3:DeleteObject",
    "s3:GetObject",
    "s3:DeleteObjectVersion",
    "s3:BypassGovernanceRetention",
    directories::access::SESSION,
];

/// What deleting one object, or one version of it, asks for.
///
/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html>
fn needs(
    ctx: &Ctx,
    open: &Open,
    key: &str,
    id: Option<&str>,
    matches: Option<&str>,
    bypass: Bypass,
) -> Vec<Need> {
    let (action, keys) = match (id, matches) {
        (Some(_), _) => ("s3:DeleteObjectVersion", version_key(id)),
        (None, None) => ("s3:DeleteObject", Keys::new()),
        (None, Some(etag)) => ("s3:DeleteObject", vec![("s3:if-match".to_owned(), vec![etag.to_owned()])]),
    };
    let delete = need(ctx, open, action, Some(key), keys);
    let compare = need_to_compare(ctx, open, key, matches);
    std::iter::once(delete).chain(compare).chain(needs_bypass(ctx, open, key, bypass)).collect()
}

/// The rule of DeleteObject.
pub fn access() -> Access<api::DeleteObjectInput> {
    Access::needs(ACTIONS, |ctx: &Ctx, input: &api::DeleteObjectInput| {
        Box::pin(async move {
            let open = bucket_of(ctx, input).await?;
            let bypass = Bypass::asked(input.bypass_governance_retention);
            let (id, matches) = (input.version_id.as_deref(), input.if_match.as_deref());
            Ok(needs(ctx, &open, &input.key, id, matches, bypass))
        })
    })
}

/// What must hold of the object that is deleted, and what it may be deleted in spite of.
#[derive(Clone)]
struct DeleteIf {
    etag: Option<String>,
    modified: Option<Timestamp>,
    size_bytes: Option<i64>,
    bypass: Bypass,
    proved: Proved,
}

impl DeleteIf {
    fn check(&self, key: &str, found: Option<&Version>) -> Result<()> {
        if self.etag.is_none() && self.modified.is_none() && self.size_bytes.is_none() {
            return Ok(());
        }
        let Some((version, content)) = found.and_then(|version| Some((version, version.content.as_ref()?)))
        else {
            return Err(error::no_such_key(key));
        };
        let etag = self.etag.as_deref().map(|etag| etag.trim_matches('"'));
        let good = etag.is_none_or(|etag| etag == "*" || etag == content.etag)
            && self.modified.is_none_or(|modified| modified.as_secs() == version.modified.as_secs())
            && self.size_bytes.is_none_or(|size| u64::try_from(size) == Ok(content.size_bytes));
        if good { Ok(()) } else { Err(error::precondition_failed("If-Match")) }
    }
}

pub async fn delete_object(ctx: Ctx, input: api::DeleteObjectInput) -> Result<api::DeleteObjectOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let condition = DeleteIf {
        etag: input.if_match,
        modified: input.if_match_last_modified_time,
        size_bytes: input.if_match_size,
        bypass: Bypass::asked(input.bypass_governance_retention),
        proved: match input.version_id {
            Some(_) => Proved::if_asked(&ctx, &open.record, input.mfa.as_deref()).await?,
            None => Proved::NOTHING,
        },
    };
    let deleted = delete(&ctx, &open.record, &input.key, input.version_id.as_deref(), &condition).await?;
    Ok(api::DeleteObjectOutput {
        delete_marker: deleted.is_marker.then_some(true),
        version_id: deleted.version_id,
        ..Default::default()
    })
}

async fn delete(
    ctx: &Ctx,
    bucket: &Bucket,
    key: &str,
    id: Option<&str>,
    condition: &DeleteIf,
) -> Result<Deleted> {
    directories::check_version(bucket, id)?;
    if id.is_none() {
        check_key(key)?;
    }
    happenings::transact(ctx, bucket, |tx| async move {
        let bucket = present(&tx, &bucket.name, &bucket.id).await?;
        match id {
            Some(id) => delete_version(&tx, ctx, &bucket, key, id, condition).await,
            None => delete_newest(&tx, ctx, &bucket, key, condition, BY_REQUEST).await,
        }
    })
    .await
}

async fn delete_version(
    tx: &Tx,
    ctx: &Ctx,
    bucket: &Bucket,
    key: &str,
    id: &str,
    condition: &DeleteIf,
) -> Result<Deleted> {
    condition.proved.check(bucket)?;
    let found = index::version_in(tx, bucket, key, id).await?;
    condition.check(key, found.as_ref())?;
    let is_marker = found.as_ref().is_some_and(|version| version.content.is_none());
    if let Some(version) = &found {
        index::remove(tx, bucket, index::free(version, ctx.now(), condition.bypass)?);
        happenings::note(tx, ctx, bucket, What::Delete, version);
    }
    // AWS: removing what is not there succeeds and names the id.
    Ok(Deleted { version_id: Some(id.to_owned()), is_marker })
}

/// Ends the newest version of an object as its bucket's lifecycle wants it: a delete marker, or nothing remains.
pub async fn expire(tx: &Tx, ctx: &Ctx, bucket: &Bucket, key: &str) -> Result<()> {
    let (bypass, proved) = (Bypass::No, Proved::NOTHING);
    let condition = DeleteIf { etag: None, modified: None, size_bytes: None, bypass, proved };
    delete_newest(tx, ctx, bucket, key, &condition, BY_LIFECYCLE).await.map(drop)
}

async fn delete_newest(
    tx: &Tx,
    ctx: &Ctx,
    bucket: &Bucket,
    key: &str,
    condition: &DeleteIf,
    [removed, marked]: [What; 2],
) -> Result<Deleted> {
    let newest = index::newest_in(tx, bucket, key).await?;
    condition.check(key, newest.as_ref())?;
    if bucket.versioning == Versioning::Never {
        if let Some(newest) = &newest {
            index::remove(tx, bucket, index::free(newest, ctx.now(), condition.bypass)?);
            happenings::note(tx, ctx, bucket, removed, newest);
        }
        return Ok(Deleted { version_id: None, is_marker: false });
    }
    let mut marker = Version {
        key: key.to_owned(),
        order: 0,
        id: None,
        modified: crate::objects::put::second(ctx),
        content: None,
        tags: Default::default(),
        acl: None,
        lock: Lock::default(),
        restore: None,
        replication: None,
    };
    index::write(tx, ctx, bucket, newest.as_ref(), &mut marker).await?;
    happenings::note(tx, ctx, bucket, marked, &marker);
    Ok(Deleted { version_id: Some(marker.shown_id().to_owned()), is_marker: true })
}

/// Why DeleteObjects asks for itself.
pub const INSIDE: &str = "each key is asked for, and a denial is the outcome of that key alone";

pub async fn delete_objects(ctx: Ctx, input: api::DeleteObjectsInput) -> Result<api::DeleteObjectsOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let objects = input.delete.objects;
    // AWS: keys of blanks alone are not for directory buckets:
    // <https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-express-differences.html>
    let blanks = open.record.directory.is_some();
    let is_nobody =
        |object: &api::ObjectIdentifier| object.key.is_empty() || blanks && object.key.trim().is_empty();
    if objects.is_empty() || objects.len() > KEYS_MAX || objects.iter().any(is_nobody) {
        // Who may do nothing here learns nothing of the request either.
        ctx.authorize(need(&ctx, &open, "s3:DeleteObject", Some("*"), Vec::new()))?;
        return Err(error::malformed_xml());
    }
    let quiet = input.delete.quiet == Some(true);
    let bypass = Bypass::asked(input.bypass_governance_retention);
    // AWS: without a token, or with a wrong one, the whole request fails:
    // <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>
    let proved = match input.mfa.is_some() || objects.iter().any(|object| object.version_id.is_some()) {
        true => Proved::if_asked(&ctx, &open.record, input.mfa.as_deref()).await?,
        false => Proved::NOTHING,
    };
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for object in objects {
        let (key, id) = (object.key.clone(), object.version_id.clone());
        match delete_one(&ctx, &open, object, bypass, proved).await {
            Ok(one) if quiet => drop(one),
            Ok(one) => deleted.push(api::DeletedObject {
                delete_marker: one.is_marker.then_some(true),
                delete_marker_version_id: one.version_id.filter(|_| one.is_marker),
                key: Some(key),
                version_id: id,
            }),
            Err(error) if error.status >= 500 => errors.push(failed(key, id, &internal(&error))),
            Err(error) => errors.push(failed(key, id, &error)),
        }
    }
    let some = |list: Vec<api::DeletedObject>| (!list.is_empty()).then_some(list);
    Ok(api::DeleteObjectsOutput {
        deleted: some(deleted),
        errors: (!errors.is_empty()).then_some(errors),
        request_charged: None,
    })
}

fn internal(error: &Error) -> Error {
    tracing::error!(%error, "an object of DeleteObjects was not deleted");
    Error::sender("InternalError", "We encountered an internal error. Please try again.")
}

fn failed(key: String, version_id: Option<String>, error: &Error) -> api::Error {
    api::Error {
        key: Some(key),
        version_id,
        code: Some(error.code.to_string()),
        message: Some(error.message.clone()),
    }
}

async fn delete_one(
    ctx: &Ctx,
    open: &Open,
    object: api::ObjectIdentifier,
    bypass: Bypass,
    proved: Proved,
) -> Result<Deleted> {
    let id = object.version_id.as_deref();
    let matches = object.e_tag.as_deref();
    needs(ctx, open, &object.key, id, matches, bypass)
        .into_iter()
        .try_for_each(|need| ctx.authorize(need))?;
    let condition = DeleteIf {
        etag: object.e_tag,
        modified: object.last_modified_time,
        size_bytes: object.size,
        bypass,
        proved,
    };
    delete(ctx, &open.record, &object.key, id, &condition).await
}
