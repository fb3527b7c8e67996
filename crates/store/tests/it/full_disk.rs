//! A disk that is full, really: a small tmpfs, which needs root on Linux. Skipped loudly elsewhere.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use yakumo_store::{Batch, Config, Durability, Range, Store, StoreError};

use crate::engines::runtime;

/// A small disk, unmounted at the end.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn new(mib: u32) -> Option<SmallDisk> {
        let dir = tempfile::tempdir().unwrap();
        let size = format!("size={mib}m");
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", &size, "yakumo-test"]).arg(dir.path()).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(SmallDisk(dir));
        }
        println!("SKIPPED: no small disk can be mounted here (that needs root on Linux)");
        None
    }

    fn ballast(&self) -> PathBuf {
        self.0.path().join("ballast")
    }

    fn fill(&self, mib: usize) {
        std::fs::write(self.ballast(), vec![1; mib * 1024 * 1024]).unwrap();
    }

    fn free(&self) {
        std::fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

fn key(number: u64) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

fn put(number: u64) -> Batch {
    let mut batch = Batch::new();
    batch.put(key(number), vec![number as u8; 20_000]).put([key(number), vec![1]].concat(), "second half");
    batch
}

/// Writes until the disk is full; answers how many were acknowledged.
async fn write_until_full(store: &Store, from: u64) -> u64 {
    for number in from..from + 100_000 {
        match store.commit(put(number)).await {
            Ok(_) => {}
            Err(StoreError::Full { .. }) => return number,
            Err(other) => panic!("{other}"),
        }
    }
    panic!("the disk never became full");
}

async fn check(store: &Store, written: u64) {
    let found = store.scan(Range::all(), 1_000_000).await.unwrap();
    assert_eq!(found.len() as u64, written * 2);
    for (number, pair) in (0..written).zip(found.chunks(2)) {
        assert!(pair[0].0 == key(number) && pair[0].1 == vec![number as u8; 20_000], "{number}");
    }
}

async fn works_again(store: &Store, number: u64) {
    for _ in 0..100 {
        if store.commit(put(number)).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("writes stay refused");
}

fn a_full_disk(durability: Durability, disk_reserve_bytes: u64) {
    let Some(disk) = SmallDisk::new(96) else { return };
    disk.fill(60);
    runtime().block_on(async {
        let path: &Path = disk.0.path();
        let config =
            Config { disk_reserve_bytes, ..Config::directory(path.join("data")).durability(durability) };
        let store = Store::open(config.clone()).await.unwrap();
        let written = write_until_full(&store, 0).await;
        assert!(written > 100, "{written}");
        check(&store, written).await;
        // Without a reserve the reopened journal may have found a little room.
        let written = write_until_full(&store, written).await;
        check(&store, written).await;

        disk.free();
        works_again(&store, written).await;
        check(&store, written + 1).await;
        store.close().await.unwrap();
        let store = Store::open(config).await.unwrap();
        check(&store, written + 1).await;
    });
}

#[test]
fn without_a_reserve_a_failed_write_leaves_nothing_and_loses_nothing() {
    a_full_disk(Durability::Process, 0);
    a_full_disk(Durability::Fsync, 0);
}

#[test]
fn with_a_reserve_writes_stop_before_the_disk_is_full() {
    a_full_disk(Durability::Process, 8 * 1024 * 1024);
}

#[test]
fn deletes_work_on_a_full_disk() {
    let Some(disk) = SmallDisk::new(96) else { return };
    disk.fill(60);
    runtime().block_on(async {
        let path: &Path = disk.0.path();
        let config = Config { disk_reserve_bytes: 8 * 1024 * 1024, ..Config::directory(path.join("data")) };
        let store = Store::open(config).await.unwrap();
        let written = write_until_full(&store, 0).await;
        for number in 0..written {
            let mut batch = Batch::new();
            batch.delete(key(number)).delete([key(number), vec![1]].concat());
            store.commit(batch).await.unwrap();
        }
        check(&store, 0).await;
    });
}

#[test]
fn a_body_that_does_not_fit_is_refused_and_leaves_nothing() {
    let Some(disk) = SmallDisk::new(96) else { return };
    runtime().block_on(async {
        let path: &Path = disk.0.path();
        let config = Config { disk_reserve_bytes: 0, ..Config::directory(path.join("data")) };
        let store = Store::open(config).await.unwrap();
        store.commit(put(0)).await.unwrap();
        let piece = bytes::Bytes::from(vec![3; 1024 * 1024]);
        let body = futures_util::stream::repeat_with(|| Ok(piece.clone()));
        let error: StoreError = store.blobs().put(body).await.unwrap_err();
        assert!(matches!(error, StoreError::Full { .. }), "{error}");
        works_again(&store, 1).await;
        check(&store, 2).await;
        for _ in 0..500 {
            let left = std::fs::read_dir(path.join("data/generation-1/uploads")).unwrap().count();
            if left == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the upload stays");
    });
}
