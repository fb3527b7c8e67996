//! Snapshot files: everything of a store in one file that any engine can load.
//!
//! The file: magic, format version, cloud; then blocks of records, each with its length and checksum; at the end a
//! count of everything. Invariant: a file has its name only when it is whole and synced, and nothing of a file is
//! loaded for good unless all of it was read and checked.

mod reader;
mod writer;

use std::path::Path;

use crate::blobs::{self, BlobId, ObjectWriter, Shelf, blocking, list_prefix};
use crate::key::SYSTEM;
use crate::{Order, Pair, Range, Snapshot, Store, StoreError};

pub(crate) use reader::{DumpReader, Item};
use writer::DumpWriter;

/// The newest format of a snapshot file that this code reads, and the one that it writes.
pub(crate) const FORMAT_VERSION: u32 = 1;
const MAGIC: &[u8; 16] = b"yakumo-snapshot\n";
/// Blocks are written when they reach this; one large record may exceed it.
const BLOCK_BYTES: usize = 512 * 1024;
/// A reader refuses blocks above this: no record is as large.
const MOST_BLOCK_BYTES: usize = 32 * 1024 * 1024;
/// Pairs read or written at a time.
const PAGE: usize = 1_000;

const PAIR: u8 = 1;
const BLOB: u8 = 2;
const BLOB_DATA: u8 = 3;
const END: u8 = 4;

/// What a snapshot file holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Contents {
    /// Keys, those of the change feed included.
    pub records: u64,
    /// Blobs.
    pub blobs: u64,
    /// Bytes of keys, values and bodies.
    pub bytes: u64,
}

/// What a store is filled with: a file, or nothing, and pairs that come last.
pub(crate) struct Content {
    file: Option<DumpReader>,
    last: Vec<Pair>,
    blob: Option<OpenBlob>,
    /// Blobs are left out: they are on a shelf already.
    without_blobs: bool,
}

/// A blob that is being turned into records: its id, the number of its next chunk, and what is not a chunk yet.
struct OpenBlob {
    id: BlobId,
    next: u32,
    rest: Vec<u8>,
}

impl OpenBlob {
    fn chunks(&mut self, bytes: &[u8]) -> Vec<Pair> {
        let pairs = blobs::chunk_pairs(self.id, self.next, bytes);
        self.next += pairs.len() as u32;
        pairs
    }
}

impl Content {
    pub(crate) fn new(file: Option<DumpReader>, last: Vec<Pair>, without_blobs: bool) -> Content {
        Content { file, last, blob: None, without_blobs }
    }

    /// The next part; `None` at the end. Blocks.
    pub(crate) fn next(&mut self) -> Result<Option<Item>, StoreError> {
        if let Some(file) = &mut self.file {
            while let Some(item) = file.next()? {
                if !self.without_blobs || matches!(item, Item::Pairs(_)) {
                    return Ok(Some(item));
                }
            }
            self.file = None;
        }
        let last = std::mem::take(&mut self.last);
        Ok((!last.is_empty()).then_some(Item::Pairs(last)))
    }

    /// The next pairs, blobs turned into records: for engines without a directory. They may be none in between.
    pub(crate) fn next_pairs(&mut self) -> Result<Option<Vec<Pair>>, StoreError> {
        let mut pairs = Vec::new();
        match self.next()? {
            Some(Item::Pairs(next)) => {
                pairs = self.end_blob();
                pairs.extend(next);
            }
            Some(Item::Blob { id }) => {
                pairs = self.end_blob();
                self.blob = Some(OpenBlob { id, next: 0, rest: Vec::new() });
            }
            Some(Item::BlobData(data)) => {
                let damaged = || StoreError::corrupt("a snapshot file has a body without a blob");
                let blob = self.blob.as_mut().ok_or_else(damaged)?;
                blob.rest.extend_from_slice(&data);
                let whole = blob.rest.len() - blob.rest.len() % blobs::CHUNK_BYTES;
                if whole > 0 {
                    let rest = blob.rest.split_off(whole);
                    let chunks = std::mem::replace(&mut blob.rest, rest);
                    pairs = blob.chunks(&chunks);
                }
            }
            None => {
                pairs = self.end_blob();
                if pairs.is_empty() {
                    return Ok(None);
                }
            }
        }
        Ok(Some(pairs))
    }

    fn end_blob(&mut self) -> Vec<Pair> {
        let Some(mut blob) = self.blob.take() else { return Vec::new() };
        let rest = std::mem::take(&mut blob.rest);
        blob.chunks(&rest)
    }
}

impl Store {
    /// Writes a snapshot file: every record, the change feed and every blob, as of one moment.
    ///
    /// The file appears under its name when it is whole and synced; a file that is there is replaced. Commits go on
    /// meanwhile.
    pub async fn save(&self, to: &Path) -> Result<Contents, StoreError> {
        self.save_as_of(&self.snapshot().await?, to).await
    }

