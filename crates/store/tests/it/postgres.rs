//! What only a server has: several clouds in one database, owners that come and go, connections that break.

use std::time::Duration;

use tokio_postgres::NoTls;
use yakumo_store::{Batch, CloudId, Config, Location, Range, Store, StoreError};

use crate::engines::{in_postgres, postgres, runtime};

fn put(key: impl Into<bytes::Bytes>) -> Batch {
    let mut batch = Batch::new();
    batch.put(key, "1");
    batch
}

async fn sql(url: &str, text: &str) {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(text).await.unwrap();
}

/// Runs a test against a server, if there is one.
fn with_server<F: Future<Output = ()>>(test: impl FnOnce(String) -> F) {
    if let Some(url) = postgres() {
        runtime().block_on(test(url));
    }
}

#[test]
fn clouds_in_one_database_do_not_see_each_other() {
    with_server(async |url| {
        let (one, other) = (in_postgres(&url).await, in_postgres(&url).await);
        one.store.commit(put("one")).await.unwrap();
        other.store.commit(put("other")).await.unwrap();
        one.store.reset().await.unwrap();
        assert!(one.store.scan(Range::all(), 9).await.unwrap().is_empty());
        assert_eq!(other.store.scan(Range::all(), 9).await.unwrap().len(), 1);
    });
}

#[test]
fn everything_is_there_after_a_restart_and_the_order_goes_on() {
    with_server(async |url| {
        let fresh = in_postgres(&url).await;
        let first = fresh.store.commit(put("a")).await.unwrap();
        let cloud = fresh.store.cloud();
        assert!(matches!(Store::open(fresh.config.clone()).await, Err(StoreError::Locked { .. })));
        fresh.store.close().await.unwrap();
        let again = Store::open(fresh.config).await.unwrap();
        assert_eq!(again.cloud(), cloud);
        assert!(again.get(b"a").await.unwrap().is_some());
        assert!(again.commit(put("b")).await.unwrap() > first);
    });
}

#[test]
fn a_stale_owner_is_replaced_and_can_write_no_more() {
    with_server(async |url| {
        let fresh = in_postgres(&url).await;
        fresh.store.commit(put("old owner")).await.unwrap();
        let cloud = fresh.store.cloud();
        // As if it had been silent for long.
        let silent = "UPDATE yakumo_clouds SET beat = clock_timestamp() - interval '11 seconds' WHERE cloud";
        sql(&url, &format!("{silent} = '{cloud}'")).await;
        let next = Store::open(fresh.config.clone()).await.unwrap();
        next.commit(put("new owner")).await.unwrap();
        for _ in 0..3 {
            let error = fresh.store.commit(put("too late")).await.unwrap_err();
            assert!(matches!(error, StoreError::NotOwner), "{error}");
        }
        assert_eq!(next.get(b"too late").await.unwrap(), None);
        assert_eq!(next.scan(Range::all(), 9).await.unwrap().len(), 2);
    });
}

#[test]
fn broken_connections_lose_nothing_and_repeat_nothing() {
    with_server(async |url| {
        let fresh = in_postgres(&url).await;
        let name = format!("yakumo-{}", fresh.store.cloud());
        let url_named = format!("{url} application_name={name}");
        fresh.store.close().await.unwrap();
        let store =
            Store::open(Config { location: Location::Postgres(url_named), ..fresh.config }).await.unwrap();
        let breaking = tokio::spawn({
            let (url, name) = (url.clone(), name.clone());
            async move {
                for _ in 0..15 {
                    tokio::time::sleep(Duration::from_millis(30)).await;
                    let kill =
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name";
                    sql(&url, &format!("{kill} = '{name}'")).await;
                }
            }
        });
        let mut acknowledged = 0_u32;
        while !breaking.is_finished() {
            let mut batch = Batch::new();
            batch.put(format!("k/{acknowledged:06}"), "").put("count", acknowledged.to_string());
            store.commit(batch).await.unwrap();
            acknowledged += 1;
        }
        breaking.await.unwrap();
        let count = store.get(b"count").await.unwrap().unwrap();
        assert_eq!(count, (acknowledged - 1).to_string());
        let found = store.scan(Range::prefix("k/"), 1_000_000).await.unwrap();
        assert_eq!(found.len() as u32, acknowledged);
        assert!(acknowledged > 10);
    });
}

#[test]
fn keys_that_the_index_does_not_take_are_refused_alone() {
    with_server(async |url| {
        let fresh = in_postgres(&url).await;
        // What does not compress.
        let key =
            |len: usize| (0..len as u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).take(len);
        let long: Vec<u8> = std::iter::once(b'k').chain(key(2_599)).collect();
        fresh.store.commit(put(long.clone())).await.unwrap();
        let error = fresh.store.commit(put([long, vec![1]].concat())).await.unwrap_err();
        assert!(matches!(error, StoreError::InvalidKey { .. }), "{error}");
        fresh.store.commit(put("b")).await.unwrap();
    });
}

#[test]
fn an_ambiguous_database_and_a_newer_one_are_refused() {
    with_server(async |url| {
        let (_one, _other) = (in_postgres(&url).await, in_postgres(&url).await);
        let any = Config::new(Location::Postgres(url.clone()));
        let error = Store::open(any).await.err().unwrap();
        assert!(error.to_string().contains("name one"), "{error}");
        sql(&url, "CREATE DATABASE yakumo_newer").await;
        let newer = url.replace("dbname=postgres", "dbname=yakumo_newer");
        let config = Config::new(Location::Postgres(newer.clone()));
        let only = Store::open(config.clone()).await.unwrap();
        let cloud = only.cloud();
        only.close().await.unwrap();
        assert_eq!(Store::open(config.clone()).await.unwrap().cloud(), cloud, "the only one is found");
        sql(&newer, "UPDATE yakumo_format SET version = 7").await;
        let other = Config { cloud: CloudId::parse("abcdefgh"), ..config };
        let error = Store::open(other).await.err().unwrap();
        assert!(matches!(error, StoreError::NewerFormat { found: 7, .. }), "{error}");
    });
}
