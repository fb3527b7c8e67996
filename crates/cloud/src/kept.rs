//! What the cloud itself keeps in its store: the course of its clock, the generated root key, which public addresses
//! are its own, and which interfaces were made live by hand.

use crate::RootKey;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
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

/// Which slice of the public addresses is this cloud's.
#[derive(Clone, Serialize, Deserialize)]
struct SliceRecord(u8);

impl Record for SliceRecord {
    const TABLE: &'static str = "network-slice";
}

/// The interfaces that were made live by hand.
#[derive(Clone, Default, Serialize, Deserialize)]
struct PlugsRecord(BTreeSet<String>);

impl Record for PlugsRecord {
    const TABLE: &'static str = "network-plugs";
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

/// Which slice of the public addresses is this cloud's.
pub async fn slice(store: &Store) -> Result<Option<u8>, StoreError> {
    Ok(read::<SliceRecord>(store).await?.map(|record| record.0))
}

/// Keeps it.
pub async fn keep_slice(store: &Store, slice: u8) -> Result<(), StoreError> {
    write(store, &SliceRecord(slice)).await
}

/// The interfaces that were made live by hand.
pub async fn plugs(store: &Store) -> Result<BTreeSet<String>, StoreError> {
    Ok(read::<PlugsRecord>(store).await?.unwrap_or_default().0)
}

/// Keeps them.
pub async fn keep_plugs(store: &Store, plugs: BTreeSet<String>) -> Result<(), StoreError> {
    write(store, &PlugsRecord(plugs)).await
}
