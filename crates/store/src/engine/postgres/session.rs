//! One connection with its prepared statements.

use bytes::Bytes;
use std::ops::Bound;
use tokio_postgres::{Client, Error, IsolationLevel, NoTls, Statement, Transaction};

use crate::batch::Op;
use crate::{CloudId, Pair, Range, StoreError};

const GET: &str = "SELECT value FROM yakumo_records WHERE cloud = $1 AND key = $2";
const SCAN: &str = "SELECT key, value FROM yakumo_records WHERE cloud = $1 AND key >= $2 AND key < $3 \
                    ORDER BY key LIMIT $4";
const SCAN_REVERSE: &str = "SELECT key, value FROM yakumo_records WHERE cloud = $1 AND key >= $2 AND key < $3 \
                            ORDER BY key DESC LIMIT $4";
const WRITE: &str = "WITH mine AS ( \
       UPDATE yakumo_clouds SET last_group = $3, beat = clock_timestamp() \
       WHERE cloud = $1 AND owner = $2 RETURNING 1 \
     ), gone AS ( \
       DELETE FROM yakumo_records USING unnest($4::bytea[]) AS gone(k) \
       WHERE cloud = $1 AND key = gone.k AND EXISTS (SELECT 1 FROM mine) \
     ), made AS ( \
       INSERT INTO yakumo_records (cloud, key, value) \
       SELECT $1, made.k, made.v FROM unnest($5::bytea[], $6::bytea[]) AS made(k, v) \
       WHERE EXISTS (SELECT 1 FROM mine) \
       ON CONFLICT (cloud, key) DO UPDATE SET value = excluded.value \
     ) SELECT count(*) FROM mine";
const MARK: &str =
    "UPDATE yakumo_clouds SET last_group = $3, beat = clock_timestamp() WHERE cloud = $1 AND owner = $2";
const INSERT: &str = "INSERT INTO yakumo_records (cloud, key, value) \
     SELECT $1, made.k, made.v FROM unnest($2::bytea[], $3::bytea[]) AS made(k, v) \
     ON CONFLICT (cloud, key) DO UPDATE SET value = excluded.value";

/// A connection. Statements are prepared when they are first used.
pub(super) struct Session {
    client: Client,
    get: tokio::sync::OnceCell<Statement>,
    scan: tokio::sync::OnceCell<Statement>,
    scan_reverse: tokio::sync::OnceCell<Statement>,
    write: tokio::sync::OnceCell<Statement>,
}

impl Session {
    /// A connection for reading. Reads are single statements: they see what is committed, and stay out of the
    /// server's search for conflicts, where they would only make writers fail.
    pub(super) async fn connect(config: &tokio_postgres::Config) -> Result<Session, StoreError> {
        Session::connect_with(config, "SET client_min_messages = warning").await
    }

    /// A connection for writing. Without sequential scans a statement's locks cover pages, not a whole table.
    pub(super) async fn connect_to_write(config: &tokio_postgres::Config) -> Result<Session, StoreError> {
        let settings = "SET client_min_messages = warning; SET default_transaction_isolation = 'serializable'; \
                        SET enable_seqscan = off";
        Session::connect_with(config, settings).await
    }

