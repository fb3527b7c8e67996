//! The change feed: one row for each change of a resource, in commit order, kept for a bounded number of rows.

use bytes::Bytes;
use yakumo_aws::Timestamp;

use crate::field::{FieldReader, FieldWriter};
use crate::key::SYSTEM;
use crate::{Order, StoreError, record};

const VERSION: u8 = 1;

/// A change of one resource, as the writer reports it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Change {
    /// When, by the cloud's clock.
    pub time: Timestamp,
    /// Who: the principal's ARN.
    pub principal: String,
    /// The request that did it.
    pub request_id: String,
    /// CloudFormation's name of the type: `AWS::SQS::Queue`.
    pub resource_type: String,
    /// The resource's ARN or id.
    pub resource_id: String,
    /// The record before; `None` when it was created.
    pub before: Option<Bytes>,
    /// The record after; `None` when it was deleted.
    pub after: Option<Bytes>,
}

/// A row of the feed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordedChange {
    /// Its commit.
    pub order: Order,
    /// Its place among the rows of that commit.
    pub index: u16,
    /// What changed.
    pub change: Change,
}

/// A page of the feed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Changes {
    /// Rows of commits after the one asked for, oldest first. A commit's rows are never torn apart.
    pub rows: Vec<RecordedChange>,
    /// Where the next page begins.
    pub next: Order,
    /// Whether rows after the one asked for have already been dropped.
    pub missed: bool,
}

impl Change {
    pub(crate) fn size_bytes(&self) -> usize {
        let images = [&self.before, &self.after].into_iter().flatten().map(Bytes::len).sum::<usize>();
        images
            + self.principal.len()
            + self.request_id.len()
            + self.resource_type.len()
            + self.resource_id.len()
    }

    pub(crate) fn encode(&self) -> Bytes {
        FieldWriter::version(VERSION)
            .u64(self.time.as_millis() as u64)
            .bytes(self.principal.as_bytes())
            .bytes(self.request_id.as_bytes())
            .bytes(self.resource_type.as_bytes())
            .bytes(self.resource_id.as_bytes())
            .maybe_bytes(self.before.as_ref())
            .maybe_bytes(self.after.as_ref())
            .done()
    }

    pub(crate) fn decode(value: &[u8]) -> Result<Change, StoreError> {
        let (_, body) = record::unseal("a row of the change feed", VERSION, value)?;
        let mut fields = FieldReader(body);
        Ok(Change {
            time: Timestamp::from_millis(fields.u64()? as i64),
            principal: fields.text()?,
            request_id: fields.text()?,
            resource_type: fields.text()?,
            resource_id: fields.text()?,
            before: fields.maybe_bytes()?,
            after: fields.maybe_bytes()?,
        })
    }
}

/// The prefix of all rows.
pub(crate) const FEED: &[u8] = &[SYSTEM, b'f'];

/// The key of a row; rows sort by commit, then by place in it.
pub(crate) fn row_key(order: u64, index: u16) -> Bytes {
    let mut key = Vec::with_capacity(12);
    key.extend_from_slice(FEED);
    key.extend_from_slice(&order.to_be_bytes());
    key.extend_from_slice(&index.to_be_bytes());
    key.into()
}

/// Reads a row back.
pub(crate) fn read_row(key: &[u8], value: &[u8]) -> Result<RecordedChange, StoreError> {
    let (order, index) = row_place(key).ok_or_else(|| StoreError::corrupt("a key of the change feed"))?;
    Ok(RecordedChange { order: Order::from_u64(order), index, change: Change::decode(value)? })
}

fn row_place(key: &[u8]) -> Option<(u64, u16)> {
    let (order, index) = key.strip_prefix(FEED)?.split_first_chunk()?;
    Some((u64::from_be_bytes(*order), u16::from_be_bytes(index.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_survives_its_bytes() {
        let change = Change {
            time: Timestamp::from_millis(-5),
            principal: "arn:aws:iam::000000000000:root".into(),
            resource_type: "AWS::SQS::Queue".into(),
            before: Some(Bytes::from_static(b"old")),
            ..Change::default()
        };
        let row = read_row(&row_key(7, 3), &change.encode()).unwrap();
        assert_eq!((row.order, row.index, row.change), (Order::from_u64(7), 3, change));
    }

    #[test]
    fn cut_rows_are_damage_and_no_panic() {
        let whole = Change::default().encode();
        for cut in 0..whole.len() {
            assert!(Change::decode(&whole[..cut]).is_err(), "{cut}");
        }
        assert!(read_row(b"\xfff123", &whole).is_err());
    }
}
