//! What every engine does alike.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use yakumo_store::{Batch, Change, Order, Range, Store, StoreError};

use crate::engines::{on_all, on_all_with};

fn put(key: &str, value: &str) -> Batch {
    let mut batch = Batch::new();
    batch.put(key.to_string(), value.to_string());
    batch
}

async fn value(store: &Store, key: &str) -> Option<String> {
    let value = store.get(key.as_bytes()).await.unwrap();
    value.map(|value| String::from_utf8(value.to_vec()).unwrap())
}

async fn keys(store: &Store, range: Range, limit: usize) -> Vec<String> {
    let pairs = store.scan(range, limit).await.unwrap();
    pairs.into_iter().map(|(key, _)| String::from_utf8(key.to_vec()).unwrap()).collect()
}

async fn fill(store: &Store, names: &[&str]) {
    let mut batch = Batch::new();
    for name in names {
        batch.put(name.to_string(), format!("value of {name}"));
    }
    store.commit(batch).await.unwrap();
}

#[test]
fn a_value_is_read_back_replaced_and_deleted() {
    on_all(async |fresh| {
        let store = fresh.store;
        assert_eq!(value(&store, "a").await, None);
        store.commit(put("a", "1")).await.unwrap();
        assert_eq!(value(&store, "a").await.as_deref(), Some("1"));
        store.commit(put("a", "")).await.unwrap();
        assert_eq!(value(&store, "a").await.as_deref(), Some(""));
        let mut batch = Batch::new();
        batch.delete("a").delete("never there");
        store.commit(batch).await.unwrap();
        assert_eq!(value(&store, "a").await, None);
    });
}

#[test]
fn the_last_write_of_a_key_in_a_batch_wins() {
    on_all(async |fresh| {
        let mut batch = Batch::new();
        batch.put("a", "1").put("b", "1").delete("a").put("c", "1").delete("b").put("b", "2");
        fresh.store.commit(batch).await.unwrap();
        assert_eq!(keys(&fresh.store, Range::all(), 9).await, ["b", "c"]);
        assert_eq!(value(&fresh.store, "b").await.as_deref(), Some("2"));
    });
}

#[test]
fn scans_are_ordered_both_ways_and_paged() {
    on_all(async |fresh| {
        let store = fresh.store;
        fill(&store, &["a", "b", "ba", "bb", "bc", "c", "d"]).await;
        assert_eq!(keys(&store, Range::prefix("b"), 9).await, ["b", "ba", "bb", "bc"]);
        assert_eq!(keys(&store, Range::prefix("b").reverse(), 9).await, ["bc", "bb", "ba", "b"]);
        assert_eq!(keys(&store, Range::between("b", "c"), 2).await, ["b", "ba"]);
        assert_eq!(keys(&store, Range::prefix("b").after("ba"), 9).await, ["bb", "bc"]);
        assert_eq!(keys(&store, Range::prefix("b").reverse().after("bb"), 9).await, ["ba", "b"]);
        assert_eq!(keys(&store, Range::all().reverse(), 2).await, ["d", "c"]);
        assert_eq!(keys(&store, Range::between("x", "b"), 2).await, Vec::<String>::new());
        assert_eq!(keys(&store, Range::all(), 0).await, Vec::<String>::new());
    });
}

#[test]
fn keys_are_bytes() {
    on_all(async |fresh| {
        let all: Vec<Vec<u8>> =
            vec![vec![0], vec![0, 0], vec![0, 255], vec![1], vec![128, 200], vec![254, 255, 255]];
        let mut batch = Batch::new();
        for key in all.iter().rev() {
            batch.put(key.clone(), key.clone());
        }
        fresh.store.commit(batch).await.unwrap();
        let pairs = fresh.store.scan(Range::all(), 99).await.unwrap();
        assert_eq!(pairs.iter().map(|(key, _)| key.to_vec()).collect::<Vec<_>>(), all);
        assert!(pairs.iter().all(|(key, value)| key == value));
    });
}

