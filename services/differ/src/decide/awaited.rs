//! Objects that wait for somebody else: who that is, since when, and what is told once it has taken too long.

use std::{slice, time::Duration};

use events::state::{Request, RequestOutcome, SyncStatus, TargetState, Wait, WaitReason};
use model::{Failure, ObjectId, RetryClass, Timestamp};
use plan::{HeldReason, Neighbour, SyncPlan, neighbour::awaits_render};

use super::{
    Facts, bounds,
    bounds::{NAME_BYTES_MAX, ROW_BYTES, id_bytes},
    requests,
};

/// Waits told in an event: as many as a person reads.
const WAITS_TOLD: usize = 20;

/// What they may take of it.
const WAITS_BYTES_MAX: usize = 3 * 1024;

/// Names told of one wait.
const WHOM_TOLD: usize = 5;

/// How long somebody else may take before a person should know: as long as an applier may be silent.
const WAIT_MAX: Duration = Duration::from_secs(600);

/// What the plan leaves alone until somebody else has done something, longest first.
pub(super) fn waits(
    facts: &Facts<'_>,
    plan: &SyncPlan,
    neighbours: &[Neighbour],
    now: Timestamp,
) -> Vec<Wait> {
    let before = facts.snapshot.own.as_ref().map(|own| own.state.waits.as_slice()).unwrap_or_default();
    let since = |id: &ObjectId, reason| {
        let known = before.iter().find(|wait| wait.id == *id && wait.reason == reason);
        known.map_or(now, |wait| wait.since)
    };
    let held = plan.held.iter().filter_map(|held| Some((&held.id, reason(held.reason)?)));
    let mut waits: Vec<Wait> = held
        .map(|(id, reason)| Wait {
            id: id.clone(),
            reason,
            whom: whom(facts, id, reason, neighbours),
            since: since(id, reason),
        })
        .collect();
    waits.sort_by(|a, b| (a.since, &a.id).cmp(&(b.since, &b.id)));
    waits.truncate(WAITS_TOLD);
    bounds::keep(&mut waits, WAITS_BYTES_MAX, |wait| {
        id_bytes(&wait.id) + wait.whom.iter().map(String::len).sum::<usize>() + ROW_BYTES
    });
    waits
}

/// What an object that is held for that reason waits for; `None`: for nobody but ourselves, or a person.
fn reason(held: HeldReason) -> Option<WaitReason> {
    match held {
        HeldReason::Terminating => Some(WaitReason::Deletion),
        HeldReason::HandOver => Some(WaitReason::HandOver),
        HeldReason::AwaitsRender => Some(WaitReason::Render),
        HeldReason::LiveUnknown
        | HeldReason::PruneDisabled
        | HeldReason::PruneNeedsConsent
        | HeldReason::PruneAdopted
        | HeldReason::PruneUnconfirmed
        | HeldReason::HealDisabled
        | HeldReason::HealBackoff
        | HeldReason::Contested
        | HeldReason::JobExpired
        | HeldReason::RetryBackoff
        | HeldReason::Stray => None,
    }
}

fn whom(facts: &Facts<'_>, id: &ObjectId, reason: WaitReason, neighbours: &[Neighbour]) -> Vec<String> {
    let seen = facts.live.get(id);
    let of = |waits: &dyn Fn(&Neighbour) -> bool| -> Vec<String> {
        neighbours.iter().filter(|near| waits(near)).map(|near| near.application.to_string()).collect()
    };
    let mut whom = match reason {
        WaitReason::Deletion => seen.map(|seen| seen.held_by.clone()).unwrap_or_default(),
        WaitReason::HandOver => of(&|near| {
            let marked = seen.is_some_and(|seen| seen.application == near.application);
            near.application != facts.target.application
                && (marked || near.desired.contains(id) || near.holdings.contains_key(id))
        }),
        WaitReason::Render => of(&|near| awaits_render(slice::from_ref(near), id)),
    };
    whom.sort();
    whom.truncate(WHOM_TOLD);
    whom.iter_mut().for_each(|name| bounds::cut(name, NAME_BYTES_MAX));
    whom
}

/// When the next wait has taken too long.
pub(super) fn wake(state: &TargetState, now: Timestamp) -> Option<Timestamp> {
    state.waits.iter().map(|wait| wait.since.plus(WAIT_MAX)).filter(|at| *at > now).min()
}

/// Tells that a wait has taken too long; whoever asked for a sync learns it.
pub(super) fn heed(facts: &Facts<'_>, state: &mut TargetState, request: Option<&Request>, now: Timestamp) {
    let Some(longest) = state.waits.first().filter(|wait| now.since(wait.since) >= WAIT_MAX) else { return };
    let failure = bounds::told(Failure {
        code: "TARGET-WAITS".into(),
        message: longest.to_string(),
        remedy: match longest.reason {
            WaitReason::Deletion => "see why whoever has set the finalizer does not remove it",
            WaitReason::HandOver | WaitReason::Render => {
                "see what keeps that application; it goes on by itself"
            }
        }
        .into(),
        class: RetryClass::Transient,
        at: now,
        attempts: 1,
    });
    let known = facts.snapshot.own.as_ref().and_then(|own| own.state.refused.as_ref());
    let failure = known.filter(|known| known.same_as(&failure)).cloned().unwrap_or(failure);
    state.status = SyncStatus::Stalled;
    state.refused = Some(failure.clone());
    if let Some(request) = request {
        requests::record(state, &request.id, RequestOutcome::Failed(failure));
    }
}
