//! Which process owns a cloud: a random token in the cloud's row, and the time of its last sign of life.
//!
//! Invariant: every group's statement writes that row under the token, so that after a take-over none of the old
//! owner's groups can succeed.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::Postgres;
use super::session::Session;
use crate::cloud::random_bytes;
use crate::{CloudId, StoreError};

/// Without a sign of life for so long an owner may be replaced.
const STALE_S: f64 = 10.0;
const BEAT: Duration = Duration::from_secs(3);
const CLAIM_ATTEMPTS: u32 = 10;

/// Our claim.
pub(super) struct Owner {
    pub token: Vec<u8>,
    /// The number of the last group that was written.
    pub group: i64,
}

/// Takes the cloud unless another owner lives.
pub(super) async fn claim(session: &Session, place: &str, cloud: CloudId) -> Result<Owner, StoreError> {
    let token = random_bytes::<16>()?.to_vec();
    let claim = "UPDATE yakumo_clouds SET owner = $2, beat = clock_timestamp() \
                 WHERE cloud = $1 AND (owner IS NULL OR beat < clock_timestamp() - make_interval(secs => $3)) \
                 RETURNING last_group";
    for attempt in 0..CLAIM_ATTEMPTS {
        super::pause(attempt).await;
        match session.client().query_opt(claim, &[&cloud.as_str(), &token, &STALE_S]).await {
            Ok(Some(row)) => {
                let group = row.try_get(0).map_err(|error| StoreError::engine("taking the cloud", error))?;
                return Ok(Owner { token, group });
            }
            Ok(None) => {
                let place = format!("the cloud {cloud} in {place}");
                let holder = Some("another process that is alive".to_string());
                return Err(StoreError::Locked { place, holder });
            }
            // Lost a race: whoever won shows at the next look.
            Err(error) if super::is_transient(&error) && session.is_open() => {}
            Err(error) => return Err(StoreError::engine("taking the cloud", error)),
        }
    }
    Err(StoreError::Contention { attempts: CLAIM_ATTEMPTS })
}

impl Owner {
    /// The number of the last group in the database; [`StoreError::NotOwner`] when the cloud is another's.
    pub(super) async fn last_group(&self, session: &Session, cloud: CloudId) -> Result<i64, StoreError> {
        let failed = |error| StoreError::engine("looking for the last group", error);
        let look = "SELECT last_group FROM yakumo_clouds WHERE cloud = $1 AND owner = $2";
        let row = session.client().query_opt(look, &[&cloud.as_str(), &self.token]).await.map_err(failed)?;
        row.ok_or(StoreError::NotOwner)?.try_get(0).map_err(failed)
    }

    /// Gives a sign of life; false when the cloud is another's.
    async fn beat(&self, session: &Session, cloud: CloudId) -> Result<bool, StoreError> {
        let beat = "UPDATE yakumo_clouds SET beat = clock_timestamp() WHERE cloud = $1 AND owner = $2";
        let beaten = session.client().execute(beat, &[&cloud.as_str(), &self.token]).await;
        Ok(beaten.map_err(|error| StoreError::engine("giving a sign of life", error))? == 1)
    }

    /// Lets the next process in at once.
    pub(super) async fn release(&self, session: &Session, cloud: CloudId) -> Result<(), StoreError> {
        let release = "UPDATE yakumo_clouds SET owner = NULL WHERE cloud = $1 AND owner = $2";
        let released = session.client().execute(release, &[&cloud.as_str(), &self.token]).await;
        released.map(|_| ()).map_err(|error| StoreError::engine("giving the cloud back", error))
    }
}

/// Starts the task that gives signs of life, between the groups, until the engine is gone.
pub(super) fn keep_beating(engine: &Arc<Postgres>) {
    let engine = Arc::downgrade(engine);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(BEAT).await;
            let Some(engine) = engine.upgrade() else { return };
            if engine.closed.load(Relaxed) || engine.lost.load(Relaxed) {
                return;
            }
            // Between the groups: both write the cloud's row.
            let writer = engine.writer.lock().await;
            let beat = match engine.reader().await {
                Ok(session) => writer.owner.beat(&session, engine.cloud).await,
                Err(error) => Err(error),
            };
            match beat {
                Ok(true) => {}
                Ok(false) => {
                    engine.taken_over();
                }
                Err(error) => tracing::warn!(%error, "no sign of life could be given"),
            }
        }
    });
}
