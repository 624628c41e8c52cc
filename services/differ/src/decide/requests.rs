//! What people asked for: freshness before an answer, policies while one is pending, and the answer itself.

use std::time::Duration;

use events::{
    Content, EventType,
    state::{
        Handled, ObservedRevision, PathOutcome, PlannedSync, RebuiltInventory, Request, RequestId,
        RequestKind, RequestOutcome, SyncOutcome, SyncStage, TargetState,
    },
};
use model::{Digest, Failure, RetryClass, Timestamp};
use plan::{Assignment, RebuiltPrune, Retry, SyncPlan};

use super::{ClusterStanding, Facts, Next, REST, Step, Wanted, approval, bounds, publish::Context, summary};
use crate::answers::{DryRunKey, Question};

/// Failed connections before a request is answered with the failure: one may be chance.
const CONNECTS_BEFORE_ANSWER: u32 = 3;

/// Handled requests kept in a target's state: as many as can be pending.
const HANDLED_KEPT: usize = events::state::REQUESTS_MAX;

/// Answers that are kept in full: whoever asked reads the newest ones, within seconds.
const ANSWERS_IN_FULL: usize = 2;

/// Of an older answer so much is left: 32 of them take a fourth of what an event may hold.
const OLD_MESSAGE_BYTES_MAX: usize = 120;
const OLD_REMEDY_BYTES_MAX: usize = 60;

/// How long a target stands still for a request whose fetch is not done: longer than most take.
const FETCH_AWAITED: Duration = Duration::from_secs(30);

/// How long after a request its fetch may come: longer than any clone takes, and not for ever.
const FETCH_WITHIN: Duration = Duration::from_secs(3600);

/// A preview to write down: which dry-runs it is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct PreviewDue {
    /// The request that it answers.
    pub request: RequestId,
    /// The plan that was previewed.
    pub plan: SyncPlan,
    /// The dry-run of each step that applies something, in order of the plan.
    pub dry_runs: Vec<DryRunKey>,
}

/// The oldest request that is not handled.
pub(super) fn current<'a>(facts: &Facts<'a>) -> Option<&'a Request> {
    open(facts).next()
}

/// The requests that are not handled, oldest first.
pub(super) fn open<'a>(facts: &Facts<'a>) -> impl Iterator<Item = &'a Request> + use<'a> {
    let handled = facts.snapshot.own.as_ref().map(|own| own.state.handled.as_slice()).unwrap_or_default();
    facts.snapshot.requests.iter().filter(|request| !handled.iter().any(|done| done.id == request.id))
}

/// The request as far as it counts now: one whose fetch is not done holds nothing up for long, and is not waited for
/// for ever. The source may be another one by now, or its fetcher gone.
pub(super) fn due<'a>(
    facts: &Facts<'a>,
    request: Option<&'a Request>,
    now: Timestamp,
) -> Step<Option<&'a Request>> {
    let Some(request) = request else { return Ok(None) };
    let (RequestKind::Sync { after: Some(after) } | RequestKind::Preview { after: Some(after) }) =
        &request.kind
    else {
        return Ok(Some(request));
    };
    if facts.snapshot.source.as_ref().is_some_and(|source| source.state.handled.contains(after)) {
        return Ok(Some(request));
    }
    let waited = now.since(request.at);
    if waited >= FETCH_WITHIN {
        let failure = Failure {
            code: "REQUEST-UNFETCHED".into(),
            message: "the repository was not looked at for this request".into(),
            remedy: "see whether a fetcher runs, and ask again".into(),
            class: RetryClass::Transient,
            at: now,
            attempts: 1,
        };
        return Err(answer(facts, request, RequestOutcome::Failed(failure), now));
    }
    match waited >= FETCH_AWAITED {
        true => Ok(None),
        false => Err(Next::Rest { wake: Some(request.at.plus(FETCH_AWAITED)) }),
    }
}

/// The desired state to bring about: the last good one, or for a request the one that follows from its fetch.
pub(super) fn wanted(
    facts: &Facts<'_>,
    assignment: &Assignment,
    request: Option<&Request>,
    now: Timestamp,
) -> Step<Wanted> {
    if let Some(request) = request
        && let RequestKind::Sync { .. } | RequestKind::Preview { .. } = &request.kind
    {
        fresh(facts, assignment).map_err(|stop| match stop {
            Some(failure) => answer(facts, request, RequestOutcome::Failed(failure), now),
            None => REST,
        })?;
    }
    let desired = facts.snapshot.render.as_ref().and_then(|render| render.state.desired.as_ref());
    // An approval of what cannot be planned must not keep others waiting.
    let none = || approval::refuse_others(facts, None, now).unwrap_or(REST);
    let desired = desired.ok_or_else(none)?;
    Ok(Wanted { digest: desired.digest, observation: desired.observation })
}

