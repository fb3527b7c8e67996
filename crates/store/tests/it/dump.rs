//! Snapshot files: saved on any engine, loaded on any, whole or not at all.

use std::path::Path;

use bytes::Bytes;
use yakumo_store::{Batch, Change, Config, Durability, Order, Range, Store, StoreError};

use crate::engines::{in_directory, on_all, runtime};

fn body() -> Bytes {
    (0..700_000_u32).map(|at| (at / 999) as u8).collect::<Vec<_>>().into()
}

/// Some records, two blobs, a row of the feed, and things that a file must not hold.
async fn fill(store: &Store) {
    for from in (0..3_000_u32).step_by(500) {
        let mut batch = Batch::new();
        for number in from..from + 500 {
            batch.put(format!("key/{number:06}"), vec![number as u8; (number % 700) as usize]);
        }
        batch.change(Change { resource_id: format!("r{from}"), ..Change::default() });
        store.commit(batch).await.unwrap();
    }
    for name in ["one", "two"] {
        let mut writer = store.blobs().create().await.unwrap();
        writer.write(body()).await.unwrap();
        let blob = writer.finish().await.unwrap();
        let mut batch = Batch::new();
        batch.keep_blob(&blob).put(format!("blob/{name}"), blob.id().to_string());
        store.commit(batch).await.unwrap();
    }
    let mut unfinished = store.blobs().create().await.unwrap();
    unfinished.write(body()).await.unwrap();
    let pending = unfinished.finish().await.unwrap();
    assert_eq!(pending.size_bytes(), 700_000);
}

async fn check(store: &Store) {
    let found = store.scan(Range::all(), 10_000).await.unwrap();
    assert_eq!(found.len(), 3_002);
    for number in 0..3_000_u32 {
        let (key, value) = &found[number as usize + 2];
        assert_eq!(*key, format!("key/{number:06}"));
        assert!(*value == vec![number as u8; (number % 700) as usize]);
    }
    for (_, id) in &found[..2] {
        let id = yakumo_store::BlobId::parse(std::str::from_utf8(id).unwrap()).unwrap();
        assert!(store.blobs().open(id).await.unwrap().bytes().await.unwrap() == body());
    }
    assert_eq!(store.changes(Order::FIRST, 100).await.unwrap().rows.len(), 6);
}

#[test]
fn what_is_saved_on_one_engine_is_loaded_on_another() {
    on_all(async |fresh| {
        fill(&fresh.store).await;
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("cloud.snapshot");
        let saved = fresh.store.save(&file).await.unwrap();
        assert_eq!(saved.blobs, 2);
        assert!(!dir.path().join("cloud.snapshot.part").exists());
        let newest = fresh.store.commit(Batch::new()).await.unwrap();

        let directory = in_directory(Durability::Process).await;
        for other in [&Store::open(Config::memory()).await.unwrap(), &directory.store] {
            let mut batch = Batch::new();
            batch.put("old", "content");
            other.commit(batch).await.unwrap();
            let cloud = other.cloud();
            assert_eq!(other.load(&file).await.unwrap(), saved);
            check(other).await;
            assert_eq!(other.cloud(), cloud);
            let mut batch = Batch::new();
            batch.put("new", "").change(Change::default());
            assert!(other.commit(batch).await.unwrap() > newest);
            assert_eq!(other.changes(Order::FIRST, 100).await.unwrap().rows.len(), 7);
        }
        // Into itself, and again from what it then holds.
        fresh.store.load(&file).await.unwrap();
        check(&fresh.store).await;
        assert_eq!(fresh.store.save(&file).await.unwrap(), saved);
    });
}

#[test]
fn a_loaded_directory_survives_a_restart() {
    runtime().block_on(async {
        for durability in [Durability::Process, Durability::Fsync] {
            let fresh = in_directory(durability).await;
            fill(&fresh.store).await;
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("cloud.snapshot");
            fresh.store.save(&file).await.unwrap();
            let other = in_directory(durability).await;
            other.store.load(&file).await.unwrap();
            other.store.close().await.unwrap();
            check(&Store::open(other.config.clone()).await.unwrap()).await;
        }
    });
}

#[test]
fn a_snapshot_file_is_of_one_moment() {
    on_all(async |fresh| {
        let store = fresh.store.clone();
        let writing = tokio::spawn(async move {
            for number in 0..2_000_u32 {
                let mut batch = Batch::new();
                batch.put("first", number.to_string()).put("zz last", number.to_string());
                store.commit(batch).await.unwrap();
            }
        });
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        for _ in 0..3 {
            fresh.store.save(&file).await.unwrap();
            let other = Store::open(Config::memory()).await.unwrap();
            other.load(&file).await.unwrap();
            assert_eq!(other.get(b"first").await.unwrap(), other.get(b"zz last").await.unwrap());
        }
        writing.await.unwrap();
    });
}

async fn refused(store: &Store, file: &Path, bytes: &[u8]) -> StoreError {
    std::fs::write(file, bytes).unwrap();
    let error = store.load(file).await.unwrap_err();
    assert_eq!(store.get(b"old").await.unwrap().as_deref(), Some(&b"content"[..]), "the old content stays");
    error
}

#[test]
fn damaged_cut_and_newer_files_are_refused_and_the_old_content_stays() {
    on_all(async |fresh| {
        let source = Store::open(Config::memory()).await.unwrap();
        fill(&source).await;
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        source.save(&file).await.unwrap();
        let whole = std::fs::read(&file).unwrap();
        let mut batch = Batch::new();
        batch.put("old", "content");
        fresh.store.commit(batch).await.unwrap();
        for cut in [0, 10, 27, 28, 35, 5_000, whole.len() / 2, whole.len() - 1] {
            let error = refused(&fresh.store, &file, &whole[..cut]).await;
            assert!(matches!(error, StoreError::Corrupt { .. }), "{cut}: {error}");
        }
        for at in [0, 30, 33, 40, 100_000, whole.len() - 3] {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            let error = refused(&fresh.store, &file, &damaged).await;
            assert!(matches!(error, StoreError::Corrupt { .. }), "{at}: {error}");
        }
        let mut newer = whole.clone();
        newer[19] = 9;
        let error = refused(&fresh.store, &file, &newer).await;
        assert!(matches!(error, StoreError::NewerFormat { found: 9, .. }), "{error}");
    });
}
