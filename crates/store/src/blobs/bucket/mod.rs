//! Blobs as objects: one object for each, under `PREFIX/CLOUD/SHELF/`, each in the form of `blocks`.
//!
//! A shelf is what a generation is in a data directory: a load or a reset begins a new one, and whatever is not on the
//! present shelf is removed afterwards, or at the next start. Invariants: an object is whole or not there (one PUT, or a
//! completed multipart upload); the store's records say which shelf is the present one; only the owner of a cloud
//! writes under its id.

mod away;
mod kept;
mod reading;
mod uploads;
mod wire;
mod writing;

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{BackoffConfig, GetOptions, GetRange, ObjectStore, ObjectStoreExt, RetryConfig};
use parking_lot::Mutex;

use super::BlobId;
use super::audit::Stray;
use crate::cloud::random_bytes;
use crate::{Bucket, CloudId, StoreError};

pub(crate) use kept::settle;
pub(crate) use reading::ObjectReader;
use wire::Connector;
pub(crate) use writing::ObjectWriter;

/// The object that says whose bodies are under a cloud's id.
const MARK: &str = "cloud";
/// A request is tried again for so long; then whoever wanted it hears that the object store is away.
const RETRY: RetryConfig = RetryConfig {
    backoff: BackoffConfig {
        init_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_secs(2),
        base: 2.0,
    },
    max_retries: 5,
    retry_timeout: Duration::from_secs(10),
};

/// The bodies of one cloud in a bucket.
pub(crate) struct Bodies {
    objects: Arc<dyn ObjectStore>,
    /// The same, for what only S3 has: unfinished uploads. Tests keep bodies in memory.
    s3: Option<Arc<AmazonS3>>,
    bucket: Bucket,
    /// `PREFIX/CLOUD`.
    root: Path,
    shelf: Mutex<Arc<str>>,
    opened: Instant,
    /// When a warning was given, in seconds after the opening and a little.
    warned_s: AtomicU64,
}

/// One shelf of a cloud's bodies.
#[derive(Clone)]
pub(crate) struct Shelf {
    pub(super) bodies: Arc<Bodies>,
    name: Arc<str>,
}

/// What of the environment is about credentials and the region. Where the object store is, the store knows.
const VARIABLES: [&str; 11] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

fn credentials(builder: AmazonS3Builder) -> AmazonS3Builder {
    VARIABLES.iter().fold(builder, |builder, name| {
        let value = std::env::var(name).ok().filter(|value| !value.is_empty());
        match (value, name.to_ascii_lowercase().parse()) {
            (Some(value), Ok(key)) => builder.with_config(key, value),
            _ => builder,
        }
    })
}

/// A name for a new shelf.
pub(crate) fn new_shelf() -> Result<Arc<str>, StoreError> {
    Ok(format!("{:016x}", u64::from_be_bytes(random_bytes()?)).into())
}

impl Bodies {
    /// Prepares to use a bucket; nothing is asked of it yet. Credentials are those of the environment, as AWS's tools read
    /// it: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, a container's or an instance's role.
    fn open(bucket: Bucket, cloud: CloudId, shelf: Arc<str>) -> Result<Bodies, StoreError> {
        let mut builder = credentials(AmazonS3Builder::new())
            .with_bucket_name(&bucket.name)
            .with_virtual_hosted_style_request(false)
            .with_conditional_put(object_store::aws::S3ConditionalPut::Disabled)
            .with_disable_tagging(true)
            .with_retry(RETRY)
            .with_http_connector(Connector);
        // Not every object store takes many deletes in one request.
        builder = builder.with_disable_bulk_delete(true);
        if let Some(endpoint) = &bucket.endpoint {
            builder = builder
                .with_config(object_store::aws::AmazonS3ConfigKey::S3Endpoint, endpoint)
                .with_allow_http(endpoint.starts_with("http://"));
        }
        if let Some(region) = &bucket.region {
            builder = builder.with_region(region);
        }
        let s3 = builder.build().map_err(|error| kept::unusable(&bucket, error.to_string()))?;
        let s3 = Arc::new(s3);
        Ok(Bodies::new(s3.clone(), Some(s3), bucket, cloud, shelf))
    }

    fn new(
        objects: Arc<dyn ObjectStore>,
        s3: Option<Arc<AmazonS3>>,
        bucket: Bucket,
        cloud: CloudId,
        shelf: Arc<str>,
    ) -> Bodies {
        let root = Path::from(bucket.prefix.as_str()).join(cloud.as_str());
        let (opened, warned_s) = (Instant::now(), AtomicU64::new(0));
        Bodies { objects, s3, bucket, root, shelf: Mutex::new(shelf), opened, warned_s }
    }

    /// The present shelf.
    pub(crate) fn shelf(self: &Arc<Bodies>) -> Shelf {
        self.shelf_named(self.shelf.lock().clone())
    }

    pub(crate) fn shelf_named(self: &Arc<Bodies>, name: Arc<str>) -> Shelf {
        Shelf { bodies: self.clone(), name }
    }