    async fn connect_with(config: &tokio_postgres::Config, settings: &str) -> Result<Session, StoreError> {
        let failed = |error| StoreError::engine("connecting to PostgreSQL", error);
        let (client, connection) = config.connect(NoTls).await.map_err(failed)?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!(%error, "a connection to PostgreSQL ended");
            }
        });
        client.batch_execute(settings).await.map_err(failed)?;
        Ok(Session {
            client,
            get: tokio::sync::OnceCell::new(),
            scan: tokio::sync::OnceCell::new(),
            scan_reverse: tokio::sync::OnceCell::new(),
            write: tokio::sync::OnceCell::new(),
        })
    }

    pub(super) fn is_open(&self) -> bool {
        !self.client.is_closed()
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) async fn get(&self, cloud: CloudId, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let failed = |error| StoreError::engine("reading", error);
        let get = self.get.get_or_try_init(|| self.client.prepare(GET)).await.map_err(failed)?;
        let row = self.client.query_opt(get, &[&cloud.as_str(), &key]).await.map_err(failed)?;
        row.map(|row| row.try_get::<_, Vec<u8>>(0).map(Bytes::from).map_err(failed)).transpose()
    }

    pub(super) async fn scan(
        &self,
        cloud: CloudId,
        range: &Range,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        let failed = |error| StoreError::engine("scanning", error);
        let Some((from, to)) = half_open(range) else { return Ok(Vec::new()) };
        let scan = if range.reverse {
            self.scan_reverse.get_or_try_init(|| self.client.prepare(SCAN_REVERSE)).await
        } else {
            self.scan.get_or_try_init(|| self.client.prepare(SCAN)).await
        };
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 4] = [&cloud.as_str(), &from, &to, &limit];
        let rows = self.client.query(scan.map_err(failed)?, &values).await.map_err(failed)?;
        let pair = |row: tokio_postgres::Row| {
            Ok((Bytes::from(row.try_get::<_, Vec<u8>>(0)?), Bytes::from(row.try_get::<_, Vec<u8>>(1)?)))
        };
        rows.into_iter().map(pair).collect::<Result<_, _>>().map_err(failed)
    }

    /// Writes a group if the cloud is still ours; false when it is not.
    pub(super) async fn write(
        &self,
        cloud: CloudId,
        token: &[u8],
        group: i64,
        ops: &[Op],
    ) -> Result<bool, Error> {
        let mut gone: Vec<&[u8]> = Vec::new();
        let (mut keys, mut values): (Vec<&[u8]>, Vec<&[u8]>) = (Vec::new(), Vec::new());
        for op in ops {
            match &op.value {
                Some(value) => {
                    keys.push(&op.key);
                    values.push(value);
                }
                None => gone.push(&op.key),
            }
        }
        let write = self.write.get_or_try_init(|| self.client.prepare(WRITE)).await?;
        let row =
            self.client.query_one(write, &[&cloud.as_str(), &token, &group, &gone, &keys, &values]).await?;
        Ok(row.try_get::<_, i64>(0)? == 1)
    }

    pub(super) async fn begin(&mut self) -> Result<Replacing<'_>, StoreError> {
        // Only the owner writes these rows, and its row is locked by `mark`: a snapshot is isolation enough, and
        // other clouds cannot make it fail.
        let begin = self.client.build_transaction().isolation_level(IsolationLevel::RepeatableRead);
        let transaction = begin.start().await;
        Ok(Replacing(transaction.map_err(|error| StoreError::engine("beginning", error))?))
    }
}

/// A transaction that replaces the content of a cloud; dropped before the commit it changes nothing.
pub(super) struct Replacing<'a>(Transaction<'a>);

impl Replacing<'_> {
    pub(super) async fn mark(&self, cloud: CloudId, token: &[u8], group: i64) -> Result<bool, StoreError> {
        let marked = self.0.execute(MARK, &[&cloud.as_str(), &token, &group]).await;
        Ok(marked.map_err(|error| StoreError::engine("replacing the content", error))? == 1)
    }

    pub(super) async fn delete_all(&self, cloud: CloudId) -> Result<(), StoreError> {
        let deleted = self.0.execute("DELETE FROM yakumo_records WHERE cloud = $1", &[&cloud.as_str()]).await;
        deleted.map(|_| ()).map_err(|error| StoreError::engine("replacing the content", error))
    }

    pub(super) async fn insert(&self, cloud: CloudId, pairs: &[Pair]) -> Result<(), StoreError> {
        let keys: Vec<&[u8]> = pairs.iter().map(|(key, _)| key.as_ref()).collect();
        let values: Vec<&[u8]> = pairs.iter().map(|(_, value)| value.as_ref()).collect();
        let inserted = self.0.execute(INSERT, &[&cloud.as_str(), &keys, &values]).await;
        inserted.map(|_| ()).map_err(|error| StoreError::engine("replacing the content", error))
    }

    pub(super) async fn commit(self) -> Result<(), Error> {
        self.0.commit().await
    }
}

/// The range as `from <= key < to`: the next key after `k` in the order of bytes is `k` and a zero.
fn half_open(range: &Range) -> Option<(Vec<u8>, Vec<u8>)> {
    let (start, end) = range.bounds()?;
    let next = |key: Bytes| [&key[..], &[0]].concat();
    let from = match start {
        Bound::Included(key) => key.to_vec(),
        Bound::Excluded(key) => next(key),
        Bound::Unbounded => Vec::new(),
    };
    let to = match end {
        Bound::Included(key) => next(key),
        Bound::Excluded(key) => key.to_vec(),
        // No key begins so, not even the store's own.
        Bound::Unbounded => vec![u8::MAX; 2],
    };
    Some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(range: Range, from: &[u8], to: &[u8]) {
        assert_eq!(half_open(&range), Some((from.to_vec(), to.to_vec())));
    }

    #[test]
    fn ranges_become_half_open() {
        check(Range::prefix("a"), b"a", b"b");
        check(Range::prefix("a").after("ab"), b"ab\0", b"b");
        check(Range::prefix("a").reverse().starting_at("ab"), b"a", b"ab\0");
        check(Range::whole(), b"", b"\xff\xff");
        assert_eq!(half_open(&Range::between("b", "a")), None);
    }
}