#[test]
fn many_pages_cover_everything_once() {
    on_all(async |fresh| {
        let mut batch = Batch::new();
        for number in 0..2_500_u32 {
            batch.put(number.to_be_bytes().to_vec(), vec![7; 20]);
        }
        fresh.store.commit(batch).await.unwrap();
        for reverse in [false, true] {
            let start = if reverse { Range::all().reverse() } else { Range::all() };
            let (mut range, mut seen) = (start.clone(), Vec::new());
            loop {
                let page = fresh.store.scan(range, 333).await.unwrap();
                let Some((last, _)) = page.last().cloned() else { break };
                seen.extend(page.into_iter().map(|(key, _)| key));
                range = start.clone().after(last);
            }
            assert_eq!(seen.len(), 2_500);
            assert!(seen.is_sorted_by(|a, b| if reverse { a > b } else { a < b }));
        }
    });
}

#[test]
fn what_cannot_be_stored_is_refused_and_harms_nothing() {
    on_all(async |fresh| {
        let mut batch = put("fine", "1");
        batch.put("", "x");
        let error = fresh.store.commit(batch).await.unwrap_err();
        assert!(matches!(error, StoreError::InvalidKey { .. }), "{error}");
        assert_eq!(value(&fresh.store, "fine").await, None);
        assert!(fresh.store.get(b"\xffmo").await.is_err(), "the store's own keys are out of reach");
        fresh.store.commit(put("fine", "1")).await.unwrap();
        assert_eq!(keys(&fresh.store, Range::all(), 9).await, ["fine"]);
    });
}

#[test]
fn orders_grow_with_the_calls_of_enqueue() {
    on_all(async |fresh| {
        let store = fresh.store;
        let tickets: Vec<_> = (0..50).map(|n| store.enqueue(put("a", &n.to_string()))).collect();
        let mut last = Order::FIRST;
        for ticket in tickets {
            let order = ticket.await.unwrap();
            assert!(order > last);
            last = order;
        }
        assert_eq!(value(&store, "a").await.as_deref(), Some("49"));
    });
}

#[test]
fn a_dropped_ticket_does_not_cancel() {
    on_all(async |fresh| {
        drop(fresh.store.enqueue(put("a", "1")));
        fresh.store.commit(put("b", "1")).await.unwrap();
        assert_eq!(value(&fresh.store, "a").await.as_deref(), Some("1"));
    });
}

#[test]
fn snapshots_do_not_move() {
    on_all(async |fresh| {
        let store = fresh.store;
        fill(&store, &["a", "b"]).await;
        let snapshot = store.snapshot().await.unwrap();
        let mut batch = put("c", "new");
        batch.delete("a").put("b", "new");
        let order = store.commit(batch).await.unwrap();
        assert!(snapshot.order() < order);
        assert_eq!(snapshot.get(b"a").await.unwrap().as_deref(), Some(&b"value of a"[..]));
        assert_eq!(snapshot.get(b"c").await.unwrap(), None);
        let seen = snapshot.scan(Range::all(), 9).await.unwrap();
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[1].1, "value of b");
        assert_eq!(keys(&store, Range::all(), 9).await, ["b", "c"]);
    });
}

