//! Inventories are made and delivered when a day of the cloud's clock begins.
//!
//! Invariant: the manifest comes last, so that whoever sees it finds all files that it names. A day's list is tried until
//! it is delivered or refused by the destination bucket.

use crate::bodies::hex;
use crate::inventories::rows;
use crate::registry::Registry;
use crate::state::inventory::{Inventory, day_of};
use crate::state::version::rows_under;
use crate::state::{Bucket, Version, scope};
use md5::{Digest, Md5};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use yakumo_api_s3 as api;
use yakumo_aws::{Error, Result, Timestamp};
use yakumo_room::store::Range;
use yakumo_room::{ByteStream, Caller, Reconciler, Record, Resource, World};

/// The name of the reconciler.
const NAME: &str = "s3.inventories";
const SERVICE: &str = "s3.amazonaws.com";

/// How many rows are read at a time.
const PAGE: usize = 500;
/// How many bytes a file has before it is packed, and a little more.
const FILE_BYTES: usize = 16 << 20;

/// Makes the lists of all buckets.
pub fn reconciler(registry: Arc<Registry>) -> Reconciler {
    Reconciler::new(NAME, Duration::from_secs(2), move |world| run(world, registry.clone()))
}

async fn run(world: Arc<World>, registry: Arc<Registry>) -> Result<()> {
    let mut range = Range::prefix(scope().key(Inventory::TABLE).build());
    loop {
        let found = world.base.store.scan(range.clone(), PAGE).await?;
        for (_, bytes) in &found {
            let inventory = Inventory::from_bytes(bytes).map_err(Error::internal)?;
            if inventory.is_due(world.base.clock.now()) && !world.base.is_stopping() {
                deliver(&world, &registry, inventory).await?;
            }
        }
        match found.last() {
            Some((key, _)) if found.len() == PAGE => range = range.after(key.clone()),
            _ => return Ok(()),
        }
    }
}

/// Makes and delivers one list.
async fn deliver(world: &Arc<World>, registry: &Registry, inventory: Inventory) -> Result<()> {
    let now = world.base.clock.now();
    let open = match registry.bucket(&inventory.bucket).await {
        Ok(open) if open.record.id == inventory.bucket_id => open,
        Ok(_) => return Ok(()),
        Err(error) if error.code == "NoSuchBucket" => return Ok(()),
        Err(error) => return Err(error),
    };
    let list = List { world, bucket: &open.record, inventory: &inventory, now };
    match list.deliver().await {
        Err(error) if error.status >= 500 => return Err(error),
        Err(error) => {
            let (bucket, id) = (&inventory.bucket, &inventory.id);
            tracing::warn!(%error, bucket, id, "an inventory was refused by its destination");
        }
        Ok(()) => {}
    }
    note(world, &inventory, now).await
}

/// Notes the day, in the configuration as it is now, if it is still there.
async fn note(world: &World, inventory: &Inventory, now: Timestamp) -> Result<()> {
    let row = inventory.row();
    world
        .base
        .store
        .transact(async |tx| {
            if let Some(bytes) = tx.get(&row).await? {
                let mut stored = Inventory::from_bytes(&bytes).map_err(Error::internal)?;
                stored.delivered = Some(day_of(now));
                tx.put(row.clone(), stored.to_bytes());
            }
            Ok::<_, Error>(())
        })
        .await
}

/// A list in the making.
struct List<'a> {
    world: &'a Arc<World>,
    bucket: &'a Bucket,
    inventory: &'a Inventory,
    now: Timestamp,
}

/// A file of a list, as the manifest names it.
#[derive(Serialize)]
struct File {
    key: String,
    size: usize,
    #[serde(rename = "MD5checksum")]
    md5: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    source_bucket: &'a str,
    destination_bucket: String,
    version: &'static str,
    creation_timestamp: String,
    file_format: &'static str,
    file_schema: String,
    files: &'a [File],
}

