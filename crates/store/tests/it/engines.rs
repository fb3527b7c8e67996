//! Opens a fresh store on each engine that can be tested here.

use std::future::Future;
use std::sync::Arc;

use object_store::memory::InMemory;
use tempfile::TempDir;
use yakumo_store::{Bucket, CloudId, Config, Durability, Location, Store};

/// A store and what must outlive it.
pub struct Fresh {
    pub store: Store,
    pub config: Config,
    pub _dir: Option<TempDir>,
}

async fn open(config: Config, dir: Option<TempDir>) -> Fresh {
    let store = Store::open(config.clone()).await.unwrap();
    Fresh { store, config, _dir: dir }
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// A fresh store in a directory.
pub async fn in_directory(durability: Durability) -> Fresh {
    let dir = tempfile::tempdir().unwrap();
    open(Config::directory(dir.path().join("data")).durability(durability), Some(dir)).await
}

/// The same store, with its bodies as objects in this process's memory.
pub fn with_bucket(config: Config) -> (Config, Arc<InMemory>) {
    let objects = Arc::new(InMemory::new());
    let bodies = Some(Bucket::parse("s3://bodies/of/tests").unwrap());
    (Config { bodies, bodies_in_memory: Some(objects.clone()), ..config }, objects)
}

/// The server to test with; says loudly when there is none.
pub fn postgres() -> Option<String> {
    let url = std::env::var("YAKUMO_TEST_POSTGRES").ok();
    if url.is_none() {
        println!(
            "SKIPPED: PostgreSQL is not tested, YAKUMO_TEST_POSTGRES is not set (tests/with-postgres.sh sets it)"
        );
    }
    url
}

fn postgres_config(url: &str) -> Config {
    let cloud = Some(CloudId::random().unwrap());
    Config { cloud, ..Config::new(Location::Postgres(url.to_string())) }
}

/// A fresh cloud on the server.
pub async fn in_postgres(url: &str) -> Fresh {
    open(postgres_config(url), None).await
}

/// Runs a test on every engine; names the engine before it starts so that a failure says which one it was.
pub fn on_all<F: Future<Output = ()>>(test: impl Fn(Fresh) -> F) {
    on_all_with(|_| (), test);
}

/// The same with a configuration of its own.
pub fn on_all_with<F: Future<Output = ()>>(adjust: impl Fn(&mut Config), test: impl Fn(Fresh) -> F) {
    runtime().block_on(async {
        for durability in [None, Some(Durability::Process), Some(Durability::Fsync)] {
            println!("engine: {}", if durability.is_some() { "directory" } else { "memory" });
            let dir = tempfile::tempdir().unwrap();
            let mut config = match durability {
                None => Config::memory(),
                Some(durability) => Config::directory(dir.path().join("data")).durability(durability),
            };
            adjust(&mut config);
            test(open(config, Some(dir)).await).await;
        }
        for location in ["memory", "directory"] {
            println!("engine: {location} with bodies in a bucket");
            let dir = tempfile::tempdir().unwrap();
            let config = match location {
                "memory" => Config::memory(),
                _ => Config::directory(dir.path().join("data")),
            };
            let (mut config, _) = with_bucket(config);
            adjust(&mut config);
            test(open(config, Some(dir)).await).await;
        }
        if let Some(url) = postgres() {
            println!("engine: PostgreSQL");
            let mut config = postgres_config(&url);
            adjust(&mut config);
            test(open(config, None).await).await;
        }
    });
}
