//! Data written by every earlier format opens here: `tests/golden/v<format>` holds a directory and a snapshot file.
//!
//! They are made once for each format by the ignored test `make`, and never again.

use std::path::{Path, PathBuf};

use crate::directory::FORMAT_VERSION;
use crate::{Batch, BlobId, Change, CloudId, Config, Order, Range, Store, StoreError};

const CLOUD: &str = "gxdenabc";

fn golden(version: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("v{version}"))
}

fn config(path: PathBuf) -> Config {
    // No file is set aside: it would be part of what is committed.
    Config { disk_reserve_bytes: 0, cloud: CloudId::parse(CLOUD), ..Config::directory(path) }
}

/// One record of each kind in a table, then one of each kind that is only in the journal.
async fn write(store: &Store) -> Result<(), StoreError> {
    for (part, flushed) in [("table", true), ("journal", false)] {
        let mut writer = store.blobs().create().await?;
        writer.write(part.repeat(10_000).into()).await?;
        let blob = writer.finish().await?;
        let mut batch = Batch::new();
        batch.keep_blob(&blob).put(format!("{part}/blob"), blob.id().to_string());
        for number in 0..50 {
            batch.put(format!("{part}/{number:02}"), part.repeat(number));
        }
        batch.delete(format!("{part}/07"));
        batch.change(Change {
            time: yakumo_aws::Timestamp::from_millis(1_234_567_890_123),
            principal: "arn:aws:iam::000000000000:root".into(),
            request_id: "request".into(),
            resource_type: "AWS::SQS::Queue".into(),
            resource_id: part.into(),
            before: None,
            after: Some("{}".into()),
        });
        store.commit(batch).await?;
        if flushed {
            store.engine().flush_for_tests()?;
        }
    }
    let mut batch = Batch::new();
    batch.delete("table/08");
    store.commit(batch).await.map(|_| ())
}

async fn check(store: &Store) {
    for part in ["table", "journal"] {
        let found = store.scan(Range::prefix(format!("{part}/")), 100).await.unwrap();
        assert_eq!(found.len(), if part == "table" { 49 } else { 50 });
        for number in (0..50).filter(|number| *number != 7 && (*number != 8 || part == "journal")) {
            let value = store.get(format!("{part}/{number:02}").as_bytes()).await.unwrap().unwrap();
            assert_eq!(value, part.repeat(number));
        }
        let id = store.get(format!("{part}/blob").as_bytes()).await.unwrap().unwrap();
        let id = BlobId::parse(std::str::from_utf8(&id).unwrap()).unwrap();
        assert_eq!(store.blobs().open(id).await.unwrap().bytes().await.unwrap(), part.repeat(10_000));
    }
    let feed = store.changes(Order::FIRST, 10).await.unwrap();
    let ids: Vec<_> = feed.rows.iter().map(|row| row.change.resource_id.as_str()).collect();
    assert_eq!(ids, ["table", "journal"]);
    assert_eq!(feed.rows[0].change.time.as_millis(), 1_234_567_890_123);
    assert_eq!(feed.rows[0].change.principal, "arn:aws:iam::000000000000:root");
    let mut batch = Batch::new();
    batch.put("new", "");
    assert!(store.commit(batch).await.unwrap() > feed.next);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, target) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(path, target).unwrap();
        }
    }
}

#[tokio::test]
#[ignore = "makes the golden data of the current format; run it once when the format changes"]
async fn make() {
    let folder = golden(FORMAT_VERSION);
    assert!(!folder.exists(), "golden data is never made again");
    std::fs::create_dir_all(&folder).unwrap();
    let store = Store::open(config(folder.join("directory"))).await.unwrap();
    write(&store).await.unwrap();
    store.save(&folder.join("snapshot")).await.unwrap();
    store.close().await.unwrap();
}

#[tokio::test]
async fn directories_of_every_format_open() {
    for version in 1..=FORMAT_VERSION {
        let dir = tempfile::tempdir().unwrap();
        copy(&golden(version).join("directory"), dir.path());
        let store = Store::open(config(dir.path().to_path_buf())).await.unwrap();
        assert_eq!(store.cloud().as_str(), CLOUD);
        check(&store).await;
    }
}

#[tokio::test]
async fn snapshot_files_of_every_format_load() {
    for version in 1..=crate::dump::FORMAT_VERSION {
        let dir = tempfile::tempdir().unwrap();
        for config in [Config::memory(), Config::directory(dir.path())] {
            let store = Store::open(config).await.unwrap();
            store.load(&golden(version).join("snapshot")).await.unwrap();
            check(&store).await;
        }
    }
}
