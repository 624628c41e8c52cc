//! What wakes a worker: a set of targets to look at again, never a queue.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use model::TargetId;
use tokio::sync::Notify;

/// Targets that have to be looked at again.
#[derive(Debug, Default)]
pub struct Inbox {
    dirty: Mutex<BTreeSet<TargetId>>,
    wake: Notify,
}

impl Inbox {
    /// Adds targets.
    pub fn put(&self, targets: impl IntoIterator<Item = TargetId>) {
        self.dirty.lock().unwrap_or_else(PoisonError::into_inner).extend(targets);
        self.wake.notify_one();
    }

    /// Waits until there are some, and takes them. Safe to cancel.
    pub async fn take(&self) -> BTreeSet<TargetId> {
        loop {
            let taken = std::mem::take(&mut *self.dirty.lock().unwrap_or_else(PoisonError::into_inner));
            if !taken.is_empty() {
                return taken;
            }
            self.wake.notified().await;
        }
    }
}
