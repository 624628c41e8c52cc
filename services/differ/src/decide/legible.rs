//! A target whose newest sync cannot be read here: nobody knows what is on the cluster, so nothing is planned.

use events::state::{RequestOutcome, SyncStatus};
use model::{Failure, RetryClass, Timestamp};

use super::{Facts, Step, publish, requests, summary};
use crate::known::Legible;

/// Goes on only if what was done to the target can be read; else says so, to whoever asked for something too.
pub(super) fn legible(facts: &Facts<'_>, now: Timestamp) -> Step<()> {
    match facts.snapshot.legible {
        Legible::Yes => return Ok(()),
        Legible::No => {}
    }
    let failure = Failure {
        code: "LOG-UNDECODABLE".into(),
        message: "what was done to the target last cannot be read here".into(),
        remedy: "use the version of driftless that wrote it".into(),
        class: RetryClass::Permanent,
        at: now,
        attempts: 1,
    };
    let mut state = summary::own_state(facts, now);
    state.status = SyncStatus::Unknown;
    let failure = state.refused.take().filter(|known| known.same_as(&failure)).unwrap_or(failure);
    state.refused = Some(failure.clone());
    if let Some(request) = requests::current(facts) {
        requests::record(&mut state, &request.id, RequestOutcome::Failed(failure));
    }
    Err(publish::tell(facts, state, None))
}
