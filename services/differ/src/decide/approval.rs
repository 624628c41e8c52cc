//! Approvals: a person's word that one plan, and no other, is carried out although the guard refuses it.

use events::state::{Request, RequestKind, RequestOutcome, TargetState};
use model::{Application, Digest, Failure, RetryClass, Timestamp};
use plan::{Refusal, SyncPlan};

use super::{Facts, Next, pause, publish, requests, summary};

/// The request as far as it decides what is planned. Whoever approves means the plan that he was told: one that was
/// made by itself, or where nothing happens by itself, one that somebody asked for.
pub(super) fn planned_for<'a>(
    facts: &Facts<'_>,
    application: &Application,
    request: Option<&'a Request>,
) -> Option<&'a Request> {
    let by_itself = application.sync.auto && !pause::is_paused(facts);
    request.filter(|request| !(by_itself && matches!(request.kind, RequestKind::Approve { .. })))
}

/// Whether just this plan is approved, by somebody who waits for it.
pub(super) fn is_given(facts: &Facts<'_>, plan: &SyncPlan) -> bool {
    let digest = plan.digest();
    open(facts).any(|(_, approved)| approved == digest)
}

/// Answers the approvals of other plans than what would be done now; `None`: there are none. `None` for the plan:
/// nothing would be done.
pub(super) fn refuse_others(facts: &Facts<'_>, plan: Option<&SyncPlan>, now: Timestamp) -> Option<Next> {
    let digest = plan.map(SyncPlan::digest);
    let mut others = open(facts).filter(|(_, approved)| Some(*approved) != digest).peekable();
    others.peek()?;
    let mut state = summary::own_state(facts, now);
    for (request, _) in others {
        requests::record(&mut state, &request.id, RequestOutcome::Refused(other(now)));
    }
    Some(publish::tell(facts, state, None))
}

/// Answers the approvals of a plan that was published.
pub(super) fn used(facts: &Facts<'_>, state: &mut TargetState) {
    for (request, _) in open(facts) {
        requests::record(state, &request.id, RequestOutcome::Noted);
    }
}

/// What a person can do about a refused plan.
pub(super) fn remedy(refusal: &Refusal, plan: &SyncPlan, facts: &Facts<'_>) -> String {
    let (digest, target) = (plan.digest(), facts.target);
    // The digest first: long texts are cut.
    format!(
        "if it is meant: driftless approve {digest} {target}, a run with --approve; else {}",
        refusal.remedy()
    )
}

fn open<'a>(facts: &Facts<'a>) -> impl Iterator<Item = (&'a Request, Digest)> + use<'a> {
    requests::open(facts).filter_map(|request| match &request.kind {
        RequestKind::Approve { plan } => Some((request, *plan)),
        RequestKind::Fetch
        | RequestKind::Sync { .. }
        | RequestKind::Preview { .. }
        | RequestKind::ConfirmInventory
        | RequestKind::Pause
        | RequestKind::Resume => None,
    })
}

fn other(now: Timestamp) -> Failure {
    Failure {
        code: "APPROVAL-OTHER".into(),
        message: "what would be done now is not the plan with that digest".into(),
        remedy: "look at the status: approve the plan that it tells, if the guard refuses one".into(),
        class: RetryClass::Permanent,
        at: now,
        attempts: 1,
    }
}
