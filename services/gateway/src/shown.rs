//! What is shown of each target, once for all who watch: they learn whose status changed, and keep nothing themselves.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use model::TargetId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};

use crate::wire::{Evaluated, TargetStatus};

/// Changes that a slow watcher may be behind; past them it gets everything anew.
const BEHIND_MAX: usize = 1024;

/// Watchers at once: half of all connections, so that whoever only asks gets through.
const WATCHERS_MAX: usize = 256;

/// Whose status changed.
pub(crate) type Changes = broadcast::Receiver<Arc<[TargetId]>>;

/// What is shown.
pub(crate) struct Shown {
    /// The status of each target without its age, as it was told last.
    last: Mutex<BTreeMap<TargetId, TargetStatus>>,
    changes: broadcast::Sender<Arc<[TargetId]>>,
    places: Arc<Semaphore>,
}

impl Shown {
    pub(crate) fn new() -> Self {
        Self {
            last: Mutex::default(),
            changes: broadcast::channel(BEHIND_MAX).0,
            places: Arc::new(Semaphore::new(WATCHERS_MAX)),
        }
    }

    /// Tells whoever watches which of these statuses are others than they were.
    pub(crate) fn tell(&self, ids: Vec<TargetId>, status: impl Fn(&TargetId) -> Option<TargetStatus>) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = vec![];
        for id in ids {
            let is = status(&id).map(ageless);
            if last.get(&id) == is.as_ref() {
                continue;
            }
            match is {
                Some(is) => drop(last.insert(id.clone(), is)),
                None => drop(last.remove(&id)),
            }
            changed.push(id);
        }
        if !changed.is_empty() {
            // Nobody may be watching.
            let _ = self.changes.send(changed.into());
        }
    }

    /// Whose statuses change from now on, as long as the place is kept; `None`: there is no room.
    pub(crate) fn watch(&self) -> Option<(Changes, OwnedSemaphorePermit)> {
        let place = self.places.clone().try_acquire_owned().ok()?;
        Some((self.changes.subscribe(), place))
    }
}

/// An age grows by itself: that alone is no news.
fn ageless(status: TargetStatus) -> TargetStatus {
    let evaluated = Evaluated { seconds: None, ..status.evaluated };
    TargetStatus { evaluated, ..status }
}
