//! A plan that touches existing objects is tried before its first write.

use events::state::{RequestOutcome, SyncStatus};
use model::{Failure, Timestamp, definition::FirstContact};
use plan::{Action, Reason, SyncPlan};

use super::{
    Next, Step, bounds,
    publish::{self, Context},
    requests, summary,
};
use crate::answers::{DryRun, DryRunKey, Question, Recreation};

/// Refused objects told in one failure: as many as a person mends at a time.
const REFUSALS_TOLD: usize = 5;

/// Of each of them so much is told: the last one has its place too.
const REFUSAL_BYTES_MAX: usize = 400;

/// Goes on only if the API server would take every write, tried before the first one. Pure creates need no
/// preflight: they never force. What the plan itself makes room for, such as a namespace, is checked at its step.
///
/// The plan comes back with the steps marked that have to recreate their object.
pub(super) fn preflight(context: &Context<'_>, mut plan: SyncPlan, now: Timestamp) -> Step<SyncPlan> {
    if !plan.steps.iter().any(changes) {
        return Ok(plan);
    }
    let (mut open, mut refusals, mut unanswered) = (vec![], vec![], vec![]);
    for step in plan.steps.iter_mut().filter(|step| changes(step) || step.action == Action::Create) {
        // An object that came or went since then is met at its step.
        let there = |key: &DryRunKey| key.live.is_some() == changes(step);
        let Some(key) = context.dry_run_key(&step.id).filter(there) else { continue };
        match context.facts.answers.dry_run(&key) {
            None => open.push(Question::DryRun(key)),
            Some(DryRun::Immutable { recreation: Recreation::Allowed, .. }) => {
                step.reason = Reason::Recreate;
            }
            Some(DryRun::Refused(failure) | DryRun::Immutable { failure, .. }) => {
                if !takes_over(context, step, failure) {
                    refusals.push(failure);
                }
            }
            // Begun without knowing whether it will be taken, a change may leave the others half done.
            Some(DryRun::Unknown(failure)) if changes(step) => {
                match now >= requests::retry_at(failure.at, failure) {
                    true => open.push(Question::DryRun(key)),
                    false => unanswered.push(failure),
                }
            }
            // A create may be of a kind that the plan brings.
            Some(
                DryRun::Unknown(_) | DryRun::Same(_) | DryRun::OwnershipLost { .. } | DryRun::Changes { .. },
            ) => {}
        }
    }
    if !open.is_empty() {
        return Err(Next::Ask(open));
    }
    if let Some(failure) = together(&refusals, now) {
        let wake = Some(plan::heal::retry_at(6, now));
        return Err(publish::refuse(context.facts, context.request, failure, (RequestOutcome::Failed, wake)));
    }
    match unanswered.iter().min_by_key(|failure| requests::retry_at(failure.at, failure)) {
        Some(failure) => Err(wait(context, failure, now)),
        None => Ok(plan),
    }
}

/// What is wrong with all refused objects, as one failure.
fn together(refusals: &[&Failure], now: Timestamp) -> Option<Failure> {
    let first = refusals.first()?;
    let mut told: Vec<String> =
        refusals.iter().take(REFUSALS_TOLD).map(|failure| failure.message.clone()).collect();
    if let [_, _, ..] = told[..] {
        told.iter_mut().for_each(|message| bounds::cut(message, REFUSAL_BYTES_MAX));
    }
    let more = refusals.len().saturating_sub(REFUSALS_TOLD);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    Some(Failure { at: now, message: told.join("; ") + &more, ..(*first).clone() })
}

/// The server does not say now whether it would take a change.
fn wait(context: &Context<'_>, failure: &Failure, now: Timestamp) -> Next {
    let mut state = summary::own_state(context.facts, now);
    state.status = SyncStatus::OutOfSync;
    requests::unanswered(context, &mut state, failure);
    publish::tell(context.facts, state, Some(requests::retry_at(failure.at, failure)))
}

/// Whether a step changes an object that is there, other than back.
fn changes(step: &plan::Step) -> bool {
    let anew = matches!(step.reason, Reason::Changed | Reason::Found | Reason::Unfinished | Reason::HandOver);
    anew && matches!(step.action, Action::Apply { .. } | Action::Receive { .. })
}

/// Whether a create meets an object whose fields are taken over, by policy.
fn takes_over(context: &Context<'_>, step: &plan::Step, failure: &Failure) -> bool {
    let policy = context.assignment.application.first_contact;
    step.action == Action::Create && policy == FirstContact::TakeOver && failure.code == "CLUSTER-CONFLICT"
}