impl List<'_> {
    /// `PREFIX/BUCKET/ID`
    fn place(&self) -> String {
        let place = format!("{}/{}", self.bucket.name, self.inventory.id);
        match &self.inventory.place {
            Some(prefix) => format!("{}/{place}", prefix.trim_end_matches('/')),
            None => place,
        }
    }

    async fn deliver(&self) -> Result<()> {
        let files = self.files().await?;
        // `2016-11-06T21:32:00Z`
        let at = self.now.to_date_time().replace(':', "-");
        let minute = at.get(..16).unwrap_or_default();
        let destination = &self.inventory.destination;
        let links: Vec<_> = files.iter().map(|file| format!("s3://{destination}/{}", file.key)).collect();
        let hive = minute.replace('T', "-");
        let place = self.place();
        self.put(format!("{place}/hive/dt={hive}/symlink.txt"), links.join("\n").into_bytes()).await?;
        let manifest = Manifest {
            source_bucket: &self.bucket.name,
            destination_bucket: format!("arn:{}:s3:::{destination}", self.bucket.region.partition().as_str()),
            version: "2016-11-30",
            creation_timestamp: self.now.as_millis().to_string(),
            file_format: "CSV",
            file_schema: rows::schema(self.inventory),
            files: &files,
        };
        let manifest = serde_json::to_vec_pretty(&manifest).map_err(Error::internal)?;
        let sum = hex(&Md5::digest(&manifest));
        self.put(format!("{place}/{minute}Z/manifest.json"), manifest).await?;
        self.put(format!("{place}/{minute}Z/manifest.checksum"), sum.into_bytes()).await
    }

    /// Writes all versions that are listed into files.
    async fn files(&self) -> Result<Vec<File>> {
        let prefix = self.inventory.prefix.as_deref().unwrap_or_default();
        let mut range = Range::prefix(rows_under(&self.bucket.id, prefix));
        let (mut files, mut text, mut last) = (Vec::new(), String::new(), None::<String>);
        loop {
            let found = self.world.base.store.scan(range.clone(), PAGE).await?;
            for (_, bytes) in &found {
                let version = Version::from_bytes(bytes).map_err(Error::internal)?;
                // The newest version of a key stands first.
                let is_latest = last.as_ref() != Some(&version.key);
                if self.inventory.all_versions || is_latest && version.content.is_some() {
                    text.push_str(&rows::row(self.inventory, self.bucket, &version, is_latest));
                }
                last = Some(version.key);
                if text.len() >= FILE_BYTES {
                    files.push(self.file(&std::mem::take(&mut text)).await?);
                }
            }
            match found.last() {
                Some((key, _)) if found.len() == PAGE => range = range.after(key.clone()),
                _ => break,
            }
        }
        // An empty bucket has a list, too: an empty one.
        if !text.is_empty() || files.is_empty() {
            files.push(self.file(&text).await?);
        }
        Ok(files)
    }

    async fn file(&self, text: &str) -> Result<File> {
        let bytes = yakumo_checksum::gzip(text.as_bytes());
        let key = format!("{}/data/{}.csv.gz", self.place(), self.world.base.ids.uuid());
        let file = File { key: key.clone(), size: bytes.len(), md5: hex(&Md5::digest(&bytes)) };
        self.put(key, bytes).await?;
        Ok(file)
    }

    async fn put(&self, key: String, bytes: Vec<u8>) -> Result<()> {
        let caller = Arc::new(Caller::service(SERVICE, &self.bucket.arn(), self.bucket.owner));
        let input = api::PutObjectInput {
            bucket: self.inventory.destination.clone(),
            key,
            // AWS: the policy that AWS shows for destination buckets asks for it:
            // <https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html>
            acl: Some("bucket-owner-full-control".to_owned()),
            body: ByteStream::from_bytes(bytes.into()),
            expected_bucket_owner: self.inventory.account.map(|account| account.to_string()),
            ..Default::default()
        };
        self.world.call(api::PutObject, caller, self.bucket.region, input).await.map(drop)
    }
}
