//! Opens a fresh store on each engine that can be tested here.

use std::future::Future;

use tempfile::TempDir;
use yakumo_store::{Config, Durability, Store};

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

/// Runs a test on every engine; names the engine before it starts so that a failure says which one it was.
pub fn on_all<F: Future<Output = ()>>(test: impl Fn(Fresh) -> F) {
    runtime().block_on(async {
        println!("engine: memory");
        test(open(Config::memory(), None).await).await;
        println!("engine: directory, durability process");
        test(in_directory(Durability::Process).await).await;
        println!("engine: directory, durability fsync");
        test(in_directory(Durability::Fsync).await).await;
    });
}
