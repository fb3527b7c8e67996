//! Bodies in a bucket: objects and nothing else, what interrupts leave goes, and nobody looks in the wrong place.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{TryStreamExt, stream};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use yakumo_store::{Batch, BlobId, Bucket, Config, Store, StoreError, Stray};

use crate::engines::{runtime, with_bucket};

const SIZES: [usize; 4] = [40_000, 600_000, 5_242_880, 12_000_000];

fn body(len: usize) -> Bytes {
    (0..len).map(|at| (at / 1000 + at % 251) as u8).collect::<Vec<_>>().into()
}

async fn put(store: &Store, body: &Bytes) -> BlobId {
    let pieces: Vec<_> = body.chunks(70_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    let blob = store.blobs().put::<_, StoreError>(stream::iter(pieces)).await.unwrap();
    let mut batch = Batch::new();
    batch.keep_blob(&blob).put(format!("refers/{}", blob.id()), "");
    store.commit(batch).await.unwrap();
    blob.id()
}

async fn objects(bucket: &InMemory) -> Vec<Path> {
    let found = bucket.list(None).map_ok(|object| object.location).try_collect::<Vec<_>>().await.unwrap();
    found.into_iter().filter(|path| path.filename() != Some("cloud")).collect()
}

async fn become_so_many(bucket: &InMemory, wanted: usize) {
    for _ in 0..1_000 {
        if objects(bucket).await.len() == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{:?}", objects(bucket).await);
}

fn fresh() -> (tempfile::TempDir, Config, Arc<InMemory>) {
    let dir = tempfile::tempdir().unwrap();
    let (config, bucket) = with_bucket(Config::directory(dir.path().join("data")));
    (dir, Config { blob_grace_ms: 0, ..config }, bucket)
}

#[test]
fn each_body_is_one_object_until_nobody_needs_it() {
    runtime().block_on(async {
        let (_dir, config, bucket) = fresh();
        let store = Store::open(config.clone()).await.unwrap();
        let mut ids = Vec::new();
        for size in SIZES {
            ids.push((put(&store, &body(size)).await, size));
        }
        assert_eq!(objects(&bucket).await.len(), SIZES.len());
        for (id, size) in &ids {
            let range = *size as u64 / 3..*size as u64 - 1;
            let reader = store.blobs().hold(*id).read(range.clone()).await.unwrap();
            let read: Vec<Bytes> = reader.try_collect().await.unwrap();
            assert!(read.concat() == body(*size)[range.start as usize..range.end as usize], "{size}");
        }
        let mut batch = Batch::new();
        batch.discard_blob(ids[0].0);
        store.commit(batch).await.unwrap();
        become_so_many(&bucket, SIZES.len() - 1).await;

        // What a killed process leaves: garbage, a blob that no record refers to, and half of one.
        let mut finished = store.blobs().create().await.unwrap();
        finished.write(body(100_000)).await.unwrap();
        let _never_kept = finished.finish().await.unwrap();
        let mut unfinished = store.blobs().create().await.unwrap();
        unfinished.write(body(6_000_000)).await.unwrap();
        std::mem::forget(unfinished);
        become_so_many(&bucket, SIZES.len()).await;
        store.close().await.unwrap();
        // The bucket is remembered.
        let store = Store::open(Config { bodies: None, ..config.clone() }).await.unwrap();
        assert_eq!(store.bucket().map(ToString::to_string).as_deref(), Some("s3://bodies/of/tests"));
        become_so_many(&bucket, SIZES.len() - 1).await;
        assert!(store.blobs().audit().await.unwrap().strays.is_empty());
        store.reset().await.unwrap();
        assert_eq!(objects(&bucket).await, []);
        let id = put(&store, &body(50_000)).await;
        assert!(store.blobs().open(id).await.unwrap().bytes().await.unwrap() == body(50_000));
    });
}

#[test]
fn a_load_puts_bodies_on_a_new_shelf_and_a_failed_one_leaves_the_old() {
    runtime().block_on(async {
        let (dir, config, bucket) = fresh();
        let store = Store::open(config.clone()).await.unwrap();
        let id = put(&store, &body(700_000)).await;
        let file = dir.path().join("file");
        store.save(&file).await.unwrap();
        let before = objects(&bucket).await;
        store.load(&file).await.unwrap();
        let after = objects(&bucket).await;
        assert!(after.len() == 1 && after != before, "{before:?} {after:?}");
        let mut cut = std::fs::read(&file).unwrap();
        cut.truncate(cut.len() / 2);
        std::fs::write(dir.path().join("cut"), cut).unwrap();
        assert!(store.load(&dir.path().join("cut")).await.is_err());
        assert_eq!(objects(&bucket).await, after);
        store.close().await.unwrap();
        let store = Store::open(config).await.unwrap();
        assert!(store.blobs().open(id).await.unwrap().bytes().await.unwrap() == body(700_000));
    });
}

async fn fault(store: &Store, id: BlobId) -> Option<String> {
    store.blobs().audit().await.unwrap().kept[&id].fault.clone()
}

#[test]
fn damage_in_the_bucket_is_noticed_and_strays_are_told() {
    runtime().block_on(async {
        let (_dir, config, bucket) = fresh();
        let store = Store::open(config).await.unwrap();
        for size in [200_000, 3_000_000] {
            let id = put(&store, &body(size)).await;
            let found = objects(&bucket).await;
            let path = found.iter().find(|path| path.filename() == Some(&id.to_string())).unwrap();
            assert_eq!(fault(&store, id).await, None);
            let whole = bucket.get(path).await.unwrap().bytes().await.unwrap();
            for at in [0, size / 2, size, whole.len() - 1] {
                let mut damaged = whole.to_vec();
                damaged[at] ^= 1;
                bucket.put(path, PutPayload::from(damaged)).await.unwrap();
                assert!(fault(&store, id).await.unwrap().starts_with("it is damaged"), "{at}");
                let opened = store.blobs().open(id).await;
                let read = match opened {
                    Ok(reader) => reader.stream(0..size as u64).try_collect::<Vec<Bytes>>().await.map(drop),
                    Err(error) => Err(error),
                };
                assert!(matches!(read, Err(StoreError::Corrupt { .. })), "{at}: {read:?}");
            }
            bucket.put(path, PutPayload::from(whole.slice(..whole.len() - 9))).await.unwrap();
            assert!(fault(&store, id).await.unwrap().starts_with("it is damaged"));
            bucket.delete(path).await.unwrap();
            assert_eq!(fault(&store, id).await.unwrap(), "it is missing");
            bucket.put(path, PutPayload::from(whole)).await.unwrap();
            assert_eq!(fault(&store, id).await, None);
        }
        let found = objects(&bucket).await;
        let (shelf, _) = found[0].as_ref().rsplit_once('/').unwrap();
        let root = shelf.rsplit_once('/').unwrap().0;
        let stray = BlobId::from_bytes([9; 16]);
        for path in [format!("{shelf}/{stray}"), format!("{shelf}/notes"), format!("{root}/other/{stray}")] {
            bucket.put(&Path::from(path), PutPayload::from("?")).await.unwrap();
        }
        let mut strays = store.blobs().audit().await.unwrap().strays;
        strays.sort_by_key(|stray| format!("{stray:?}"));
        let named = |name: &str| Stray::Object(format!("s3://bodies/{name}"));
        let mut expected = vec![
            Stray::Blob(stray),
            named(&format!("{shelf}/notes")),
            named(&format!("{root}/other/{stray}")),
        ];
        expected.sort_by_key(|stray| format!("{stray:?}"));
        assert_eq!(strays, expected);
        store.blobs().remove_stray(stray).await.unwrap();
        assert!(!store.blobs().audit().await.unwrap().strays.contains(&Stray::Blob(stray)));
    });
}

async fn refused(config: Config, text: &str) {
    let error = Store::open(config).await.err().unwrap().to_string();
    assert!(error.contains(text), "{error}");
}

#[test]
fn nobody_looks_for_bodies_where_they_are_not() {
    runtime().block_on(async {
        let (dir, config, bucket) = fresh();
        let store = Store::open(config.clone()).await.unwrap();
        let cloud = store.cloud();
        put(&store, &body(50_000)).await;
        store.close().await.unwrap();
        let other = Config { bodies: Some(Bucket::parse("s3://bodies/else").unwrap()), ..config.clone() };
        refused(other, "are kept in s3://bodies/of/tests, not in s3://bodies/else").await;
        // A bucket of the same name somewhere else.
        let elsewhere = Config { bodies_in_memory: Some(Arc::new(InMemory::new())), ..config.clone() };
        refused(elsewhere, "it is another bucket of that name").await;
        // The way there may change, and is remembered.
        let moved = Bucket { endpoint: Some("http://new:9000".into()), ..config.bodies.clone().unwrap() };
        Store::open(Config { bodies: Some(moved), ..config.clone() }).await.unwrap().close().await.unwrap();
        let again = Store::open(Config { bodies: None, ..config.clone() }).await.unwrap();
        assert_eq!(again.bucket().unwrap().endpoint.as_deref(), Some("http://new:9000"));
        again.close().await.unwrap();
        bucket.delete(&Path::from(format!("of/tests/{cloud}/cloud"))).await.unwrap();
        refused(config.clone(), "or it was emptied").await;

        // A store that keeps bodies with its records goes on with that; an empty one may still choose.
        let local = Config::directory(dir.path().join("local"));
        let store = Store::open(local.clone()).await.unwrap();
        store.close().await.unwrap();
        let chosen = Config {
            bodies: config.bodies.clone(),
            bodies_in_memory: config.bodies_in_memory.clone(),
            ..local
        };
        Store::open(chosen).await.unwrap().close().await.unwrap();
        let local = Config::directory(dir.path().join("full"));
        let store = Store::open(local.clone()).await.unwrap();
        put(&store, &body(50_000)).await;
        store.close().await.unwrap();
        let asked = Config { bodies: config.bodies, bodies_in_memory: config.bodies_in_memory, ..local };
        refused(asked, "keeps bodies with its records").await;
    });
}
