//! Where the bodies of a store are: remembered in its records, checked at every open.
//!
//! Invariant: bodies are never looked for where they are not. A bucket of the same name elsewhere, or one that was
//! emptied, has not the mark of the cloud and is refused.

use std::sync::Arc;

use bytes::Bytes;
use object_store::{ObjectStoreExt, PutPayload};
use serde::{Deserialize, Serialize};

use super::{Bodies, MARK, away, new_shelf};
use crate::batch::{Batch, Op};
use crate::blobs::list_prefix;
use crate::key::SYSTEM;
use crate::{Bucket, Config, Range, Store, StoreError, record};

const VERSION: u8 = 1;

/// What a store's record says of its bodies.
#[derive(Serialize, Deserialize)]
struct Kept {
    bucket: Bucket,
    shelf: String,
}

fn key() -> Bytes {
    Bytes::from_static(&[SYSTEM, b'b', b's'])
}

impl Kept {
    fn read(value: &[u8]) -> Result<Kept, StoreError> {
        let (_, json) = record::unseal("where bodies are", VERSION, value)?;
        serde_json::from_slice(json)
            .map_err(|error| StoreError::corrupt(format!("where bodies are: {error}")))
    }
}

impl Bodies {
    /// The record that says that bodies are on this shelf.
    pub(crate) fn record(&self, shelf: &str) -> Result<(Bytes, Bytes), StoreError> {
        let kept = Kept { bucket: self.bucket.clone(), shelf: shelf.to_owned() };
        let json =
            serde_json::to_vec(&kept).map_err(|error| StoreError::engine("writing a record", error))?;
        Ok((key(), record::seal(VERSION, &json)))
    }
}

/// Finds out where the bodies of a store are, and whether they can be had. `None`: with the records.
pub(crate) async fn settle(store: &Store, config: &Config) -> Result<Option<Arc<Bodies>>, StoreError> {
    let known = store.engine().get(&key()).await?.map(|value| Kept::read(&value)).transpose()?;
    let (bucket, shelf) = match (config.bodies.clone(), &known) {
        (None, None) => return Ok(None),
        (None, Some(kept)) => (kept.bucket.clone(), Some(kept.shelf.as_str().into())),
        (Some(asked), Some(kept)) if asked.is_same(&kept.bucket) => {
            let endpoint = asked.endpoint.or_else(|| kept.bucket.endpoint.clone());
            let region = asked.region.or_else(|| kept.bucket.region.clone());
            (Bucket { endpoint, region, ..kept.bucket.clone() }, Some(kept.shelf.as_str().into()))
        }
        (Some(asked), Some(kept)) => {
            let why = format!("the bodies of this cloud are kept in {}, not in {asked}", kept.bucket);
            return Err(StoreError::OtherBodies { why });
        }
        (Some(asked), None) => {
            if !store.engine().scan(&Range::prefix(list_prefix(b'k')), 1).await?.is_empty() {
                let why = format!(
                    "this cloud keeps bodies with its records, not in {asked}: start without that, or save a snapshot \
                     and load it in a new cloud whose bodies are kept there"
                );
                return Err(StoreError::OtherBodies { why });
            }
            (found_by_environment(asked), None)
        }
    };
    let is_new = shelf.is_none();
    let shelf = shelf.map_or_else(new_shelf, Ok)?;
    let bodies = open(config, bucket, store.cloud(), shelf.clone())?;
    if is_new {
        bodies.make_mark().await?;
    }
    bodies.find_mark().await?;
    if is_new || known.is_some_and(|kept| kept.bucket != bodies.bucket) {
        let (key, value) = bodies.record(&shelf)?;
        let mut batch = Batch::new();
        batch.push_system(Op::put(key, value));
        store.commit(batch).await?;
    }
    Ok(Some(Arc::new(bodies)))
}

