//! Whether lists and bytes of blobs agree: every kept blob is whole, and nothing else takes up room.
//!
//! Invariant: files are listed before the snapshot is taken. A blob is listed as pending before its first byte is
//! written and its bytes go before its record does, so on a running store, too, a file that the snapshot does not know
//! and that is still there is nobody's.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::place::blocking;
use super::{
    BlobId, Blobs, List, Place, chunks, files, garbage_key, kept_key, kept_size, list_prefix, listed_id,
};
use crate::batch::{Batch, Op};
use crate::{Range, Snapshot, Store, StoreError, record};

/// So many rows are read at a time.
const PAGE: usize = 1_000;

/// What was found of the blobs of a store.
pub struct BlobAudit {
    /// Everything as of the moment that the audit is about; the blobs of that moment stay while it lives.
    pub snapshot: Snapshot,
    /// What is kept.
    pub kept: BTreeMap<BlobId, AuditedBlob>,
    /// What takes up room and belongs to no blob.
    pub strays: Vec<Stray>,
}

/// A kept blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditedBlob {
    /// Its size as its record tells.
    pub size_bytes: u64,
    /// What is wrong with its bytes.
    pub fault: Option<String>,
}

/// Bytes that no list names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stray {
    /// A blob's bytes, in files or records.
    Blob(BlobId),
    /// A file among the blobs that has no blob's name. It may be anybody's, so it is not removed.
    File(PathBuf),
    /// An object, or an upload to one, under the cloud's id that has no blob's name. The next start removes what an
    /// earlier load or reset left.
    Object(String),
    /// An unfinished upload to a blob that is not pending.
    Upload {
        /// The blob; it may be whole and kept.
        id: BlobId,
        /// The upload.
        upload: String,
    },
}

impl Blobs {
    /// Reads every kept blob to its end, and looks for what is not kept. Memory: some hundred bytes a blob.
    pub async fn audit(&self) -> Result<BlobAudit, StoreError> {
        let place = Place::of(&self.0);
        let (found, mut strays) = place.list().await?;
        let snapshot = self.0.snapshot().await?;
        let mut known = HashSet::new();
        for list in [b'p', b'g'] {
            known.extend(self::list(&snapshot, list).await?.into_iter().map(|(id, _)| id));
        }
        if let Place::Objects(_, shelf) = &place {
            strays = shelf.still_strays(strays, &known).await?;
        }
        let mut kept = BTreeMap::new();
        for (id, value) in self::list(&snapshot, b'k').await? {
            let size_bytes = kept_size(&value)?;
            let fault = place.fault(id, size_bytes).await?;
            kept.insert(id, AuditedBlob { size_bytes, fault });
        }
        for id in found {
            if !kept.contains_key(&id) && !known.contains(&id) && place.has_bytes(id).await? {
                strays.push(Stray::Blob(id));
            }
        }
        Ok(BlobAudit { snapshot, kept, strays })
    }

    /// Removes a blob that is kept, but to which no record refers.
    pub async fn remove_unreferenced(&self, id: BlobId) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        batch.push_system(Op::delete(kept_key(id)));
        batch.push_system(Op::put(garbage_key(id), record::seal(super::VERSION, b"")));
        self.0.commit(batch).await?;
        self.0.remove_blob(&Place::of(&self.0), id, List::Garbage).await
    }

    /// Removes the bytes of a blob that no list names. Only while nobody writes blobs.
    pub async fn remove_stray(&self, id: BlobId) -> Result<(), StoreError> {
        Place::of(&self.0).remove(id, true).await
    }

    /// Ends an unfinished upload to an object store. Only while nobody writes blobs.
    pub async fn end_upload(&self, id: BlobId, upload: &str) -> Result<(), StoreError> {
        match Place::of(&self.0) {
            Place::Objects(_, shelf) => shelf.abort(id, upload).await,
            Place::Files { .. } | Place::Records(_) => Ok(()),
        }
    }
}

impl Place {
    /// The blobs that have bytes here, and what is no blob's.
    async fn list(&self) -> Result<(Vec<BlobId>, Vec<Stray>), StoreError> {
        match self {
            Place::Files { folder, .. } => {
                let folder = folder.clone();
                blocking("listing blobs", move || listed_files(&folder)).await
            }
            Place::Records(store) => Ok((chunked(store).await?, Vec::new())),
            Place::Objects(_, shelf) => shelf.list().await,
        }
    }

    /// What is wrong with a kept blob. An error is a disk that cannot be read, not a damaged blob.
    async fn fault(&self, id: BlobId, size_bytes: u64) -> Result<Option<String>, StoreError> {
        match self.check(id, size_bytes).await {
            Ok(found) if found == size_bytes => Ok(None),
            Ok(found) => Ok(Some(format!("it has {found} bytes and not {size_bytes}"))),
            Err(StoreError::NoBlob { .. }) => Ok(Some("it is missing".to_owned())),
            Err(StoreError::Corrupt { what }) => Ok(Some(format!("it is damaged: {what}"))),
            Err(other) => Err(other),
        }
    }
}

async fn list(snapshot: &Snapshot, list: u8) -> Result<Vec<(BlobId, bytes::Bytes)>, StoreError> {
    let mut range = Range::prefix(list_prefix(list));
    let mut found = Vec::new();
    loop {
        let page = snapshot.view.scan(&range, PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(found) };
        range = range.after(last.clone());
        for (key, value) in page {
            found.push((listed_id(&key)?, value));
        }
    }
}

/// The blobs that have files, and the files that are no blob's.
fn listed_files(folder: &Path) -> Result<(Vec<BlobId>, Vec<Stray>), StoreError> {
    let (mut ids, mut strays) = (Vec::new(), Vec::new());
    for shelf in entries(&folder.join("blobs"))? {
        if !shelf.is_dir() {
            strays.push(Stray::File(shelf));
            continue;
        }
        sort(entries(&shelf)?, |id, path| files::is_place(folder, id, path), &mut ids, &mut strays);
    }
    sort(entries(&folder.join("uploads"))?, |_, path| path.is_file(), &mut ids, &mut strays);
    Ok((ids, strays))
}

fn sort(
    paths: Vec<PathBuf>,
    fits: impl Fn(BlobId, &Path) -> bool,
    ids: &mut Vec<BlobId>,
    strays: &mut Vec<Stray>,
) {
    for path in paths {
        let id = path.file_name().and_then(|name| BlobId::parse(name.to_str()?));
        match id.filter(|id| fits(*id, &path)) {
            Some(id) => ids.push(id),
            None => strays.push(Stray::File(path)),
        }
    }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let read = |error| StoreError::io_at("reading", folder, error);
    match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(read(error)),
        Ok(found) => found.map(|entry| entry.map(|entry| entry.path()).map_err(read)).collect(),
    }
}

/// The blobs that have chunks: one is read of each.
async fn chunked(store: &Store) -> Result<Vec<BlobId>, StoreError> {
    let mut range = Range::prefix(list_prefix(b'c'));
    let mut found = Vec::new();
    while let Some((key, _)) = store.engine().scan(&range, 1).await?.pop() {
        let id = key.get(..key.len().saturating_sub(4)).map(listed_id).transpose()?;
        let id = id.ok_or_else(|| StoreError::corrupt("a key of a blob"))?;
        range = range.after(chunks::last_key(id));
        found.push(id);
    }
    Ok(found)
}
