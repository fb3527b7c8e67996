//! Long polls: those who wait for messages of a queue, and the one among them who keeps its time.
//!
//! Invariants: a waiter takes nothing before it answers, so one that goes away loses no message; waiters are woken in
//! the order in which they came; a queue with a thousand waiters has one timer.

use super::open::OpenQueue;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use yakumo_aws::Timestamp;

/// The waiters of one queue.
pub struct Polls {
    waiting: AtomicUsize,
    bell: Notify,
    has_keeper: AtomicBool,
    keeper_left: Notify,
    /// When the keeper's timer ends; it is rung when something is due earlier.
    timer_ends: AtomicI64,
    timer_changed: Notify,
}

impl Default for Polls {
    fn default() -> Polls {
        Polls {
            waiting: AtomicUsize::new(0),
            bell: Notify::new(),
            has_keeper: AtomicBool::new(false),
            keeper_left: Notify::new(),
            timer_ends: AtomicI64::new(i64::MIN),
            timer_changed: Notify::new(),
        }
    }
}

/// One long poll, from before its first look at the queue until its answer.
pub struct Waiter<'a> {
    queue: &'a Arc<OpenQueue>,
}

impl Polls {
    /// Whether anybody waits.
    pub fn is_waiting(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0
    }

    /// Wakes as many as there are messages or groups for; `due` is when the next one becomes visible by itself.
    pub(super) fn wake(&self, messages: usize, due: Option<i64>) {
        for _ in 0..messages.min(self.waiting.load(Ordering::Acquire)) {
            self.bell.notify_one();
        }
        if due.is_some_and(|due| due < self.timer_ends.load(Ordering::Acquire)) {
            self.timer_changed.notify_one();
        }
    }

    /// Wakes everybody: the queue has changed or is gone.
    pub(super) fn wake_all(&self) {
        self.bell.notify_waiters();
        self.timer_changed.notify_one();
    }
}

impl<'a> Waiter<'a> {
    /// Joins the waiters. This comes before the first look, so that no message slips in between unnoticed.
    pub fn join(queue: &'a Arc<OpenQueue>) -> Waiter<'a> {
        queue.polls.waiting.fetch_add(1, Ordering::AcqRel);
        Waiter { queue }
    }

    /// A place in the line of waiters; to be taken before each look.
    pub fn line_up(&self) -> Notified<'a> {
        self.queue.polls.bell.notified()
    }

    /// Waits for a turn in the line. Meanwhile one waiter keeps the queue's time.
    pub async fn turn(&self, place: Pin<&mut Notified<'a>>) {
        tokio::select! {
            () = place => {}
            () = self.keep_time() => {}
        }
    }

    /// Ends delays and visibility timeouts as they fall due. Only one waiter does so at a time; it never returns.
    async fn keep_time(&self) {
        let polls = &self.queue.polls;
        while polls.has_keeper.swap(true, Ordering::AcqRel) {
            polls.keeper_left.notified().await;
        }
        let _keeper = Keeper(polls);
        loop {
            let due = self.queue.with(|access| {
                let index = access.index();
                index.mature(self.queue.now());
                let due = index.next_due();
                polls.timer_ends.store(due.unwrap_or(i64::MAX), Ordering::Release);
                due
            });
            let Ok(due) = due.await else {
                // The queue is gone or cannot be read: the waiter's next look says so.
                polls.bell.notify_waiters();
                return std::future::pending().await;
            };
            let Some(due) = due else {
                polls.timer_changed.notified().await;
                continue;
            };
            tokio::select! {
                () = self.queue.base().clock.sleep_until(Timestamp::from_millis(due)) => {}
                () = polls.timer_changed.notified() => {}
            }
        }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.queue.polls.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The role of the one who keeps the time; when he leaves, another takes over.
struct Keeper<'a>(&'a Polls);

impl Drop for Keeper<'_> {
    fn drop(&mut self) {
        self.0.timer_ends.store(i64::MIN, Ordering::Release);
        self.0.has_keeper.store(false, Ordering::Release);
        self.0.keeper_left.notify_one();
    }
}
