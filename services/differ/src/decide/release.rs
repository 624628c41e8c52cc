//! A target that left the definitions: its objects are let go by a plan, and only then the target.

use std::time::Duration;

use events::{
    EventType, Table,
    state::{AppliedObject, Release, ReleaseOutcome, SyncStage, SyncStatus},
};
use model::{Failure, RetryClass, Timestamp, definition::Deletion};
use plan::{Assignment, release};

use super::{ClusterStanding, Facts, Next, REST, Step, pause, publish, summary, waits};
use crate::desired::Desired;

/// How long a cluster may not answer before what is left there is abandoned: longer than most outages and
/// than a weekend night without anybody at hand.
const ABANDONED_AFTER: Duration = Duration::from_secs(24 * 3600);

/// A target that is being released.
pub(super) struct Leaving {
    /// What it is planned by: the application as it was in force last.
    pub assignment: Assignment,
    /// What becomes of its objects.
    pub policy: Deletion,
}

/// What a target desires that left.
pub(super) fn nothing() -> Desired {
    Desired {
        digest: release::nothing(),
        objects: vec![],
        rules: vec![],
        manifests: Default::default(),
        unknown: vec![],
    }
}

/// How the target is released; `None`: it is defined. Ends the decision when there is nothing left to release,
/// and while the cluster cannot be reached. An application of which nothing happens without
/// a person's word is left alone.
pub(super) fn leaving(facts: &Facts<'_>, now: Timestamp) -> Step<Option<Leaving>> {
    let snapshot = facts.snapshot;
    if snapshot.assignment.is_some() {
        return Ok(None);
    }
    let left = snapshot.left.as_deref().ok_or(REST)?;
    let sync = snapshot.sync.as_deref();
    if !sync.is_some_and(|sync| matches!(sync.state.stage, SyncStage::Running { .. })) {
        let Some(sync) = sync.filter(|sync| !sync.objects.is_empty()) else {
            waits::answered(facts, now)?;
            return Err(released(facts, ReleaseOutcome::Emptied, now));
        };
        if pause::is_paused(facts) {
            return Err(kept(facts, ("RELEASE-PAUSED", PAUSED), now));
        }
        if let (ClusterStanding::Unreachable(_), Some(since)) = (facts.cluster, snapshot.unreachable_since) {
            return Err(abandoned(facts, &sync.state.objects, (since, left.since.max(since)), now));
        }
    }
    if pause::is_paused(facts) {
        return Err(kept(facts, ("RELEASE-PAUSED", PAUSED), now));
    }
    if !left.application.sync.auto {
        return Err(kept(facts, ("RELEASE-MANUAL", MANUAL), now));
    }
    let assignment = Assignment {
        application: left.application.clone(),
        parameters: release::nothing(),
        slice: release::slice(snapshot.definitions_n),
    };
    Ok(Some(Leaving { assignment, policy: left.application.deletion }))
}

/// What is told, and what can be done.
type Words = [&'static str; 2];

const MANUAL: Words = [
    "the application is defined no more, and as its sync is not automatic its objects are kept",
    "define it again with sync.auto: true, and then take it out: its deletion policy is followed",
];

const PAUSED: Words = [
    "the application is defined no more, and as it is paused its objects are kept",
    "resume it: its deletion policy is followed then",
];

/// Nothing is judged any more, so nothing is said to be in sync.
fn kept(facts: &Facts<'_>, (code, [message, remedy]): (&str, Words), now: Timestamp) -> Next {
    let failure = Failure {
        code: code.into(),
        message: message.into(),
        remedy: remedy.into(),
        class: RetryClass::Permanent,
        at: now,
        attempts: 1,
    };
    let mut state = summary::own_state(facts, now);
    state.status = SyncStatus::Unknown;
    state.drift = Table::default();
    state.waits.clear();
    let failure = state.refused.take().filter(|known| known.same_as(&failure)).unwrap_or(failure);
    state.refused = Some(failure);
    publish::tell(facts, state, None)
}

fn abandoned(
    facts: &Facts<'_>,
    inventory: &Table<AppliedObject>,
    (unreachable_since, counted_from): (Timestamp, Timestamp),
    now: Timestamp,
) -> Next {
    let at = counted_from.plus(ABANDONED_AFTER);
    if now < at {
        return Next::Rest { wake: Some(at) };
    }
    let inventory = inventory.clone();
    released(facts, ReleaseOutcome::Abandoned { unreachable_since, inventory }, now)
}

fn released(facts: &Facts<'_>, outcome: ReleaseOutcome, now: Timestamp) -> Next {
    let mut state = summary::own_state(facts, now);
    state.status = SyncStatus::Unknown;
    state.refused = None;
    state.drift = Table::default();
    state.heals.clear();
    state.waits.clear();
    state.refreshed.clear();
    state.paused = None;
    state.released = Some(Release { at: now, outcome });
    Next::Append(EventType::TargetReleased, Box::new(state))
}
