//! Leadership of the queue, and the hold that keeps leaders out.

use std::sync::Arc;

use super::Committer;
use super::group::Group;
use crate::StoreError;

/// After so many groups a leader hands over, so that its own caller gets its answer.
pub(super) const GROUPS_PER_LEADER: u32 = 32;

/// Leadership. Dropped in the middle (a panic, a runtime that stops) it fails its group and steps down.
pub(super) struct Lead {
    pub(super) committer: Arc<Committer>,
    pub(super) group: Option<Group>,
}

impl Lead {
    /// Writes groups until none waits or the budget is used up; `None` when the rest was handed over.
    pub(super) async fn run(mut self, budget: u32) -> Option<()> {
        for _ in 0..budget {
            let result = match &mut self.group {
                Some(group) => self.committer.write(group).await,
                None => return Some(()),
            };
            if let Some(group) = self.group.take() {
                self.group = self.committer.finish(group, result);
            }
            if self.group.is_none() {
                return Some(());
            }
        }
        self.hand_over()
    }

    fn hand_over(mut self) -> Option<()> {
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => {
                let next = Lead { committer: self.committer.clone(), group: self.group.take() };
                runtime.spawn(async move {
                    let committer = next.committer.clone();
                    if next.run(GROUPS_PER_LEADER).await.is_some() {
                        committer.drive();
                    }
                });
                None
            }
            // Without a runtime the caller is a thread of its own and may go on.
            Err(_) => {
                let group = self.group.take();
                let mut state = self.committer.state.lock();
                state.leading = false;
                self.committer.idle.notify_waiters();
                if let Some(group) = group {
                    let bytes = group.entries.iter().map(|e| e.batch.size_bytes()).sum::<usize>();
                    state.waiting_bytes += bytes;
                    state.waiting.splice(0..0, group.entries);
                    let conflicting = group.conflicting;
                    drop(state);
                    Group { conflicting, ..Group::default() }.answer(&Ok(()));
                }
                Some(())
            }
        }
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        if let Some(group) = self.group.take() {
            self.committer.state.lock().leading = false;
            self.committer.idle.notify_waiters();
            group.answer(&Err(StoreError::Closed));
        }
    }
}

/// Sole access to the engine, see [`Committer::hold`].
pub(crate) struct Hold(pub(super) Arc<Committer>);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.state.lock().held = false;
        self.0.idle.notify_waiters();
        self.0.drive();
        self.0.work.notify_all();
        self.0.task.notify_one();
    }
}
