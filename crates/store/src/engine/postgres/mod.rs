//! PostgreSQL: every record a row of one table, many clouds in one database, one process at a time for each cloud.
//!
//! Invariant: a group is one statement, which also proves that this process still owns the cloud and notes the group's
//! number; so a group is there as a whole or not at all, also when the connection breaks in the middle. No LISTEN,
//! no advisory locks, no TLS yet.

mod ownership;
mod schema;
mod session;
mod snapshot;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Mutex;
use tokio_postgres::error::SqlState;

use crate::batch::{Batch, Op};
use crate::cloud::random_bytes;
use crate::dump::Content;
use crate::{CloudId, Config, Pair, Range, StoreError};

use ownership::Owner;
use session::Session;
pub(crate) use snapshot::PostgresSnapshot;
use snapshot::Sessions;

/// A row of an index holds no more than 2,704 bytes; the cloud's id and the headers take some.
const MOST_KEY_BYTES: usize = 2_600;
/// How often a group is tried when the server is away for a moment: for about five seconds.
const MOST_ATTEMPTS: u32 = 12;
/// How often a group is tried when it meets those of other clouds: locks cover pages, which clouds may share.
const MOST_RACES: u32 = 200;

/// The engine of one cloud in one database.
pub(crate) struct Postgres {
    cloud: CloudId,
    place: String,
    /// For reading: requests of all tasks go through one connection, one behind the other.
    reader: Mutex<Option<Arc<Session>>>,
    writer: Mutex<Writer>,
    snapshots: Sessions,
    config: tokio_postgres::Config,
    lost: AtomicBool,
    closed: AtomicBool,
}

struct Writer {
    session: Option<Session>,
    owner: Owner,
}

impl Postgres {
    /// Connects, makes the schema if need be, and takes the cloud.
    pub(crate) async fn open(url: &str, config: &Config) -> Result<Arc<Postgres>, StoreError> {
        let postgres: tokio_postgres::Config =
            url.parse().map_err(|error| StoreError::engine("reading the connection string", error))?;
        let place = format!("the database {}", postgres.get_dbname().unwrap_or("of that user"));
        let session = Session::connect(&postgres).await?;
        schema::prepare(&session, &place).await?;
        let cloud = schema::choose_cloud(&session, &place, config.cloud).await?;
        let owner = ownership::claim(&session, &place, cloud).await?;
        let engine = Arc::new(Postgres {
            cloud,
            place,
            reader: Mutex::new(Some(Arc::new(session))),
            writer: Mutex::new(Writer { session: None, owner }),
            snapshots: Sessions::new(postgres.clone()),
            config: postgres,
            lost: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        });
        ownership::keep_beating(&engine);
        Ok(engine)
    }

    pub(crate) fn cloud(&self) -> CloudId {
        self.cloud
    }

    pub(crate) fn admit(&self) -> Result<(), StoreError> {
        if self.lost.load(Relaxed) { Err(StoreError::NotOwner) } else { Ok(()) }
    }

    /// Refuses keys that the index does not take; found out later they would fail a whole group.
    pub(crate) fn check(&self, batch: &Batch) -> Result<(), StoreError> {
        let longest = batch.ops.iter().map(|op| op.key.len()).max().unwrap_or_default();
        if longest > MOST_KEY_BYTES {
            let why = format!("{longest} bytes, PostgreSQL takes {MOST_KEY_BYTES}");
            return Err(StoreError::InvalidKey { why });
        }
        Ok(())
    }

    async fn reader(&self) -> Result<Arc<Session>, StoreError> {
        let mut reader = self.reader.lock().await;
        if self.closed.load(Relaxed) {
            return Err(StoreError::Closed);
        }
        if let Some(session) = reader.as_ref().filter(|session| session.is_open()) {
            return Ok(session.clone());
        }
        let session = Arc::new(Session::connect(&self.config).await?);
        *reader = Some(session.clone());
        Ok(session)
    }

