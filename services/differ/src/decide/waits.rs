//! Waiting for the applier: bounded, told, and ended when what it does is not wanted any more.

use std::time::Duration;

use events::state::{PlannedSync, RequestOutcome, SyncStage, SyncStatus, TargetState};
use model::{Failure, RetryClass, Timestamp};
use plan::{
    Assignment,
    patience::{Patience, gives_way, patience},
};

use super::{Facts, Next, Step, Wanted, pause, publish, publish::Context, requests, summary};
use crate::known::SyncFacts;

/// Whether the applier is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Applier {
    /// It has nothing of ours to do.
    Free,
    /// It has a plan of ours and has been silent for too long: everything is judged, and nothing is planned.
    Silent,
}

/// Goes on unless the applier has a plan of ours to do; health is told meanwhile. Objects of that plan are held
/// back with all others, until there is a result to judge them by.
pub(super) fn wait_for_applier(
    facts: &Facts<'_>,
    assignment: &Assignment,
    wanted: Wanted,
    now: Timestamp,
) -> Step<Applier> {
    let Some(planned) = facts.snapshot.own.as_ref().and_then(|own| own.state.plan.as_ref()) else {
        return Ok(Applier::Free);
    };
    let sync = facts.snapshot.sync.as_deref();
    let running = sync.filter(|sync| matches!(sync.state.stage, SyncStage::Running { .. }));
    let waiting = is_unanswered(planned, sync);
    let fits = planned.made_from.slice == assignment.slice && planned.made_from.desired == wanted.digest;
    // One that the applier has overtaken will be rejected. To plan again before that is heard makes the next one stale
    // by that very rejection, and so on for ever.
    let answerable = fits && planned.made_from.sync_n <= sync.map_or(0, |sync| sync.n);
    if running.is_none() && !(waiting && answerable) {
        return Ok(Applier::Free);
    }
    let Patience::Until(until) = patience_with(planned, sync, now) else {
        return Ok(Applier::Silent);
    };
    // No plan follows while it is paused: what runs comes to its end.
    let gives_way = (waiting || !fits) && !pause::is_paused(facts);
    let supersede = running.and_then(|running| outdated(running, planned, gives_way));
    let quiet = running.and_then(|running| quiet_until(running, now));
    let mut state = summary::own_state(facts, now);
    if let (Some(quiet), None, false) = (quiet, supersede, state.status == SyncStatus::Stalled) {
        return Err(Next::Rest { wake: Some(quiet.min(until)) });
    }
    if state.status == SyncStatus::Stalled {
        state.status = SyncStatus::OutOfSync;
        state.refused = None;
    }
    if supersede.is_some() {
        state.supersede = supersede;
    }
    Err(publish::tell(facts, state, Some(until)))
}

/// Goes on unless the applier may be about to begin the newest plan, for a target that left: what it makes then has to
/// be let go, too. Of one that is silent for long nothing is awaited.
pub(super) fn answered(facts: &Facts<'_>, now: Timestamp) -> Step<()> {
    let planned = facts.snapshot.own.as_ref().and_then(|own| own.state.plan.as_ref());
    let sync = facts.snapshot.sync.as_deref();
    match planned.filter(|planned| is_unanswered(planned, sync)) {
        Some(planned) => match patience_with(planned, sync, now) {
            Patience::Until(until) => Err(Next::Rest { wake: Some(until) }),
            Patience::Over => Ok(()),
        },
        None => Ok(()),
    }
}

/// Whether the applier has told nothing of the plan yet.
fn is_unanswered(planned: &PlannedSync, sync: Option<&SyncFacts>) -> bool {
    sync.map_or(0, |sync| sync.state.generation) < planned.generation
}

/// How long the applier is waited for, since it was heard or got the plan.
fn patience_with(planned: &PlannedSync, sync: Option<&SyncFacts>, now: Timestamp) -> Patience {
    let heard = sync.map_or(planned.since, |sync| sync.at.max(planned.since));
    patience(heard, Duration::from_millis(planned.silence_ms), now)
}

/// Age of a running sync from which the health of its target is told: most are over before, and then one event
/// at the end says it all.
const HEALTH_TOLD: Duration = Duration::from_secs(1);

/// Until when the health of the target of a running sync is not told.
fn quiet_until(running: &SyncFacts, now: Timestamp) -> Option<Timestamp> {
    let SyncStage::Running { since, .. } = running.state.stage else { return None };
    (now.since(since) < HEALTH_TOLD).then(|| since.plus(HEALTH_TOLD))
}

/// The running sync, if it should give way to what is wanted now.
fn outdated(running: &SyncFacts, planned: &PlannedSync, moved: bool) -> Option<u64> {
    let older = running.state.generation <= planned.generation;
    (older && moved && gives_way(running.state.superseded)).then_some(running.state.generation)
}

/// Tells that a plan waits for an applier who is silent; whoever asked for a sync learns it.
pub(super) fn stalled(context: &Context<'_>, mut state: TargetState, now: Timestamp) -> Next {
    let generation = state.plan.as_ref().map_or(0, |plan| plan.generation);
    let failure = Failure {
        code: "TARGET-STALLED".into(),
        message: format!("plan {generation} waits for the applier, who is silent"),
        remedy: "see whether an applier runs, and whether it reaches the cluster; it goes on by itself"
            .into(),
        class: RetryClass::Transient,
        at: now,
        attempts: 1,
    };
    let known = context.facts.snapshot.own.as_ref().and_then(|own| own.state.refused.as_ref());
    let failure = known.filter(|known| known.same_as(&failure)).cloned().unwrap_or(failure);
    state.status = SyncStatus::Stalled;
    state.refused = Some(failure.clone());
    if let Some(request) = context.request {
        requests::record(&mut state, &request.id, RequestOutcome::Failed(failure));
    }
    publish::tell(context.facts, state, None)
}