#[test]
fn racing_increments_never_lose_one() {
    on_all(async |fresh| {
        let runs = Arc::new(AtomicU32::new(0));
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let (store, runs) = (fresh.store.clone(), runs.clone());
                tokio::spawn(async move {
                    for _ in 0..10 {
                        let done: Result<(), StoreError> = store
                            .transact(async |tx| {
                                runs.fetch_add(1, Ordering::Relaxed);
                                let seen = tx.get(b"counter").await?.unwrap_or(Bytes::from_static(b"0"));
                                let seen: u32 = std::str::from_utf8(&seen).unwrap().parse().unwrap();
                                tokio::task::yield_now().await;
                                tx.put("counter", (seen + 1).to_string());
                                Ok(())
                            })
                            .await;
                        done.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(value(&fresh.store, "counter").await.as_deref(), Some("80"));
        assert!(runs.load(Ordering::Relaxed) >= 80);
    });
}

/// Two doctors are on call and each may leave while the other stays: the classic write skew.
#[test]
fn scans_conflict_with_keys_that_appear_in_them() {
    on_all(async |fresh| {
        for _ in 0..10 {
            let mut batch = Batch::new();
            batch.put("oncall/a", "").put("oncall/b", "");
            fresh.store.commit(batch).await.unwrap();
            let leave = |name: &'static str| {
                let store = fresh.store.clone();
                tokio::spawn(async move {
                    let done: Result<(), StoreError> = store
                        .transact(async |tx| {
                            let on_call = tx.scan(Range::prefix("oncall/"), 10).await?.len();
                            tokio::task::yield_now().await;
                            if on_call > 1 {
                                tx.delete(format!("oncall/{name}"));
                            }
                            Ok(())
                        })
                        .await;
                    done.unwrap();
                })
            };
            let (one, other) = (leave("a"), leave("b"));
            one.await.unwrap();
            other.await.unwrap();
            assert_eq!(keys(&fresh.store, Range::prefix("oncall/"), 9).await.len(), 1);
        }
    });
}

#[test]
fn a_plain_batch_between_read_and_commit_makes_the_transaction_run_again() {
    on_all(async |fresh| {
        let runs = AtomicU32::new(0);
        let store = &fresh.store;
        let seen: Result<Option<Bytes>, StoreError> = store
            .transact(async |tx| {
                let seen = tx.get(b"a").await?;
                if runs.fetch_add(1, Ordering::Relaxed) == 0 {
                    store.commit(put("a", "from elsewhere")).await?;
                    store.commit(put("unrelated", "")).await?;
                }
                tx.put("b", "mine");
                Ok(seen)
            })
            .await;
        assert_eq!(seen.unwrap().as_deref(), Some(&b"from elsewhere"[..]));
        assert_eq!(runs.load(Ordering::Relaxed), 2);
    });
}

#[test]
fn what_was_not_read_does_not_conflict() {
    on_all(async |fresh| {
        let runs = AtomicU32::new(0);
        let store = &fresh.store;
        let done: Result<(), StoreError> = store
            .transact(async |tx| {
                tx.get(b"a").await?;
                tx.scan(Range::prefix("list/"), 10).await?;
                runs.fetch_add(1, Ordering::Relaxed);
                store.commit(put("b", "")).await?;
                tx.put("b", "mine");
                Ok(())
            })
            .await;
        done.unwrap();
        assert_eq!(runs.load(Ordering::Relaxed), 1);
        assert_eq!(value(store, "b").await.as_deref(), Some("mine"));
    });
}

#[test]
fn endless_conflicts_end() {
    on_all(async |fresh| {
        let store = &fresh.store;
        let done: Result<(), StoreError> = store
            .transact(async |tx| {
                tx.get(b"a").await?;
                store.commit(put("a", "again")).await?;
                tx.put("b", "never");
                Ok(())
            })
            .await;
        assert!(matches!(done, Err(StoreError::Contention { .. })));
        assert_eq!(value(store, "b").await, None);
    });
}

#[test]
fn a_transaction_reads_its_own_writes() {
    on_all(async |fresh| {
        fill(&fresh.store, &["a", "b", "c", "d"]).await;
        let done: Result<(), StoreError> = fresh
            .store
            .transact(async |tx| {
                tx.put("bb", "new");
                tx.delete("a");
                tx.put("c", "changed");
                assert_eq!(tx.get(b"a").await?, None);
                assert_eq!(tx.get(b"bb").await?.as_deref(), Some(&b"new"[..]));
                let names = async |range, limit| -> Result<Vec<Bytes>, StoreError> {
                    Ok(tx.scan(range, limit).await?.into_iter().map(|(key, _)| key).collect())
                };
                assert_eq!(names(Range::all(), 9).await?, ["b", "bb", "c", "d"]);
                assert_eq!(names(Range::all(), 2).await?, ["b", "bb"]);
                assert_eq!(names(Range::all().reverse(), 3).await?, ["d", "c", "bb"]);
                assert_eq!(names(Range::all().after("b"), 1).await?, ["bb"]);
                assert_eq!(tx.scan(Range::prefix("c"), 9).await?[0].1, "changed");
                Ok(())
            })
            .await;
        done.unwrap();
        assert_eq!(keys(&fresh.store, Range::all(), 9).await, ["b", "bb", "c", "d"]);
    });
}

#[test]
fn a_failed_transaction_leaves_nothing() {
    on_all(async |fresh| {
        let done: Result<(), yakumo_aws::Error> = fresh
            .store
            .transact(async |tx| {
                tx.put("a", "1");
                tx.get(b"b").await?;
                Err(yakumo_aws::Error::sender("InvalidParameterValue", "no"))
            })
            .await;
        assert_eq!(done.unwrap_err().code, "InvalidParameterValue");
        assert_eq!(value(&fresh.store, "a").await, None);
    });
}

fn change(id: &str) -> Change {
    Change { resource_id: id.into(), after: Some(Bytes::from_static(b"{}")), ..Change::default() }
}

#[test]
fn the_feed_has_every_change_in_commit_order() {
    on_all(async |fresh| {
        let store = fresh.store;
        let mut watch = store.watch_changes();
        watch.mark_unchanged();
        let tasks: Vec<_> = (0..4)
            .map(|task| {
                let store = store.clone();
                tokio::spawn(async move {
                    for number in 0..20 {
                        let mut batch = put(&format!("{task}"), "x");
                        batch.change(change(&format!("{task}-{number}-first")));
                        batch.change(change(&format!("{task}-{number}-second")));
                        store.commit(batch).await.unwrap();
                        store.commit(put("no change", "x")).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert!(watch.has_changed().unwrap());
        let (mut after, mut rows) = (Order::FIRST, Vec::new());
        loop {
            let page = store.changes(after, 7).await.unwrap();
            assert!(!page.missed);
            if page.rows.is_empty() {
                break;
            }
            after = page.next;
            rows.extend(page.rows);
        }
        assert_eq!(rows.len(), 160);
        assert!(rows.is_sorted_by(|a, b| (a.order, a.index) < (b.order, b.index)));
        for task in 0..4 {
            let own: Vec<_> =
                rows.iter().filter(|row| row.change.resource_id.starts_with(&format!("{task}-"))).collect();
            assert_eq!(own.len(), 40);
            assert_eq!(own[39].change.resource_id, format!("{task}-19-second"));
        }
        assert_eq!(*watch.borrow_and_update(), rows[159].order);
    });
}

#[test]
fn reset_empties_and_the_order_goes_on() {
    on_all(async |fresh| {
        let store = fresh.store;
        let mut batch = put("a", "1");
        batch.change(change("a"));
        let before = store.commit(batch).await.unwrap();
        store.reset().await.unwrap();
        assert_eq!(keys(&store, Range::all(), 9).await, Vec::<String>::new());
        assert!(store.changes(Order::FIRST, 9).await.unwrap().rows.is_empty());
        assert!(store.commit(put("b", "1")).await.unwrap() > before);
        assert_eq!(keys(&store, Range::all(), 9).await, ["b"]);
    });
}

#[test]
fn a_closed_store_refuses_and_has_written_what_waited() {
    on_all(async |fresh| {
        let other = fresh.store.clone();
        let waiting = other.enqueue(put("a", "1"));
        fresh.store.close().await.unwrap();
        waiting.await.unwrap();
        assert!(matches!(other.commit(put("b", "1")).await, Err(StoreError::Closed)));
    });
}

#[test]
fn futures_can_move_between_threads() {
    fn movable<T: Send>(value: T) -> T {
        value
    }
    on_all(async |fresh| {
        let store = fresh.store;
        let name = String::from("a");
        movable(store.commit(put("a", "1"))).await.unwrap();
        let read = movable(store.transact::<_, StoreError, _, _>(async |tx| tx.get(name.as_bytes()).await));
        assert_eq!(read.await.unwrap().as_deref(), Some(&b"1"[..]));
    });
}

#[test]
fn the_feed_is_bounded_and_says_when_something_was_missed() {
    on_all_with(
        |config| config.feed_rows = 80,
        async |fresh| {
            let mut orders = Vec::new();
            for number in 0..100 {
                let mut batch = Batch::new();
                for part in 0..3 {
                    batch.change(change(&format!("{number}-{part}")));
                }
                orders.push(fresh.store.commit(batch).await.unwrap());
            }
            let all = fresh.store.changes(Order::FIRST, 1_000).await.unwrap();
            assert!(all.missed);
            assert!((80..=90).contains(&all.rows.len()), "{}", all.rows.len());
            assert_eq!(all.rows.len() % 3, 0, "commits are dropped as a whole");
            assert_eq!(all.rows.last().unwrap().change.resource_id, "99-2");
            let recent = fresh.store.changes(orders[89], 1_000).await.unwrap();
            assert!(!recent.missed);
            assert_eq!(recent.rows.len(), 30);
            assert!(fresh.store.changes(orders[99], 1_000).await.unwrap().rows.is_empty());
        },
    );
}

#[test]
fn a_blob_that_is_not_there_is_named() {
    on_all(async |fresh| {
        let id = yakumo_store::BlobId::from_bytes([1; 16]);
        let error = fresh.store.blobs().open(id).await.err().unwrap();
        assert!(error.to_string().contains(&id.to_string()), "{error}");
    });
}
