//! The fields of the store's own records: numbers and length-prefixed bytes. Reading never panics.

use bytes::Bytes;

use crate::StoreError;

/// Writes fields one after the other.
#[derive(Default)]
pub(crate) struct FieldWriter(Vec<u8>);

impl FieldWriter {
    pub(crate) fn version(version: u8) -> FieldWriter {
        FieldWriter(vec![version])
    }

    pub(crate) fn u64(mut self, field: u64) -> FieldWriter {
        self.0.extend_from_slice(&field.to_be_bytes());
        self
    }

    /// At most 4 GiB; batches are limited far below that.
    pub(crate) fn bytes(mut self, field: &[u8]) -> FieldWriter {
        self.0.extend_from_slice(&(field.len() as u32).to_be_bytes());
        self.0.extend_from_slice(field);
        self
    }

    pub(crate) fn maybe_bytes(mut self, field: Option<&Bytes>) -> FieldWriter {
        self.0.push(u8::from(field.is_some()));
        match field {
            Some(field) => self.bytes(field),
            None => self,
        }
    }

    pub(crate) fn done(self) -> Bytes {
        self.0.into()
    }
}

/// Reads fields in the order in which they were written.
pub(crate) struct FieldReader<'a>(pub(crate) &'a [u8]);

impl<'a> FieldReader<'a> {
    fn cut() -> StoreError {
        StoreError::corrupt("a record of the store is cut short")
    }

    pub(crate) fn u64(&mut self) -> Result<u64, StoreError> {
        let (field, rest) = self.0.split_first_chunk().ok_or_else(Self::cut)?;
        self.0 = rest;
        Ok(u64::from_be_bytes(*field))
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], StoreError> {
        let (len, rest) = self.0.split_first_chunk().ok_or_else(Self::cut)?;
        let (field, rest) = rest.split_at_checked(u32::from_be_bytes(*len) as usize).ok_or_else(Self::cut)?;
        self.0 = rest;
        Ok(field)
    }

    pub(crate) fn text(&mut self) -> Result<String, StoreError> {
        Ok(String::from_utf8_lossy(self.bytes()?).into_owned())
    }

    pub(crate) fn maybe_bytes(&mut self) -> Result<Option<Bytes>, StoreError> {
        let (flag, rest) = self.0.split_first().ok_or_else(Self::cut)?;
        self.0 = rest;
        Ok(if *flag == 1 { Some(Bytes::copy_from_slice(self.bytes()?)) } else { None })
    }
}
