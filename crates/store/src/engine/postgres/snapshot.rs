//! Consistent views: each has a connection of its own with a read-only transaction that stays open.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::session::Session;
use crate::{CloudId, Pair, Range, StoreError};

/// More views than this at once wait for each other.
const MOST_SESSIONS: usize = 16;
/// REPEATABLE READ is a snapshot; it begins with the first statement, so there is one at once.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1 FROM yakumo_format";

/// The connections of views, used again and again.
pub(super) struct Sessions {
    config: tokio_postgres::Config,
    idle: Arc<Mutex<Vec<Session>>>,
    permits: Arc<Semaphore>,
}

impl Sessions {
    pub(super) fn new(config: tokio_postgres::Config) -> Sessions {
        Sessions { config, idle: Arc::default(), permits: Arc::new(Semaphore::new(MOST_SESSIONS)) }
    }

    pub(super) async fn open(&self, cloud: CloudId) -> Result<PostgresSnapshot, StoreError> {
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let idle = self.idle.lock().pop().filter(Session::is_open);
        let session = match idle {
            Some(session) => session,
            None => Session::connect(&self.config).await?,
        };
        let begun = session.client().batch_execute(BEGIN).await;
        begun.map_err(|error| StoreError::engine("beginning a snapshot", error))?;
        Ok(PostgresSnapshot { cloud, session: Some(session), idle: self.idle.clone(), permit: Some(permit) })
    }

    pub(super) fn close(&self) {
        self.permits.close();
        self.idle.lock().clear();
    }
}

/// A view.
pub(crate) struct PostgresSnapshot {
    cloud: CloudId,
    session: Option<Session>,
    idle: Arc<Mutex<Vec<Session>>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl PostgresSnapshot {
    fn session(&self) -> Result<&Session, StoreError> {
        self.session.as_ref().ok_or(StoreError::SnapshotLost)
    }

    pub(crate) async fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.session()?.get(self.cloud, key).await
    }

    pub(crate) async fn scan(&self, range: &Range, limit: usize) -> Result<Vec<Pair>, StoreError> {
        self.session()?.scan(self.cloud, range, limit).await
    }
}

impl Drop for PostgresSnapshot {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else { return };
        let (idle, permit) = (self.idle.clone(), self.permit.take());
        // Without a runtime the connection closes, which ends its transaction too.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let closed = permit.as_ref().is_none_or(|permit| permit.semaphore().is_closed());
            if session.client().batch_execute("ROLLBACK").await.is_ok() && !closed {
                idle.lock().push(session);
            }
            drop(permit);
        });
    }
}
