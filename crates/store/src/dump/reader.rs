//! Reads a snapshot file. Every block is checked, every count is compared, and no input makes it panic.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::{BLOB, BLOB_DATA, Contents, END, FORMAT_VERSION, MAGIC, MOST_BLOCK_BYTES, PAGE, PAIR};
use crate::blobs::BlobId;
use crate::commit::stored_ceiling;
use crate::field::FieldReader;
use crate::{CloudId, Order, Pair, StoreError};

/// A part of the content.
pub(crate) enum Item {
    Pairs(Vec<Pair>),
    /// A blob begins; its data follows.
    Blob {
        id: BlobId,
    },
    BlobData(Bytes),
}

/// An open snapshot file.
pub(crate) struct DumpReader {
    file: BufReader<File>,
    path: PathBuf,
    items: VecDeque<Item>,
    contents: Contents,
    order_ceiling: u64,
    ended: bool,
}

impl DumpReader {
    /// Opens a file and reads its header.
    pub(crate) fn open(path: &Path) -> Result<DumpReader, StoreError> {
        let file = File::open(path).map_err(|error| StoreError::io_at("opening", path, error))?;
        let mut reader = DumpReader {
            file: BufReader::new(file),
            path: path.to_path_buf(),
            items: VecDeque::new(),
            contents: Contents::default(),
            order_ceiling: 0,
            ended: false,
        };
        if reader.array::<16>()? != *MAGIC {
            return Err(reader.damaged("it is not a snapshot file"));
        }
        let found = u32::from_be_bytes(reader.array()?);
        if found > FORMAT_VERSION {
            let what = path.display().to_string();
            return Err(StoreError::NewerFormat { what, found, supported: FORMAT_VERSION });
        }
        let _cloud_it_was_saved_from = reader.array::<{ CloudId::LEN }>()?;
        Ok(reader)
    }

    /// Reads a whole file and answers what it holds and which order numbers the saved store had reserved, or why
    /// it cannot be loaded.
    pub(crate) fn check(path: &Path) -> Result<(Contents, Order), StoreError> {
        let mut reader = DumpReader::open(path)?;
        while reader.next()?.is_some() {}
        Ok((reader.contents, Order::from_u64(reader.order_ceiling)))
    }

    pub(crate) fn next(&mut self) -> Result<Option<Item>, StoreError> {
        while self.items.is_empty() && !self.ended {
            self.read_block()?;
        }
        Ok(self.items.pop_front())
    }

    fn read_block(&mut self) -> Result<(), StoreError> {
        let len = u32::from_be_bytes(self.array()?) as usize;
        let checksum = u32::from_be_bytes(self.array()?);
        if len > MOST_BLOCK_BYTES {
            return Err(self.damaged("a block is too large"));
        }
        let mut block = vec![0; len];
        self.file.read_exact(&mut block).map_err(|_| self.damaged("it is cut short"))?;
        if crc32fast::hash(&block) != checksum {
            return Err(self.damaged("a block is not what was written"));
        }
        let mut fields = FieldReader(&block);
        let mut pairs = Vec::new();
        while let Some((kind, rest)) = fields.0.split_first() {
            fields = FieldReader(rest);
            if *kind == PAIR {
                let (key, value) = (fields.bytes()?, fields.bytes()?);
                self.contents.records += 1;
                self.contents.bytes += (key.len() + value.len()) as u64;
                self.order_ceiling = self.order_ceiling.max(stored_ceiling(key, value));
                pairs.push((Bytes::copy_from_slice(key), Bytes::copy_from_slice(value)));
                if pairs.len() < PAGE {
                    continue;
                }
            }
            if !pairs.is_empty() {
                self.items.push_back(Item::Pairs(std::mem::take(&mut pairs)));
            }
            match *kind {
                PAIR => {}
                BLOB => self.begin_blob(&mut fields)?,
                BLOB_DATA => {
                    let data = fields.bytes()?;
                    self.contents.bytes += data.len() as u64;
                    self.items.push_back(Item::BlobData(Bytes::copy_from_slice(data)));
                }
                END => self.end(&mut fields)?,
                _ => return Err(self.damaged("it has an unknown part")),
            }
        }
        if !pairs.is_empty() {
            self.items.push_back(Item::Pairs(pairs));
        }
        Ok(())
    }

    fn begin_blob(&mut self, fields: &mut FieldReader<'_>) -> Result<(), StoreError> {
        let (id, rest) = fields.0.split_first_chunk().ok_or_else(|| self.damaged("a blob has no id"))?;
        fields.0 = rest;
        self.contents.blobs += 1;
        self.items.push_back(Item::Blob { id: BlobId::from_bytes(*id) });
        Ok(())
    }

    fn end(&mut self, fields: &mut FieldReader<'_>) -> Result<(), StoreError> {
        let counted = Contents { records: fields.u64()?, blobs: fields.u64()?, bytes: fields.u64()? };
        if counted != self.contents || !fields.0.is_empty() {
            return Err(self.damaged("something is missing"));
        }
        self.ended = true;
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        let mut bytes = [0; N];
        self.file.read_exact(&mut bytes).map_err(|_| self.damaged("it is cut short"))?;
        Ok(bytes)
    }

    fn damaged(&self, why: &str) -> StoreError {
        StoreError::corrupt(format!("the snapshot file {}: {why}", self.path.display()))
    }
}