    pub(crate) async fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let session = self.reader().await?;
        match session.get(self.cloud, key).await {
            Err(_) if !session.is_open() => self.reader().await?.get(self.cloud, key).await,
            other => other,
        }
    }

    pub(crate) async fn scan(&self, range: &Range, limit: usize) -> Result<Vec<Pair>, StoreError> {
        let session = self.reader().await?;
        match session.scan(self.cloud, range, limit).await {
            Err(_) if !session.is_open() => self.reader().await?.scan(self.cloud, range, limit).await,
            other => other,
        }
    }

    pub(crate) async fn snapshot(self: &Arc<Self>) -> Result<PostgresSnapshot, StoreError> {
        if self.closed.load(Relaxed) {
            return Err(StoreError::Closed);
        }
        self.snapshots.open(self.cloud).await
    }

    /// Writes a group with one statement, as often as it takes to know what became of it.
    pub(crate) async fn apply(&self, ops: &[Op]) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().await;
        // The number is used up whatever happens: it must never stand for another group.
        writer.owner.group += 1;
        let group = writer.owner.group;
        let mut last = StoreError::Closed;
        let (mut attempt, mut races) = (0, 0);
        while attempt < MOST_ATTEMPTS && races < MOST_RACES {
            pause(attempt).await;
            let session = match self.connected(&mut writer, group).await {
                Ok((session, true)) => {
                    writer.session = Some(session);
                    return Ok(());
                }
                Ok((session, false)) => session,
                Err(StoreError::NotOwner) => return Err(self.taken_over()),
                Err(error) => {
                    last = error;
                    attempt += 1;
                    continue;
                }
            };
            let written = session.write(self.cloud, &writer.owner.token, group, ops).await;
            match written {
                Ok(true) => {
                    writer.session = Some(session);
                    return Ok(());
                }
                Ok(false) => return Err(self.taken_over()),
                Err(error) => {
                    let lost_race = is_lost_race(&error);
                    if session.is_open() {
                        writer.session = Some(session);
                        if !is_transient(&error) {
                            return Err(StoreError::engine("writing", error));
                        }
                    }
                    last = StoreError::engine("writing", error);
                    if lost_race {
                        races += 1;
                        step_aside(races).await;
                    } else {
                        attempt += 1;
                    }
                }
            }
        }
        Err(last)
    }

    /// The writing connection, and whether the group is already there although its connection broke.
    ///
    /// When the server stays away for longer than the attempts last, the group is answered with an error and may be
    /// there nevertheless: nobody can know.
    async fn connected(&self, writer: &mut Writer, group: i64) -> Result<(Session, bool), StoreError> {
        if let Some(session) = writer.session.take().filter(Session::is_open) {
            return Ok((session, false));
        }
        let session = Session::connect_to_write(&self.config).await?;
        let done = writer.owner.last_group(&session, self.cloud).await? == group;
        Ok((session, done))
    }

    fn taken_over(&self) -> StoreError {
        self.lost.store(true, Relaxed);
        tracing::error!(cloud = %self.cloud, place = %self.place, "another process has taken this cloud over");
        StoreError::NotOwner
    }

    /// Replaces everything in one transaction.
    pub(crate) async fn replace(&self, mut content: Content) -> Result<(), StoreError> {
        let failed = |error| StoreError::engine("replacing the content", error);
        let mut writer = self.writer.lock().await;
        writer.owner.group += 1;
        let group = writer.owner.group;
        let (mut session, _) = self.connected(&mut writer, group).await?;
        let transaction = session.begin().await?;
        if !transaction.mark(self.cloud, &writer.owner.token, group).await? {
            return Err(self.taken_over());
        }
        transaction.delete_all(self.cloud).await?;
        loop {
            // Reading the file blocks.
            let next = tokio::task::spawn_blocking(move || {
                let pairs = content.next_pairs();
                (content, pairs)
            });
            let (rest, pairs) = next.await.map_err(|error| StoreError::engine("reading", error))?;
            content = rest;
            let Some(pairs) = pairs? else { break };
            transaction.insert(self.cloud, &pairs).await?;
        }
        transaction.commit().await.map_err(failed)?;
        writer.session = Some(session);
        Ok(())
    }

    /// Gives the cloud back and closes the connections.
    pub(crate) async fn close(&self) -> Result<(), StoreError> {
        self.closed.store(true, Relaxed);
        let reader = self.reader.lock().await.take();
        self.snapshots.close();
        let mut writer = self.writer.lock().await;
        writer.session = None;
        // Not the writing connection: its statements may lose races.
        let session = match reader.filter(|session| session.is_open()) {
            Some(session) => session,
            None => Arc::new(Session::connect(&self.config).await?),
        };
        writer.owner.release(&session, self.cloud).await
    }
}

/// Errors after which the same statement may succeed: lost races and lost connections.
fn is_transient(error: &tokio_postgres::Error) -> bool {
    is_lost_race(error) || error.code().is_none_or(|code| code.code().starts_with("57P"))
}

fn is_lost_race(error: &tokio_postgres::Error) -> bool {
    let lost_race = [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED];
    error.code().is_some_and(|code| lost_race.contains(code))
}

/// A few milliseconds, different for each racer, so that they do not meet again.
async fn step_aside(races: u32) {
    let random = random_bytes::<1>().map_or(0, |[byte]| u64::from(byte));
    tokio::time::sleep(Duration::from_micros(random * u64::from(races.min(20)) * 10)).await;
}

/// Nothing before the first attempt, then longer and longer, up to a second.
async fn pause(attempt: u32) {
    if attempt > 0 {
        tokio::time::sleep(Duration::from_millis((5 << attempt.min(8)).min(1_000))).await;
    }
}
