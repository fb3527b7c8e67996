//! What the cloud itself keeps in its store: the course of its clock, the generated root key, which public addresses
//! are its own, which interfaces were made live by hand, and which disks belong to its records.

use crate::RootKey;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use yakumo_net::engine::Ranges;
use yakumo_room::{Course, Ids, Record, Scope};
use yakumo_store::key::KeyReader;
use yakumo_store::{Batch, Pair, Range, Store, StoreError};

/// Pairs that are read at a time.
const PAGE: usize = 1_000;
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

/// The public addresses that the records are written with.
#[derive(Clone, Serialize, Deserialize)]
struct RangesRecord(Ranges);

impl Record for RangesRecord {
    const TABLE: &'static str = "network-ranges";
}

/// Which generation of disks belongs to the records.
#[derive(Clone, Serialize, Deserialize)]
struct DisksRecord(String);

impl Record for DisksRecord {
    const TABLE: &'static str = "disks";
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

/// Forgets it: a fork has addresses of its own. What its records are written with is kept.
pub async fn forget_slice(store: &Store, ranges: Ranges) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    batch.delete(SCOPE.record_key(SliceRecord::TABLE, &[]));
    if read::<RangesRecord>(store).await?.is_none() {
        batch.put(SCOPE.record_key(RangesRecord::TABLE, &[]), RangesRecord(ranges).to_bytes());
    }
    store.commit(batch).await.map(drop)
}

/// Keeps it. Records that are written with other addresses, as those of a snapshot of another cloud are, get these.
pub async fn keep_slice(store: &Store, slice: u8, ranges: Ranges) -> Result<(), StoreError> {
    let before = read::<RangesRecord>(store).await?.map(|record| record.0);
    if before == Some(ranges) && self::slice(store).await? == Some(slice) {
        return Ok(());
    }
    let mut batch = Batch::default();
    if let Some(before) = before.filter(|before| *before != ranges) {
        renumber(store, &mut batch, &before, &ranges).await?;
    }
    batch.put(SCOPE.record_key(SliceRecord::TABLE, &[]), SliceRecord(slice).to_bytes());
    batch.put(SCOPE.record_key(RangesRecord::TABLE, &[]), RangesRecord(ranges).to_bytes());
    store.commit(batch).await.map(drop)
}

async fn renumber(
    store: &Store,
    batch: &mut Batch,
    before: &Ranges,
    after: &Ranges,
) -> Result<(), StoreError> {
    let (mut removed, mut written) = (Vec::new(), Vec::new());
    let mut range = Range::all();
    loop {
        let page = store.scan(range.clone(), PAGE).await?;
        let Some((last, _)) = page.last() else { break };
        range = Range::all().after(last.clone());
        for (key, value) in page.iter().filter(|(key, _)| is_of_ec2(key)) {
            let Some((other, bytes)) = yakumo_ec2::renumber(key, value, before, after) else { continue };
            if other != key {
                removed.push(key.clone());
            }
            written.push((other, bytes));
        }
    }
    // One may get the key that another one leaves.
    for key in removed {
        batch.delete(key);
    }
    for (key, bytes) in written {
        batch.put(key, bytes);
    }
    Ok(())
}

/// Whether a key is of the room whose records have public addresses.
fn is_of_ec2(key: &[u8]) -> bool {
    let mut fields = KeyReader::new(key);
    let mut next = || fields.text().ok();
    (next(), next(), next()).2.is_some_and(|service| service == "ec2")
}

/// Which generation of disks belongs to the records.
pub async fn disks(store: &Store) -> Result<Option<String>, StoreError> {
    Ok(read::<DisksRecord>(store).await?.map(|record| record.0))
}

/// What says it, to be written together with the records.
pub fn disks_pair(generation: &str) -> Pair {
    let record = DisksRecord(generation.to_owned());
    (SCOPE.record_key(DisksRecord::TABLE, &[]), record.to_bytes().into())
}

/// The interfaces that were made live by hand.
pub async fn plugs(store: &Store) -> Result<BTreeSet<String>, StoreError> {
    Ok(read::<PlugsRecord>(store).await?.unwrap_or_default().0)
}

/// Keeps them.
pub async fn keep_plugs(store: &Store, plugs: BTreeSet<String>) -> Result<(), StoreError> {
    write(store, &PlugsRecord(plugs)).await
}
