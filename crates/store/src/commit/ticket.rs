//! The caller's end of a commit. In `process` mode the first ticket that is polled commits for all that wait.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use super::{Committer, Order};
use crate::StoreError;

/// Where the result of one batch is left for its ticket.
#[derive(Default)]
pub(crate) struct Slot(Mutex<SlotState>);

#[derive(Default)]
enum SlotState {
    #[default]
    New,
    Waiting(Waker),
    Done(Result<Order, StoreError>),
}

impl Slot {
    pub(crate) fn fill(&self, result: Result<Order, StoreError>) {
        let before = std::mem::replace(&mut *self.0.lock(), SlotState::Done(result));
        if let SlotState::Waiting(waker) = before {
            waker.wake();
        }
    }

    fn result(&self) -> Option<Result<Order, StoreError>> {
        match &*self.0.lock() {
            SlotState::Done(result) => Some(result.clone()),
            _ => None,
        }
    }

    fn wait(&self, waker: &Waker) -> Poll<Result<Order, StoreError>> {
        let mut state = self.0.lock();
        match &*state {
            SlotState::Done(result) => return Poll::Ready(result.clone()),
            SlotState::Waiting(known) if known.will_wake(waker) => {}
            _ => *state = SlotState::Waiting(waker.clone()),
        }
        Poll::Pending
    }
}

/// A commit on its way: resolves when the batch is durable as configured, or has failed.
///
/// Its place in the order is already fixed. Dropping the ticket does not cancel the commit. A ticket of an
/// embedded engine in `process` mode does the work when it is polled or dropped, so do not keep it unpolled.
#[must_use = "await it to know that the batch is durable"]
pub struct Ticket {
    slot: Option<Arc<Slot>>,
    committer: Arc<Committer>,
    failed: Option<StoreError>,
}

impl Ticket {
    pub(crate) fn waiting(committer: Arc<Committer>, slot: Arc<Slot>) -> Ticket {
        Ticket { slot: Some(slot), committer, failed: None }
    }

    pub(crate) fn failed(committer: Arc<Committer>, error: StoreError) -> Ticket {
        Ticket { slot: None, committer, failed: Some(error) }
    }
}

impl Future for Ticket {
    type Output = Result<Order, StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(slot) = &self.slot else {
            return Poll::Ready(Err(self.failed.clone().unwrap_or(StoreError::Closed)));
        };
        if slot.result().is_none() {
            self.committer.drive();
        }
        let result = std::task::ready!(slot.wait(cx.waker()));
        // The result stays readable for whoever polls again.
        self.failed = result.as_ref().err().cloned();
        Poll::Ready(result)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.slot.as_ref().is_some_and(|slot| slot.result().is_none()) {
            self.committer.drive();
        }
    }
}
