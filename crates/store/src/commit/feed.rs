//! Retention of the change feed: how many rows there are and up to which commit they have been dropped.

use bytes::Bytes;

use crate::batch::Op;
use crate::engine::Engine;
use crate::field::{FieldReader, FieldWriter};
use crate::key::SYSTEM;
use crate::{Range, StoreError, change, record};

const VERSION: u8 = 1;
/// The most rows dropped with one group, so that no commit becomes slow.
const DROP_AT_ONCE: u64 = 512;

/// What is known of the feed; a record of its own that is written with the rows.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
pub(crate) struct Feed {
    /// Rows that are there.
    pub rows: u64,
    /// Rows of commits up to this one have been dropped, or may have been.
    pub dropped_to: u64,
}

fn state_key() -> Bytes {
    Bytes::from_static(&[SYSTEM, b'm', b'f'])
}

impl Feed {
    pub(crate) async fn read(engine: &Engine) -> Result<Feed, StoreError> {
        let Some(value) = engine.get(&state_key()).await? else { return Ok(Feed::default()) };
        let (_, body) = record::unseal("the state of the change feed", VERSION, &value)?;
        let mut fields = FieldReader(body);
        Ok(Feed { rows: fields.u64()?, dropped_to: fields.u64()? })
    }

    /// Counts new rows and adds the deletion of those beyond the limit to the group's writes.
    pub(crate) async fn grow(
        &mut self,
        engine: &Engine,
        new_rows: u64,
        limit: u64,
        ops: &mut Vec<Op>,
    ) -> Result<(), StoreError> {
        self.rows += new_rows;
        // Dropping a few at a time with some slack keeps the number of scans low.
        if self.rows > limit + limit / 8 {
            let count = (self.rows - limit).min(DROP_AT_ONCE);
            let old = Range::prefix(change::FEED).after(change::row_key(self.dropped_to, u16::MAX));
            for (key, value) in engine.scan(&old, count as usize).await? {
                self.dropped_to = change::read_row(&key, &value)?.order.as_u64();
                self.rows -= 1;
                ops.push(Op::delete(key));
            }
            // A commit's rows go together: what is left of the last one goes too.
            let rest =
                Range::between(change::row_key(self.dropped_to, 0), change::row_key(self.dropped_to + 1, 0));
            for (key, _) in engine.scan(&rest, usize::from(u16::MAX)).await? {
                if !ops.iter().any(|op| op.key == key) {
                    self.rows -= 1;
                    ops.push(Op::delete(key));
                }
            }
        }
        let state = FieldWriter::version(VERSION).u64(self.rows).u64(self.dropped_to).done();
        ops.push(Op::put(state_key(), state));
        Ok(())
    }
}