    /// The bucket.
    pub(crate) fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// Removes what is under the cloud's id and not on the present shelf, and unfinished uploads there; with `all`,
    /// unfinished uploads of the present shelf, too: nobody writes.
    pub(crate) async fn sweep(self: &Arc<Bodies>, all: bool) -> Result<(), StoreError> {
        let present = self.shelf();
        let failed = |error| self.away("removing what is on no shelf", error);
        for upload in self.uploads(&format!("{}/", self.root)).await? {
            if all || present.id(&upload.key).is_none() {
                self.abort(&upload).await?;
            }
        }
        let found = self.objects.list_with_delimiter(Some(&self.root)).await.map_err(failed)?;
        for shelf in found.common_prefixes.into_iter().filter(|shelf| *shelf != present.folder()) {
            let listed = self.objects.list(Some(&shelf)).map_ok(|object| object.location).boxed();
            self.objects.delete_stream(listed).try_for_each(|_| async { Ok(()) }).await.map_err(failed)?;
        }
        Ok(())
    }

    /// A range of an object; what is beyond its end is left out. `None` when there is no such object.
    async fn get(&self, path: &Path, range: Range<u64>) -> Result<Option<Bytes>, StoreError> {
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let got = match self.objects.get_opts(path, options).await {
            Ok(got) => got.bytes().await,
            Err(error) => Err(error),
        };
        match got {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if away::is_missing(&error) => Ok(None),
            // The object is shorter than the range's beginning.
            Err(error) if away::is_beyond_the_end(&error) => Ok(Some(Bytes::new())),
            Err(error) => Err(self.away("reading a body", error)),
        }
    }
}

impl Shelf {
    /// Whether this is still the present one.
    pub(crate) fn is_current(&self) -> bool {
        *self.bodies.shelf.lock() == self.name
    }

    fn folder(&self) -> Path {
        self.bodies.root.clone().join(self.name.as_ref())
    }

    fn path(&self, id: BlobId) -> Path {
        self.folder().join(id.to_string())
    }

    /// The blob whose bytes are under a key of this shelf.
    fn id(&self, key: &str) -> Option<BlobId> {
        let name = key.strip_prefix(self.folder().as_ref())?.strip_prefix('/')?;
        BlobId::parse(name).filter(|id| id.to_string() == name)
    }

    /// What lies under the cloud's id: ids of blobs on the present shelf, and what is nobody's.
    pub(crate) async fn list(&self) -> Result<(Vec<BlobId>, Vec<Stray>), StoreError> {
        let (bodies, present) = (&self.bodies, self);
        let (mut ids, mut strays) = (Vec::new(), Vec::new());
        let uploads = bodies.uploads(&format!("{}/", bodies.root)).await?;
        let mut objects = bodies.objects.list(Some(&bodies.root));
        let mark = bodies.root.clone().join(MARK);
        while let Some(object) =
            objects.try_next().await.map_err(|error| bodies.away("listing bodies", error))?
        {
            match present.id(object.location.as_ref()) {
                Some(id) => ids.push(id),
                None if object.location == mark => {}
                None => {
                    strays.push(Stray::Object(format!("s3://{}/{}", bodies.bucket.name, object.location)))
                }
            }
        }
        for upload in uploads {
            match present.id(&upload.key) {
                Some(id) => strays.push(Stray::Upload { id, upload: upload.id }),
                None => strays
                    .push(Stray::Object(format!("an upload to s3://{}/{}", bodies.bucket.name, upload.key))),
            }
        }
        Ok((ids, strays))
    }

    /// Leaves out uploads to blobs that were pending or are going, and those that have ended since they were listed.
    pub(crate) async fn still_strays(
        &self,
        found: Vec<Stray>,
        known: &HashSet<BlobId>,
    ) -> Result<Vec<Stray>, StoreError> {
        let mut strays = Vec::new();
        for stray in found {
            if let Stray::Upload { id, upload } = &stray {
                let now = match known.contains(id) {
                    true => Vec::new(),
                    false => self.bodies.uploads(self.path(*id).as_ref()).await?,
                };
                if !now.iter().any(|one| one.id == *upload) {
                    continue;
                }
            }
            strays.push(stray);
        }
        Ok(strays)
    }

    /// Whether there are bytes of a blob, finished or not.
    pub(crate) async fn has_bytes(&self, id: BlobId) -> Result<bool, StoreError> {
        let path = self.path(id);
        match self.bodies.objects.head(&path).await {
            Ok(_) => Ok(true),
            Err(error) if away::is_missing(&error) => {
                Ok(!self.bodies.uploads(path.as_ref()).await?.is_empty())
            }
            Err(error) => Err(self.bodies.away("looking for a body", error)),
        }
    }

    /// Removes a blob's object; with `unfinished`, its uploads, too. There need not be any.
    pub(crate) async fn remove(&self, id: BlobId, unfinished: bool) -> Result<(), StoreError> {
        let path = self.path(id);
        if unfinished {
            for upload in self.bodies.uploads(path.as_ref()).await? {
                self.bodies.abort(&upload).await?;
            }
        }
        match self.bodies.objects.delete(&path).await {
            Err(error) if !away::is_missing(&error) => Err(self.bodies.away("removing a body", error)),
            _ => Ok(()),
        }
    }

    /// Ends one unfinished upload.
    pub(crate) async fn abort(&self, id: BlobId, upload: &str) -> Result<(), StoreError> {
        let upload = uploads::Upload { key: self.path(id).to_string(), id: upload.to_owned() };
        self.bodies.abort(&upload).await
    }

    /// Reads an object to its end and checks every block. Answers the size of the body.
    pub(crate) async fn check(&self, id: BlobId, size_bytes: u64) -> Result<u64, StoreError> {
        let (reader, _) = ObjectReader::open(self.clone(), id, Some(size_bytes), None).await?;
        let mut at = 0;
        while at < reader.size_bytes() {
            at += reader.read(at..reader.size_bytes()).await?.len() as u64;
        }
        Ok(at)
    }
}
