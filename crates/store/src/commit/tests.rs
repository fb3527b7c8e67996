//! The queue on the memory engine: failure, waiting, leaders that hand over.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::feed::Feed;
use super::{Committer, Mode};
use crate::engine::{Engine, Memory};
use crate::{Batch, Change, StoreError};

async fn committer() -> Arc<Committer> {
    Committer::start(Arc::new(Engine::Memory(Memory::default())), Mode::Inline, 100).await.unwrap()
}

fn refuse(committer: &Committer, refuses: bool) {
    let Engine::Memory(memory) = &*committer.engine else { panic!("another engine") };
    memory.refuses.store(refuses, Ordering::Relaxed);
}

fn put(key: &'static str) -> Batch {
    let mut batch = Batch::new();
    batch.put(key, "1").change(Change::default());
    batch
}

#[tokio::test]
async fn a_failed_group_fails_every_batch_in_it_and_leaves_nothing() {
    let committer = committer().await;
    let first = committer.enqueue(put("before")).await.unwrap();
    refuse(&committer, true);
    let tickets = ["a", "b", "c"].map(|key| committer.enqueue(put(key)));
    for ticket in tickets {
        assert!(matches!(ticket.await, Err(StoreError::Corrupt { .. })));
    }
    refuse(&committer, false);
    let next = committer.enqueue(put("after")).await.unwrap();
    assert!(next.as_u64() > first.as_u64() + 3, "failed batches use up their orders");
    for (key, there) in [("before", true), ("a", false), ("b", false), ("c", false), ("after", true)] {
        assert_eq!(committer.engine.get(key.as_bytes()).await.unwrap().is_some(), there, "{key}");
    }
    assert_eq!(Feed::read(&committer.engine).await.unwrap().rows, 2);
}

#[tokio::test]
async fn a_hold_keeps_writers_waiting() {
    let committer = committer().await;
    let hold = committer.hold().await;
    let ticket = tokio::spawn(committer.enqueue(put("a")));
    tokio::task::yield_now().await;
    assert!(committer.engine.get(b"a").await.unwrap().is_none());
    drop(hold);
    ticket.await.unwrap().unwrap();
    assert!(committer.engine.get(b"a").await.unwrap().is_some());
}

#[tokio::test]
async fn too_much_waiting_is_refused() {
    let committer = committer().await;
    let hold = committer.hold().await;
    let large = || {
        let mut batch = Batch::new();
        for key in ["a", "b", "c", "d"] {
            batch.put(key, vec![0; 8 * 1024 * 1024]);
        }
        batch
    };
    let waiting: Vec<_> = (0..8).map(|_| committer.enqueue(large())).collect();
    assert!(matches!(committer.enqueue(large()).await, Err(StoreError::Overloaded { .. })));
    drop(hold);
    for ticket in waiting {
        ticket.await.unwrap();
    }
    committer.enqueue(large()).await.unwrap();
}

/// Without any runtime, on plain threads, for longer than one leader leads.
#[test]
fn threads_without_a_runtime_commit_too() {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    fn wait<T>(future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        let waker = Arc::new(Unpark(std::thread::current())).into();
        loop {
            if let std::task::Poll::Ready(value) =
                future.as_mut().poll(&mut std::task::Context::from_waker(&waker))
            {
                return value;
            }
            std::thread::park();
        }
    }
    let committer = wait(committer());
    let threads: Vec<_> = (0..4_u32)
        .map(|thread| {
            let committer = committer.clone();
            std::thread::spawn(move || {
                for number in 0..2_000_u32 {
                    let mut batch = Batch::new();
                    batch.put([thread.to_be_bytes(), number.to_be_bytes()].concat(), "");
                    wait(committer.enqueue(batch)).unwrap();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let all = wait(committer.engine.scan(&crate::Range::all(), 10_000)).unwrap();
    assert_eq!(all.len(), 8_000);
}
