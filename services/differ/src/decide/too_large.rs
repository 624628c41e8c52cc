//! A target whose state fits into no event: it says so, and nothing that was decided for it is done.

use events::{
    Table,
    state::{HealthSummary, RequestId, RequestOutcome, SyncStatus, TargetState},
};
use model::{Failure, RetryClass, Timestamp};

use super::requests;

/// The state to append instead: what the target was, without all that grows, and why. Whoever was to be answered
/// learns it.
pub fn too_large(
    own: Option<&TargetState>,
    decided: &TargetState,
    bytes: usize,
    now: Timestamp,
) -> TargetState {
    let failure = Failure {
        code: "TARGET-TOO-LARGE".into(),
        message: format!("what is to be told takes {} KB, more than an event holds", bytes.div_ceil(1024)),
        remedy: "report it as a bug; fewer objects in the application, or shorter names, help meanwhile"
            .into(),
        class: RetryClass::Bug,
        at: now,
        attempts: 1,
    };
    let known = own.and_then(|own| own.refused.as_ref()).filter(|known| known.code == failure.code);
    let failure = known.cloned().unwrap_or(failure);
    let mut state = TargetState {
        status: SyncStatus::Unknown,
        plan: own.and_then(|own| own.plan.clone()),
        refused: Some(failure.clone()),
        drift: Table::default(),
        heals: vec![],
        refreshed: vec![],
        health: HealthSummary { objects: vec![], ..decided.health.clone() },
        handled: own.map(|own| own.handled.clone()).unwrap_or_default(),
        supersede: own.and_then(|own| own.supersede),
        strays: vec![],
        rebuilt: own.map(|own| own.rebuilt).unwrap_or_default(),
        released: None,
        paused: own.and_then(|own| own.paused),
        waits: vec![],
        heals_paged: Table::default(),
        refreshed_paged: Table::default(),
    };
    let is_new = |id: &RequestId| !state.handled.iter().any(|known| known.id == *id);
    let asked: Vec<_> =
        decided.handled.iter().map(|done| &done.id).filter(|&id| is_new(id)).cloned().collect();
    for id in asked {
        requests::record(&mut state, &id, RequestOutcome::Failed(failure.clone()));
    }
    state
}