/// Whether what is rendered follows from the newest fetch, which is the one asked for or a later one (see [`due`]); else
/// the failure that says why it never will.
fn fresh(facts: &Facts<'_>, assignment: &Assignment) -> Result<(), Option<Failure>> {
    let source = facts.snapshot.source.as_ref().ok_or(None)?;
    if let Some(failure) = &source.state.failure {
        return Err(Some(failure.clone()));
    }
    let _: &ObservedRevision = source.state.revision.as_ref().ok_or(None)?;
    let closure = match source.paths.get(&assignment.application.source.path).ok_or(None)? {
        PathOutcome::Found { closure, .. } => Some(*closure),
        PathOutcome::Failed(_) => None,
    };
    let render = facts.snapshot.render.as_ref().ok_or(None)?;
    if render.state.made_from.closure != closure {
        return Err(None);
    }
    match &render.state.failure {
        Some(failure) => Err(Some(failure.clone())),
        None => Ok(()),
    }
}

/// Goes on only if the cluster answers; a request learns why it does not.
pub(super) fn cluster_answers(facts: &Facts<'_>, request: Option<&Request>, now: Timestamp) -> Step<()> {
    match (facts.cluster, request) {
        (ClusterStanding::Connected, _) => Ok(()),
        (ClusterStanding::Unreachable(failure), Some(request))
            if failure.class == RetryClass::Permanent || failure.attempts >= CONNECTS_BEFORE_ANSWER =>
        {
            Err(answer(facts, request, RequestOutcome::Failed(failure.clone()), now))
        }
        (ClusterStanding::Unreachable(_) | ClusterStanding::Connecting, _) => Err(REST),
    }
}

/// Whether whoever asks means all that there is to do: what is not done by itself, and heals that would wait.
pub(super) fn means_all(request: &Request) -> bool {
    match request.kind {
        RequestKind::Sync { .. } | RequestKind::Preview { .. } | RequestKind::Approve { .. } => true,
        RequestKind::Fetch | RequestKind::ConfirmInventory | RequestKind::Pause | RequestKind::Resume => {
            false
        }
    }
}

/// Whether failed steps are due again: after a wait, or because somebody asks.
pub(super) fn retry(facts: &Facts<'_>, request: Option<&Request>, now: Timestamp) -> Retry {
    let Some((at, failure)) = last_failure(facts) else {
        return Retry::Due;
    };
    let asked = request.is_some_and(|request| tried(facts, request).is_none());
    if asked || now >= retry_at(at, failure) { Retry::Due } else { Retry::Waiting }
}

/// Tells why the API server does not say how an object is. Whoever asked learns it once it has not for a while:
/// nothing can be done before.
pub(super) fn unanswered(context: &Context<'_>, state: &mut TargetState, failure: &Failure) {
    let failure = &bounds::told(failure.clone());
    let known = context.facts.snapshot.own.as_ref().and_then(|own| own.state.refused.as_ref());
    // Another time or count alone is no news.
    let told = known.filter(|known| known.same_as(failure)).unwrap_or(failure).clone();
    state.refused = Some(told);
    if let Some(request) = context.request
        && (failure.class == RetryClass::Permanent || failure.attempts >= CONNECTS_BEFORE_ANSWER)
    {
        record(state, &request.id, RequestOutcome::Failed(failure.clone()));
    }
}

/// When failed steps are due again; `None`: nothing failed.
pub(super) fn retry_wake(facts: &Facts<'_>) -> Option<Timestamp> {
    last_failure(facts).map(|(at, failure)| retry_at(at, failure))
}

pub(super) fn retry_at(at: Timestamp, failure: &Failure) -> Timestamp {
    let attempts = match failure.class {
        RetryClass::Transient | RetryClass::Stale => failure.attempts,
        // Only a change elsewhere, such as a new role binding, makes it work: look rarely.
        RetryClass::Permanent | RetryClass::Bug => failure.attempts.max(6),
    };
    plan::heal::retry_at(attempts, at)
}

/// When and why the newest sync failed.
pub(super) fn last_failure<'a>(facts: &Facts<'a>) -> Option<(Timestamp, &'a Failure)> {
    match &facts.snapshot.sync.as_ref()?.state.stage {
        SyncStage::Finished { at, outcome: SyncOutcome::Failed { failure } } => Some((*at, failure)),
        SyncStage::Finished { outcome: SyncOutcome::Succeeded, .. }
        | SyncStage::Running { .. }
        | SyncStage::Rejected { .. }
        | SyncStage::Superseded { .. } => None,
    }
}

/// Records that a request was carried out.
pub(super) fn answer(facts: &Facts<'_>, request: &Request, outcome: RequestOutcome, now: Timestamp) -> Next {
    let mut state = summary::own_state(facts, now);
    record(&mut state, &request.id, outcome);
    Next::Append(EventType::HealthChanged, Box::new(state))
}

/// The state after a preview was written down.
pub fn previewed(
    facts: &Facts<'_>,
    request: &RequestId,
    outcome: RequestOutcome,
    now: Timestamp,
) -> TargetState {
    let mut state = summary::own_state(facts, now);
    record(&mut state, request, outcome);
    state
}