    /// The same as of the moment of a snapshot that was taken before.
    pub async fn save_as_of(&self, snapshot: &Snapshot, to: &Path) -> Result<Contents, StoreError> {
        let mut writer = DumpWriter::create(to, self.cloud()).await?;
        let mut range = Range::whole();
        loop {
            let page = snapshot.view.scan(&range, PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            range = Range::whole().after(last.clone());
            for (key, value) in &page {
                if belongs_into_file(key) {
                    writer.pair(key, value).await?;
                }
            }
        }
        self.save_blobs(snapshot, &mut writer).await?;
        writer.finish().await
    }

    async fn save_blobs(&self, snapshot: &Snapshot, writer: &mut DumpWriter) -> Result<(), StoreError> {
        use futures_util::TryStreamExt;
        let kept = Range::prefix(list_prefix(b'k'));
        let mut range = kept.clone();
        loop {
            let page = snapshot.view.scan(&range, PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            range = kept.clone().after(last.clone());
            for (key, value) in &page {
                let id = blobs::listed_id(key)?;
                writer.blob(id).await?;
                let size_bytes = blobs::kept_size(value)?;
                let mut body = std::pin::pin!(self.blobs().open(id).await?.stream(0..size_bytes));
                while let Some(piece) = body.try_next().await? {
                    writer.blob_data(&piece).await?;
                }
            }
        }
    }

    /// Replaces everything with what a snapshot file holds. The cloud keeps its id; snapshots taken before are lost.
    ///
    /// Errors: [`StoreError::Corrupt`] when the file is damaged or cut short, [`StoreError::NewerFormat`]; the old
    /// content stays then. So it does when the process is killed before the end.
    pub async fn load(&self, from: &Path) -> Result<Contents, StoreError> {
        self.load_with(from, Vec::new()).await
    }

    /// The same, and these pairs beside what the file holds, or in its place: there are no others at any moment.
    pub async fn load_with(&self, from: &Path, more: Vec<Pair>) -> Result<Contents, StoreError> {
        let path = from.to_path_buf();
        let read = tokio::task::spawn_blocking(move || DumpReader::check(&path));
        let (contents, order) =
            read.await.map_err(|error| StoreError::engine("reading a snapshot", error))??;
        self.replace(Some(from), order, more).await?;
        Ok(contents)
    }

    /// Removes everything: keys, feed and blobs. Snapshots taken before are lost.
    pub async fn reset(&self) -> Result<(), StoreError> {
        self.reset_to(Vec::new()).await
    }

    /// The same, and then there are only these pairs.
    pub async fn reset_to(&self, pairs: Vec<Pair>) -> Result<(), StoreError> {
        self.replace(None, Order::FIRST, pairs).await
    }

    async fn replace(
        &self,
        from: Option<&Path>,
        saved: Order,
        mut last: Vec<Pair>,
    ) -> Result<(), StoreError> {
        let Some(bodies) = self.bodies() else { return self.replace_content(from, saved, last, false).await };
        let name = blobs::new_shelf()?;
        let replaced = async {
            if let Some(from) = from {
                fill(bodies.shelf_named(name.clone()), open(from).await?).await?;
            }
            last.push(bodies.record(&name)?);
            self.replace_content(from, saved, last, true).await
        };
        let replaced = replaced.await;
        if matches!(replaced, Err(StoreError::NotOwner)) {
            return replaced;
        }
        // What goes now is the old shelf, or what there is of the new one: the records know, whatever went wrong.
        let swept = async {
            bodies.follow(self).await?;
            bodies.sweep(false).await
        };
        if let Err(error) = swept.await {
            tracing::warn!(%error, "bodies that nobody needs stay until the next start");
        }
        replaced
    }

    /// Replaces the records, and the blobs when they are with them. `last` comes after what the file holds.
    async fn replace_content(
        &self,
        from: Option<&Path>,
        saved: Order,
        mut last: Vec<Pair>,
        without_blobs: bool,
    ) -> Result<(), StoreError> {
        let file = match from {
            Some(from) => Some(open(from).await?),
            None => None,
        };
        let hold = self.committer().hold().await;
        // The order goes on above everything that was here and everything that comes.
        last.push(self.committer().ceiling_above(saved));
        // Before and after: what was discarded may come back with the file, and then it stays.
        self.garbage().forget();
        self.engine().replace(Content::new(file, last, without_blobs)).await?;
        self.garbage().forget();
        self.committer().restart().await?;
        drop(hold);
        Ok(())
    }
}

async fn open(path: &Path) -> Result<DumpReader, StoreError> {
    let path = path.to_path_buf();
    blocking("reading a snapshot", move || DumpReader::open(&path)).await
}

/// Puts the blobs of a file on a shelf that nobody uses yet.
async fn fill(shelf: Shelf, mut file: DumpReader) -> Result<(), StoreError> {
    let mut writer: Option<ObjectWriter> = None;
    loop {
        let read = blocking("reading a snapshot", move || file.next().map(|item| (file, item)));
        let (rest, item) = read.await?;
        file = rest;
        match item {
            Some(Item::Pairs(_)) => {}
            Some(Item::Blob { id }) => {
                if let Some(mut before) = writer.replace(ObjectWriter::new(shelf.clone(), id)) {
                    before.finish().await?;
                }
            }
            Some(Item::BlobData(data)) => {
                let damaged = || StoreError::corrupt("a snapshot file has a body without a blob");
                writer.as_mut().ok_or_else(damaged)?.write(data).await?;
            }
            None => break,
        }
    }
    match &mut writer {
        Some(writer) => writer.finish().await,
        None => Ok(()),
    }
}

/// Everything but what describes the blobs of this engine and this moment; blobs are written in their own way.
fn belongs_into_file(key: &[u8]) -> bool {
    let blob_record = key.starts_with(&[SYSTEM, b'b']);
    !blob_record || key.starts_with(&list_prefix(b'k'))
}
