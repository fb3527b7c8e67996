//! What a directory still knows when it is opened again.

use bytes::Bytes;
use yakumo_store::{Batch, Change, CloudId, Config, Durability, Order, Range, Store, StoreError};

use crate::engines::{in_directory, runtime};

#[test]
fn everything_is_there_after_a_restart() {
    runtime().block_on(async {
        for durability in [Durability::Process, Durability::Fsync] {
            let fresh = in_directory(durability).await;
            let mut batch = Batch::new();
            batch.put("a", "1").put("b", vec![7; 100_000]).put("gone", "");
            batch.change(Change { resource_id: "a".into(), ..Change::default() });
            let first = fresh.store.commit(batch).await.unwrap();
            let mut batch = Batch::new();
            batch.delete("gone");
            fresh.store.commit(batch).await.unwrap();
            let cloud = fresh.store.cloud();
            fresh.store.close().await.unwrap();

            let again = Store::open(fresh.config.clone()).await.unwrap();
            assert_eq!(again.cloud(), cloud);
            let found = again.scan(Range::all(), 9).await.unwrap();
            assert_eq!(found, [("a".into(), "1".into()), ("b".into(), Bytes::from(vec![7; 100_000]))]);
            let feed = again.changes(Order::FIRST, 9).await.unwrap();
            assert_eq!((feed.rows.len(), feed.next), (1, first));
            let mut batch = Batch::new();
            batch.put("c", "1");
            assert!(again.commit(batch).await.unwrap() > first, "the order goes on");
        }
    });
}

#[test]
fn a_dropped_store_lets_go_of_its_directory() {
    runtime().block_on(async {
        for durability in [Durability::Process, Durability::Fsync] {
            let fresh = in_directory(durability).await;
            let second = Store::open(fresh.config.clone()).await.err().unwrap();
            assert!(matches!(second, StoreError::Locked { .. }), "{second}");
            let mut batch = Batch::new();
            batch.put("a", "1");
            drop(fresh.store.enqueue(batch));
            drop(fresh.store);
            let again = open_soon(&fresh.config).await;
            assert!(again.get(b"a").await.unwrap().is_some());
        }
    });
}

/// The commit thread may still be on its way out.
async fn open_soon(config: &Config) -> Store {
    for _ in 0..500 {
        match Store::open(config.clone()).await {
            Err(StoreError::Locked { .. }) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
            other => return other.unwrap(),
        }
    }
    panic!("the directory stays locked");
}

#[test]
fn a_closed_store_lets_go_although_clones_live() {
    runtime().block_on(async {
        let fresh = in_directory(Durability::Process).await;
        let clone = fresh.store.clone();
        let snapshot = clone.snapshot().await.unwrap();
        fresh.store.close().await.unwrap();
        Store::open(fresh.config.clone()).await.unwrap();
        assert!(matches!(clone.get(b"a").await, Err(StoreError::Closed)));
        assert!(matches!(snapshot.get(b"a").await, Err(StoreError::SnapshotLost)));
    });
}

#[test]
fn the_wrong_cloud_is_not_opened() {
    runtime().block_on(async {
        let fresh = in_directory(Durability::Process).await;
        fresh.store.close().await.unwrap();
        let other = Config { cloud: CloudId::parse("abcdefgh"), ..fresh.config };
        assert!(Store::open(other).await.is_err());
    });
}

#[test]
fn a_reset_survives_a_restart() {
    runtime().block_on(async {
        for durability in [Durability::Process, Durability::Fsync] {
            let fresh = in_directory(durability).await;
            let mut batch = Batch::new();
            batch.put("a", "1");
            let before = fresh.store.commit(batch).await.unwrap();
            let snapshot = fresh.store.snapshot().await.unwrap();
            fresh.store.reset().await.unwrap();
            assert!(matches!(snapshot.get(b"a").await, Err(StoreError::SnapshotLost)));
            let mut batch = Batch::new();
            batch.put("b", "1");
            fresh.store.commit(batch).await.unwrap();
            fresh.store.close().await.unwrap();
            let again = Store::open(fresh.config.clone()).await.unwrap();
            assert_eq!(again.scan(Range::all(), 9).await.unwrap(), [("b".into(), "1".into())]);
            let mut batch = Batch::new();
            batch.put("c", "1");
            assert!(again.commit(batch).await.unwrap() > before);
        }
    });
}

/// More than fits into memory tables, so that flushing, compaction and several journals take part.
#[test]
fn a_lot_of_data_survives_flushing() {
    runtime().block_on(async {
        let fresh = in_directory(Durability::Process).await;
        let key = |number: u32| [&b"k"[..], &number.wrapping_mul(2_654_435_761).to_be_bytes()].concat();
        let (total, in_batch) = (300_000_u32, 500);
        for from in (0..total).step_by(in_batch) {
            let mut batch = Batch::new();
            for number in from..from + in_batch as u32 {
                batch.put(key(number), vec![number as u8; 200]);
                if number % 3 == 0 && number >= 3_000 {
                    batch.delete(key(number - 3_000));
                }
            }
            fresh.store.commit(batch).await.unwrap();
        }
        let check = async |store: &Store| {
            for number in (0..total).step_by(7) {
                let deleted = number % 3 == 0 && number + 3_000 < total;
                let found = store.get(&key(number)).await.unwrap();
                let expected = (!deleted).then(|| Bytes::from(vec![number as u8; 200]));
                assert!(found == expected, "{number}");
            }
        };
        check(&fresh.store).await;
        fresh.store.close().await.unwrap();
        check(&Store::open(fresh.config.clone()).await.unwrap()).await;
    });
}
