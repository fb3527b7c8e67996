//! What the cloud itself keeps in its store: the course of its clock and the generated root key.

use crate::RootKey;
use serde::{Deserialize, Serialize};
use yakumo_room::{Course, Ids, Record, Scope};
use yakumo_store::{Batch, Store, StoreError};

const SCOPE: Scope = Scope { account: None, region: None, service: "cloud" };

#[derive(Clone, Serialize, Deserialize)]
struct ClockRecord(Course);

impl Record for ClockRecord {
    const TABLE: &'static str = "clock";
}

#[derive(Clone, Serialize, Deserialize)]
struct RootKeyRecord(RootKey);

impl Record for RootKeyRecord {
    const TABLE: &'static str = "root-key";
}

async fn read<R: Record>(store: &Store) -> Result<Option<R>, StoreError> {
    let Some(bytes) = store.get(&SCOPE.record_key(R::TABLE, &[])).await? else { return Ok(None) };
    R::from_bytes(&bytes).map(Some).map_err(|error| StoreError::Corrupt { what: error.to_string() })
}

async fn write<R: Record>(store: &Store, record: &R) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    batch.put(SCOPE.record_key(R::TABLE, &[]), record.to_bytes());
    store.commit(batch).await.map(|_| ())
}

/// The course that the clock had when it was last changed.
pub async fn course(store: &Store) -> Result<Option<Course>, StoreError> {
    Ok(read::<ClockRecord>(store).await?.map(|record| record.0))
}

/// Keeps the clock's course.
pub async fn keep_course(store: &Store, course: Course) -> Result<(), StoreError> {
    write(store, &ClockRecord(course)).await
}

/// The root key of a cloud that other hosts can reach; made on first need.
pub async fn root_key(store: &Store, ids: &Ids) -> Result<RootKey, StoreError> {
    if let Some(record) = read::<RootKeyRecord>(store).await? {
        return Ok(record.0);
    }
    let key = RootKey { access_key_id: format!("AKIA{}", ids.base32(16)), secret_access_key: ids.hex(40) };
    keep_root_key(store, &key).await?;
    Ok(key)
}

/// Keeps a generated root key.
pub async fn keep_root_key(store: &Store, key: &RootKey) -> Result<(), StoreError> {
    write(store, &RootKeyRecord(key.clone())).await
}