/// Carries out the confirmation of a rebuilt inventory. What was held back for want of it is open again.
pub(super) fn confirm(facts: &Facts<'_>, request: Option<&Request>, now: Timestamp) -> Step<()> {
    let Some(request) = request.filter(|request| request.kind == RequestKind::ConfirmInventory) else {
        return Ok(());
    };
    let mut state = summary::own_state(facts, now);
    state.rebuilt = RebuiltInventory::Confirmed;
    if let Some(planned) = &mut state.plan {
        planned.open += 1;
    }
    record(&mut state, &request.id, RequestOutcome::Confirmed);
    Err(Next::Append(EventType::HealthChanged, Box::new(state)))
}

/// Whether orphans that only the cluster vouches for may be pruned.
pub(super) fn rebuilt_prune(facts: &Facts<'_>) -> RebuiltPrune {
    match facts.snapshot.own.as_ref().map(|own| own.state.rebuilt) {
        Some(RebuiltInventory::Confirmed) => RebuiltPrune::Confirmed,
        Some(RebuiltInventory::Unconfirmed) | None => facts.rebuilt_prune,
    }
}

/// Adds an answer to a state.
pub(crate) fn record(state: &mut TargetState, id: &RequestId, outcome: RequestOutcome) {
    let outcome = match outcome {
        RequestOutcome::Failed(failure) => RequestOutcome::Failed(bounds::told(failure)),
        RequestOutcome::Refused(failure) => RequestOutcome::Refused(bounds::told(failure)),
        whole @ (RequestOutcome::InSync
        | RequestOutcome::Confirmed
        | RequestOutcome::Noted
        | RequestOutcome::Previewed(_)) => whole,
    };
    if state.handled.iter().any(|handled| handled.id == *id) {
        return;
    }
    state.handled.push(Handled { id: id.clone(), outcome });
    let surplus = state.handled.len().saturating_sub(HANDLED_KEPT);
    state.handled.drain(..surplus);
    let read = state.handled.len().saturating_sub(ANSWERS_IN_FULL);
    state.handled.iter_mut().take(read).for_each(|handled| shorten(&mut handled.outcome));
}

/// Leaves of an answer what says that there was one: all of them have to fit into one event.
fn shorten(outcome: &mut RequestOutcome) {
    match outcome {
        RequestOutcome::Failed(failure) | RequestOutcome::Refused(failure) => {
            bounds::cut(&mut failure.message, OLD_MESSAGE_BYTES_MAX);
            bounds::cut(&mut failure.remedy, OLD_REMEDY_BYTES_MAX);
        }
        RequestOutcome::Previewed(content) => *content = Content::Inline(Vec::new()),
        RequestOutcome::InSync | RequestOutcome::Confirmed | RequestOutcome::Noted => {}
    }
}

/// Asks for the dry-runs of a preview, then for its text; fails it where a kind may not be seen.
pub(super) fn preview(context: &Context<'_>, plan: &SyncPlan, now: Timestamp) -> Step<Option<Next>> {
    let Some(request) = context.request.filter(|request| matches!(request.kind, RequestKind::Preview { .. }))
    else {
        return Ok(None);
    };
    if let Some(failure) = &context.judged.refused {
        // Half a preview would be taken for a whole one.
        let outcome = RequestOutcome::Failed(failure.clone());
        return Ok(Some(answer(context.facts, request, outcome, now)));
    }
    let dry_runs: Vec<DryRunKey> = plan
        .steps
        .iter()
        .filter(|step| step.action.applies())
        .filter_map(|step| context.dry_run_key(&step.id))
        .collect();
    let answers = context.facts.answers;
    // An answer that says nothing is shown as such: asked again at once, it would say nothing for ever.
    let open: Vec<Question> =
        dry_runs.iter().filter(|key| answers.dry_run(key).is_none()).cloned().map(Question::DryRun).collect();
    if open.is_empty() {
        let due = PreviewDue { request: request.id.clone(), plan: plan.clone(), dry_runs };
        return Ok(Some(Next::Preview(Box::new(due))));
    }
    Err(Next::Ask(open))
}

/// Whether the request has its answer in a sync that failed, for that desired state.
pub(super) fn failed_for(facts: &Facts<'_>, request: &Request, desired: Digest) -> Option<Failure> {
    let planned = tried(facts, request)?;
    let (_, failure) = last_failure(facts)?;
    (planned.made_from.desired == desired).then(|| failure.clone())
}

/// The plan that was made for the request too and that the newest sync carries out. It is told by ids and generations:
/// the clocks of who asks and who applies say nothing of each other.
fn tried<'a>(facts: &Facts<'a>, request: &Request) -> Option<&'a PlannedSync> {
    let planned = facts.snapshot.own.as_ref()?.state.plan.as_ref()?;
    let synced = facts.snapshot.sync.as_ref()?;
    let same = planned.generation == synced.state.generation && planned.asked.contains(&request.id);
    same.then_some(planned)
}
