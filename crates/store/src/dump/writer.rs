//! Writes a snapshot file under a temporary name.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{BLOB, BLOB_DATA, BLOCK_BYTES, Contents, END, FORMAT_VERSION, MAGIC, PAIR};
use crate::blobs::BlobId;
use crate::{CloudId, StoreError};

/// A snapshot file in the making; dropped before its end it is removed.
pub(crate) struct DumpWriter {
    file: Option<File>,
    path: PathBuf,
    temporary: PathBuf,
    block: Vec<u8>,
    contents: Contents,
}

impl DumpWriter {
    pub(crate) async fn create(path: &Path, cloud: CloudId) -> Result<DumpWriter, StoreError> {
        let mut name = path.as_os_str().to_owned();
        name.push(".part");
        let temporary = PathBuf::from(name);
        let file =
            File::create(&temporary).map_err(|error| StoreError::io_at("creating", &temporary, error))?;
        let mut writer = DumpWriter {
            file: Some(file),
            path: path.to_path_buf(),
            temporary,
            block: Vec::new(),
            contents: Contents::default(),
        };
        let mut header = MAGIC.to_vec();
        header.extend_from_slice(&FORMAT_VERSION.to_be_bytes());
        header.extend_from_slice(cloud.as_str().as_bytes());
        writer.on_file(move |file| file.write_all(&header)).await?;
        Ok(writer)
    }

    pub(crate) async fn pair(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.block.push(PAIR);
        self.bytes(key);
        self.bytes(value);
        self.contents.records += 1;
        self.contents.bytes += (key.len() + value.len()) as u64;
        self.maybe_write().await
    }

    pub(crate) async fn blob(&mut self, id: BlobId) -> Result<(), StoreError> {
        self.block.push(BLOB);
        self.block.extend_from_slice(id.as_bytes());
        self.contents.blobs += 1;
        self.maybe_write().await
    }

    pub(crate) async fn blob_data(&mut self, data: &[u8]) -> Result<(), StoreError> {
        self.block.push(BLOB_DATA);
        self.bytes(data);
        self.contents.bytes += data.len() as u64;
        self.maybe_write().await
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.block.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
        self.block.extend_from_slice(bytes);
    }

    async fn maybe_write(&mut self) -> Result<(), StoreError> {
        if self.block.len() >= BLOCK_BYTES { self.write_block().await } else { Ok(()) }
    }

    async fn write_block(&mut self) -> Result<(), StoreError> {
        let block = std::mem::take(&mut self.block);
        self.on_file(move |file| {
            file.write_all(&(block.len() as u32).to_be_bytes())?;
            file.write_all(&crc32fast::hash(&block).to_be_bytes())?;
            file.write_all(&block)
        })
        .await
    }

    /// Writes the end, syncs, and gives the file its name.
    pub(crate) async fn finish(mut self) -> Result<Contents, StoreError> {
        self.block.push(END);
        for count in [self.contents.records, self.contents.blobs, self.contents.bytes] {
            self.block.extend_from_slice(&count.to_be_bytes());
        }
        self.write_block().await?;
        let (temporary, path) = (self.temporary.clone(), self.path.clone());
        self.on_file(move |file| {
            file.sync_all()?;
            std::fs::rename(&temporary, &path)?;
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
        })
        .await?;
        self.file = None;
        Ok(self.contents)
    }

    /// Works on the file off the async workers.
    async fn on_file(
        &mut self,
        work: impl FnOnce(&mut File) -> std::io::Result<()> + Send + 'static,
    ) -> Result<(), StoreError> {
        let Some(mut file) = self.file.take() else { return Err(StoreError::Closed) };
        let done = tokio::task::spawn_blocking(move || work(&mut file).map(|()| file));
        let done = done.await.map_err(|error| StoreError::engine("writing a snapshot", error))?;
        self.file = Some(done.map_err(|error| StoreError::io_at("writing", &self.temporary, error))?);
        Ok(())
    }
}

impl Drop for DumpWriter {
    fn drop(&mut self) {
        // After the end the temporary name is gone.
        let _ = std::fs::remove_file(&self.temporary);
    }
}