/// The endpoint and the region that the environment names for AWS's own tools, where nothing else did. From now on the
/// store remembers them.
fn found_by_environment(bucket: Bucket) -> Bucket {
    let first = |names: [&str; 2]| {
        names.iter().find_map(|name| std::env::var(name).ok().filter(|text| !text.is_empty()))
    };
    let Bucket { endpoint, region, .. } = bucket.clone();
    let endpoint = endpoint.or_else(|| first(["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]));
    let region = region.or_else(|| first(["AWS_REGION", "AWS_DEFAULT_REGION"]));
    Bucket { endpoint, region, ..bucket }
}

fn open(
    config: &Config,
    bucket: Bucket,
    cloud: crate::CloudId,
    shelf: Arc<str>,
) -> Result<Bodies, StoreError> {
    match &config.bodies_in_memory {
        Some(objects) => Ok(Bodies::new(objects.clone(), None, bucket, cloud, shelf)),
        None => Bodies::open(bucket, cloud, shelf),
    }
}

impl Bodies {
    /// Makes the shelf of the records the present one: they were replaced.
    pub(crate) async fn follow(&self, store: &Store) -> Result<(), StoreError> {
        let value = store.engine().get(&key()).await?;
        let value = value.ok_or_else(|| StoreError::corrupt("there is no record of where bodies are"))?;
        *self.shelf.lock() = Kept::read(&value)?.shelf.into();
        Ok(())
    }

    /// Claims the place for this cloud, and tries what it will need.
    async fn make_mark(&self) -> Result<(), StoreError> {
        let mark = self.root.clone().join(MARK);
        let text = format!("The bodies of the yakumo cloud below are kept here.\n{}\n", self.root);
        let put = self.objects.put(&mark, PutPayload::from(text)).await;
        put.map_err(|error| self.refused("s3:PutObject", &error))?;
        // What is not there can be removed by whoever may remove.
        match self.objects.delete(&self.root.clone().join("probe")).await {
            Err(error) if !away::is_missing(&error) => return Err(self.refused("s3:DeleteObject", &error)),
            _ => {}
        }
        let listed = self.objects.list_with_delimiter(Some(&self.root)).await;
        listed.map_err(|error| self.refused("s3:ListBucket", &error))?;
        match self.uploads(&format!("{}/", self.root)).await {
            Err(StoreError::Away { error, .. }) => {
                let error = object_store::Error::Generic { store: "S3", source: Box::new(error) };
                Err(self.refused("s3:ListBucketMultipartUploads", &error))
            }
            other => other.map(drop),
        }
    }

    async fn find_mark(&self) -> Result<(), StoreError> {
        let mark = self.root.clone().join(MARK);
        let got = match self.objects.get(&mark).await {
            Ok(got) => got.bytes().await,
            Err(error) => Err(error),
        };
        match got {
            Ok(_) => Ok(()),
            Err(error) if away::is_missing(&error) => Err(unusable(
                &self.bucket,
                format!("there is no {mark} in it: it is another bucket of that name, or it was emptied"),
            )),
            Err(error) => Err(self.refused("s3:GetObject", &error)),
        }
    }

    /// What a start has to say when the object store does not do something.
    fn refused(&self, action: &str, error: &object_store::Error) -> StoreError {
        let Bucket { name, prefix, endpoint, .. } = &self.bucket;
        let words = away::words(error);
        let all = error.to_string();
        let why = if all.contains("NoSuchBucket") {
            let endpoint = endpoint.as_ref().map(|url| format!(" --endpoint-url {url}")).unwrap_or_default();
            format!("there is no such bucket ({words}): make it with `aws{endpoint} s3 mb s3://{name}`")
        } else if all.contains("status code: 403") || all.contains("status code: 401") {
            let keys = if prefix.is_empty() { "*".to_owned() } else { format!("{prefix}/*") };
            format!(
                "{action} was denied ({words}): the credentials in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY need \
                 s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload on {name}/{keys}, and \
                 s3:ListBucket and s3:ListBucketMultipartUploads on {name}"
            )
        } else if std::env::var_os("AWS_ACCESS_KEY_ID").is_none() && all.contains("169.254.") {
            "there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY".to_owned()
        } else {
            format!("{action} failed: {words}")
        };
        unusable(&self.bucket, why)
    }
}

/// The error of a start without its bodies.
pub(super) fn unusable(bucket: &Bucket, why: String) -> StoreError {
    StoreError::NoBodies { bucket: bucket.to_string(), why }
}
