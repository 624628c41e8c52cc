//! Approvals: a person's word that one plan, and no other, is carried out although the guard refuses it.

use events::state::{RequestKind, RequestOutcome, TargetState};
use plan::{Refusal, SyncPlan};

use super::{Facts, requests};

/// Whether just this plan is approved, by somebody who waits for it.
pub(super) fn is_given(facts: &Facts<'_>, plan: &SyncPlan) -> bool {
    let digest = plan.digest();
    requests::open(facts)
        .any(|request| matches!(&request.kind, RequestKind::Approve { plan } if *plan == digest))
}

/// Answers approvals: a plan was published, or there is nothing to do. Whatever they were for, they are used up.
pub(super) fn used(facts: &Facts<'_>, state: &mut TargetState) {
    for request in requests::open(facts) {
        if let RequestKind::Approve { .. } = request.kind {
            requests::record(state, &request.id, RequestOutcome::Noted);
        }
    }
}

/// What a person can do about a refused plan.
pub(super) fn remedy(refusal: &Refusal, plan: &SyncPlan, facts: &Facts<'_>) -> String {
    let (digest, target) = (plan.digest(), facts.target);
    format!(
        "{}; if it is meant: driftless approve {digest} {target} (or driftless sync --approve {digest})",
        refusal.remedy()
    )
}
