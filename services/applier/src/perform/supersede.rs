//! Stopping a running sync for what is wanted now: between two steps, never within one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use model::TargetId;
use tokio_util::sync::CancellationToken;

/// The syncs that run here and would give way.
#[derive(Debug, Clone, Default)]
pub(super) struct Running {
    syncs: Arc<Mutex<HashMap<TargetId, (u64, CancellationToken)>>>,
}

impl Running {
    /// Enters a sync, which stops at its next step when the token is cancelled; left when the answer is dropped.
    pub(super) fn enter(&self, target: &TargetId, generation: u64, stop: CancellationToken) -> Entered {
        let mut syncs = self.syncs.lock().unwrap_or_else(PoisonError::into_inner);
        syncs.insert(target.clone(), (generation, stop));
        Entered { running: self.clone(), target: target.clone() }
    }

    /// Asks the sync of that generation to stop, if it runs here.
    pub(super) fn supersede(&self, target: &TargetId, generation: u64) {
        let syncs = self.syncs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((running, stop)) = syncs.get(target)
            && *running == generation
        {
            tracing::info!(%target, generation, "the sync gives way to what is wanted now");
            stop.cancel();
        }
    }
}

/// An entered sync.
#[derive(Debug)]
pub(super) struct Entered {
    running: Running,
    target: TargetId,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.running.syncs.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.target);
    }
}
