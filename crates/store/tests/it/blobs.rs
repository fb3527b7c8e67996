//! Blobs on every engine: whole or not there, readable while somebody reads, gone when nobody needs them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use yakumo_store::{Batch, BlobId, Config, Durability, Store, StoreError};

use crate::engines::{in_directory, on_all, runtime};

fn body(len: usize) -> Bytes {
    (0..len).map(|at| (at / 1000 + at % 251) as u8).collect::<Vec<_>>().into()
}

async fn put(store: &Store, body: &Bytes) -> BlobId {
    let pieces: Vec<_> = body.chunks(50_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    let blob = store.blobs().put::<_, StoreError>(stream::iter(pieces)).await.unwrap();
    assert_eq!(blob.size_bytes(), body.len() as u64);
    let mut batch = Batch::new();
    batch.keep_blob(&blob).put("refers", blob.id().to_string());
    store.commit(batch).await.unwrap();
    blob.id()
}

async fn discard(store: &Store, id: BlobId) {
    let mut batch = Batch::new();
    batch.discard_blob(id).delete("refers");
    store.commit(batch).await.unwrap();
}

async fn is_there(store: &Store, id: BlobId) -> bool {
    match store.blobs().open(id).await {
        Ok(_) => true,
        Err(StoreError::NoBlob { .. }) => false,
        Err(other) => panic!("{other}"),
    }
}

async fn goes(store: &Store, id: BlobId) {
    for _ in 0..1_000 {
        if !is_there(store, id).await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the blob stays");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[test]
fn bodies_are_read_back_in_any_range() {
    on_all(async |fresh| {
        for len in [0, 1, 40_000, 262_144, 262_145, 1_500_000] {
            let body = body(len);
            let id = put(&fresh.store, &body).await;
            let blobs = fresh.store.blobs();
            assert_eq!(blobs.open(id).await.unwrap().size_bytes(), len as u64);
            assert!(blobs.open(id).await.unwrap().bytes().await.unwrap() == body);
            for range in [0..len, 0..1, len / 2..len, len / 3..len / 2, len..len + 10] {
                let wanted = range.start as u64..range.end as u64;
                let expected = body.get(range.start..range.end.min(len)).unwrap_or_default();
                let opened = blobs.open(id).await.unwrap().stream(wanted.clone());
                let pieces: Vec<Bytes> = opened.try_collect().await.unwrap();
                assert!(pieces.concat() == expected, "{len} {range:?}");
                let at_once = blobs.hold(id).read(wanted).await.unwrap();
                let pieces: Vec<Bytes> = at_once.try_collect().await.unwrap();
                assert!(pieces.concat() == expected, "{len} {range:?}, opened and read in one go");
            }
        }
    });
}

#[test]
fn a_broken_body_leaves_nothing() {
    on_all(async |fresh| {
        let pieces = [Ok(body(700_000)), Err(yakumo_aws::Error::sender("BadDigest", "no"))];
        let error = fresh.store.blobs().put(stream::iter(pieces)).await.unwrap_err();
        assert_eq!(error.code, "BadDigest");
        assert!(!is_there(&fresh.store, BlobId::from_bytes([7; 16])).await);
    });
}

#[test]
fn an_abandoned_blob_goes() {
    on_all(async |fresh| {
        let blobs = fresh.store.blobs();
        let mut writer = blobs.create().await.unwrap();
        writer.write(body(600_000)).await.unwrap();
        let blob = writer.finish().await.unwrap();
        let id = blob.id();
        assert!(is_there(&fresh.store, id).await);
        blobs.abandon(blob).await.unwrap();
        assert!(!is_there(&fresh.store, id).await);
    });
}

#[test]
fn a_discarded_blob_goes_when_no_snapshot_and_no_reader_needs_it() {
    on_all(async |fresh| {
        let config = Config { blob_grace_ms: 0, ..fresh.config.clone() };
        fresh.store.close().await.unwrap();
        let store = Store::open(config).await.unwrap();
        let whole = body(900_000);

        let id = put(&store, &whole).await;
        discard(&store, id).await;
        goes(&store, id).await;

        let id = put(&store, &whole).await;
        let snapshot = store.snapshot().await.unwrap();
        let reader = store.blobs().open(id).await.unwrap();
        discard(&store, id).await;
        let mut stream = Box::pin(reader.stream(0..900_000));
        let first = stream.next().await.unwrap().unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        let rest: Vec<Bytes> = stream.by_ref().try_collect().await.unwrap();
        assert!([first, rest.concat().into()].concat() == whole);
        drop(stream);
        assert!(snapshot.get(b"refers").await.unwrap().is_some());
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(is_there(&store, id).await, "the snapshot refers to it");
        drop(snapshot);
        goes(&store, id).await;
    });
}

#[test]
fn a_transaction_keeps_and_discards() {
    on_all(async |fresh| {
        let old = put(&fresh.store, &body(50_000)).await;
        let mut writer = fresh.store.blobs().create().await.unwrap();
        writer.write(body(60_000)).await.unwrap();
        let new = writer.finish().await.unwrap();
        let done: Result<(), StoreError> = fresh
            .store
            .transact(async |tx| {
                tx.keep_blob(&new);
                tx.discard_blob(old);
                tx.put("refers", new.id().to_string());
                Ok(())
            })
            .await;
        done.unwrap();
        assert!(is_there(&fresh.store, new.id()).await);
    });
}

#[test]
fn a_restart_removes_uploads_and_garbage_and_nothing_else() {
    runtime().block_on(async {
        for durability in [Durability::Process, Durability::Fsync] {
            let fresh = in_directory(durability).await;
            let store = fresh.store.clone();
            let kept = put(&store, &body(100_000)).await;
            let discarded = put(&store, &body(100_001)).await;
            discard(&store, discarded).await;
            let mut finished = store.blobs().create().await.unwrap();
            finished.write(body(100_002)).await.unwrap();
            let _never_kept = finished.finish().await.unwrap();
            let mut unfinished = store.blobs().create().await.unwrap();
            unfinished.write(body(1_000_000)).await.unwrap();
            // What `kill -9` leaves: nobody tidies up.
            std::mem::forget(unfinished);
            let folder = match &fresh.config.location {
                yakumo_store::Location::Directory(path) => path.join("generation-1"),
                other => panic!("{other:?}"),
            };
            let blobs =
                |folder: &Path| [files(&folder.join("blobs")), files(&folder.join("uploads"))].concat();
            // The writer hands its pieces on and does not wait for them.
            for _ in 0..1_000 {
                if blobs(&folder).len() == 4 {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            assert_eq!(blobs(&folder).len(), 4);
            store.close().await.unwrap();
            drop(fresh.store);
            let again = Store::open(fresh.config.clone()).await.unwrap();
            assert!(is_there(&again, kept).await && !is_there(&again, discarded).await);
            assert_eq!(blobs(&folder).len(), 1);
        }
    });
}

#[test]
fn damage_is_noticed() {
    runtime().block_on(async {
        let fresh = in_directory(Durability::Process).await;
        let id = put(&fresh.store, &body(200_000)).await;
        let file = files(fresh._dir.as_ref().unwrap().path())
            .into_iter()
            .find(|path| path.file_name().unwrap().to_str().unwrap() == id.to_string())
            .unwrap();
        let mut bytes = std::fs::read(&file).unwrap();
        bytes[150_000] ^= 1;
        std::fs::write(&file, bytes).unwrap();
        let reader = fresh.store.blobs().open(id).await.unwrap();
        let all: Result<Vec<Bytes>, StoreError> = reader.stream(0..200_000).try_collect().await;
        assert!(matches!(all, Err(StoreError::Corrupt { .. })));
    });
}
