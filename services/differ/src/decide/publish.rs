//! The end of a decision: what is said about the target, and the plan if one is due.

use events::{
    Content, EventType, Table,
    state::{
        InputVector, ObjectOutcome, PlannedSync, Request, RequestKind, RequestOutcome, SyncOutcome,
        SyncStage, SyncStatus, TargetState,
    },
};
use model::{Failure, ObjectId, RetryClass, Timestamp};
use plan::{Assignment, HeldReason, Reason, Situation, Stock, SyncPlan};

use super::{
    Facts, Next, Step, Wanted, approval, awaited, bounds,
    heals::{self, Gates},
    judge::{self, Comparison, Judged},
    preflight, requests, strays, summary, waits,
    waits::Applier,
};
use crate::{answers::DryRunKey, desired::Desired, live::KindView};

/// How soon a kind that the cluster does not serve is looked for again.
const UNKNOWN_KIND_RETRY: std::time::Duration = std::time::Duration::from_secs(10);

/// Fingerprints recorded again in an event, which has to stay small.
const REFRESHED_KEPT: usize = 64;

/// What the last steps of a decision share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub facts: &'a Facts<'a>,
    pub assignment: &'a Assignment,
    pub wanted: Wanted,
    pub request: Option<&'a Request>,
    pub judged: &'a Judged,
    pub gates: &'a Gates,
    pub applier: Applier,
    pub stock: Stock<'a>,
}

impl Context<'_> {
    /// What a dry-run of the desired manifest of an object is keyed by now.
    pub fn dry_run_key(&self, id: &ObjectId) -> Option<DryRunKey> {
        let desired = self.facts.desired?;
        let found = desired.objects.binary_search_by(|object| object.id.cmp(id)).ok()?;
        let live = self.facts.live.get(id).map(|seen| (seen.uid.clone(), seen.resource_version.clone()));
        let manifest = desired.objects.get(found)?.manifest;
        Some(DryRunKey { id: id.clone(), live, manifest })
    }
}

/// Appends the state if it says anything new, else rests.
pub(super) fn tell(facts: &Facts<'_>, state: TargetState, wake: Option<Timestamp>) -> Next {
    let before = facts.snapshot.own.as_ref().map(|own| &own.state);
    match before {
        Some(before) if same_news(before, &state) => Next::Rest { wake },
        _ => Next::Append(event_type(before, &state), Box::new(state)),
    }
}

/// Whether both say the same to a reader: the reason of a health counts replicas up, which is no news; another
/// reason in words is, such as an image that cannot be pulled.
fn same_news(before: &TargetState, after: &TargetState) -> bool {
    let bare = |state: &TargetState| {
        let mut state = state.clone();
        state.health.objects.iter_mut().for_each(|object| object.reason.retain(|it| !it.is_ascii_digit()));
        state
    };
    before == after || bare(before) == bare(after)
}

fn event_type(before: Option<&TargetState>, after: &TargetState) -> EventType {
    let generation = |state: &TargetState| state.plan.as_ref().map(|plan| plan.generation);
    let drifted = before.is_some_and(|before| !before.drift.is_empty());
    if generation(after) != before.and_then(generation) {
        EventType::SyncPlanned
    } else if after.supersede.is_some() && before.map(|state| state.supersede) != Some(after.supersede) {
        EventType::SupersedeRequested
    } else if after.status == SyncStatus::Contested
        && before.map(|state| state.status) != Some(SyncStatus::Contested)
    {
        EventType::DriftContested
    } else if after.refused.is_some() && before.map(|state| &state.refused) != Some(&after.refused) {
        EventType::PlanRefused
    } else if !after.drift.is_empty() && before.map(|state| &state.drift) != Some(&after.drift) {
        EventType::DriftDetected
    } else if drifted && after.drift.is_empty() {
        EventType::DriftResolved
    } else {
        EventType::HealthChanged
    }
}

/// Whether the newest plan brought about just what is wanted, and every object still is as it was left.
pub(super) fn is_settled(
    facts: &Facts<'_>,
    assignment: &Assignment,
    wanted: Wanted,
    request: Option<&Request>,
) -> Step<bool> {
    let preview = request.is_some_and(|request| matches!(request.kind, RequestKind::Preview { .. }));
    let (Some(own), Some(sync)) = (&facts.snapshot.own, &facts.snapshot.sync) else {
        return Ok(false);
    };
    let Some(planned) = own.state.plan.as_ref().filter(|planned| planned.open == 0 && !preview) else {
        return Ok(false);
    };
    let succeeded = matches!(&sync.state.stage, SyncStage::Finished { outcome: SyncOutcome::Succeeded, .. });
    let same = planned.made_from.slice == assignment.slice
        && planned.made_from.desired == wanted.digest
        && planned.generation == sync.state.generation
        && sync.state.applied == Some(wanted.digest);
    let objects = || sync.objects.values().all(|row| is_as_left(facts, row));
    Ok(succeeded && same && objects() && strays::all_told(facts))
}

fn is_as_left(facts: &Facts<'_>, row: &events::state::AppliedObject) -> bool {
    let listed = facts.live.view(&row.id) == Some(&KindView::Listed);
    let done = matches!(
        row.outcome,
        ObjectOutcome::Created
            | ObjectOutcome::Configured
            | ObjectOutcome::Unchanged
            | ObjectOutcome::Untouched
    );
    let same = facts.live.get(&row.id).is_some_and(|seen| {
        seen.deletion == plan::Deletion::None
            && seen.is_of(&facts.target.application)
            && judge::compare(facts, row, seen) == Comparison::Same
    });
    listed && done && same
}

/// Tells that the target is in sync.
pub(super) fn in_sync(facts: &Facts<'_>, now: Timestamp) -> Next {
    if let Some(refused) = approval::refuse_others(facts, None, now) {
        return refused;
    }
    let mut state = summary::own_state(facts, now);
    state.status = SyncStatus::InSync;
    state.drift = Table::default();
    state.refused = None;
    state.waits.clear();
    let there = |id: &ObjectId, uid: &str| facts.live.get(id).is_some_and(|seen| seen.uid == uid);
    state.strays.retain(|stray| there(&stray.id, &stray.uid));
    answer_all(facts, &mut state);
    tell(facts, state, None)
}

/// Every pending sync request has its answer once the target is in sync.
fn answer_all(facts: &Facts<'_>, state: &mut TargetState) {
    if let Some(request) = requests::current(facts)
        && let RequestKind::Sync { .. } = request.kind
    {
        requests::record(state, &request.id, RequestOutcome::InSync);
    }
}

/// Goes on only if the cluster serves every desired kind.
pub(super) fn kinds_known(
    facts: &Facts<'_>,
    desired: &Desired,
    request: Option<&Request>,
    now: Timestamp,
) -> Step<()> {
    let Some((id, gvk)) = desired.unknown.first() else {
        return Ok(());
    };
    let failure = Failure {
        code: "PLAN-UNKNOWN-KIND".into(),
        message: format!("{id} is a {gvk}, which the cluster does not serve"),
        remedy: "install its CustomResourceDefinition first, or correct apiVersion and kind".into(),
        class: RetryClass::Permanent,
        at: now,
        attempts: 1,
    };
    Err(refuse(facts, request, failure, (RequestOutcome::Failed, Some(now.plus(UNKNOWN_KIND_RETRY)))))
}

/// Says why there is no plan, and answers a request with it.
pub(super) fn refuse(
    facts: &Facts<'_>,
    request: Option<&Request>,
    failure: Failure,
    (outcome, wake): (fn(Failure) -> RequestOutcome, Option<Timestamp>),
) -> Next {
    let failure = bounds::told(failure);
    let mut state = summary::own_state(facts, failure.at);
    state.status = SyncStatus::OutOfSync;
    let failure = match &state.refused {
        Some(before) if before.same_as(&failure) => before.clone(),
        Some(_) | None => failure,
    };
    state.refused = Some(failure.clone());
    if let Some(request) = request {
        requests::record(&mut state, &request.id, outcome(failure));
    }
    tell(facts, state, wake)
}

/// Publishes the plan, or says why there is none.
pub(super) fn publish(
    context: &Context<'_>,
    situation: &Situation<'_>,
    plan: SyncPlan,
    now: Timestamp,
) -> Step<Next> {
    let facts = context.facts;
    if let Some(request) = context.request
        && let Some(failure) = requests::failed_for(facts, request, context.wanted.digest)
    {
        return Ok(requests::answer(facts, request, RequestOutcome::Failed(failure), now));
    }
    if let Some(refused) = approval::refuse_others(facts, Some(&plan), now) {
        return Ok(refused);
    }
    let mut state = summary::own_state(facts, now);
    state.drift = Table::Inline(summary::drift(facts, context.judged, &plan, now));
    state.refused = None;
    state.strays = strays::told(&plan, situation.strays);
    state.waits = awaited::waits(facts, &plan, situation.neighbours, now);
    refresh(&mut state, context.judged);
    state.status = match situation.release {
        Some(_) => SyncStatus::OutOfSync,
        None => status(&plan, &state),
    };
    if context.applier == Applier::Silent {
        return Ok(waits::stalled(context, state, now));
    }
    // What is only recorded anew does nothing to the cluster, which is all that waits for a person.
    let asked = approval::is_given(facts, &plan);
    let waits = !situation.application.sync.auto && !asked && plan.changes().next().is_some();
    if plan.is_empty() || waits {
        return Ok(rest(context, state, &plan, now));
    }
    consent(context, situation, &plan, now)?;
    let plan = preflight::preflight(context, plan, now)?;
    if state.drift != own_drift(facts) && !state.drift.is_empty() {
        return Ok(tell(facts, state, None));
    }
    let healed: Vec<ObjectId> = plan
        .steps
        .iter()
        .filter(|step| matches!(step.reason, Reason::Drift | Reason::Missing | Reason::Ownership))
        .map(|step| step.id.clone())
        .collect();
    state.heals = heals::count(facts, context.judged, context.wanted.digest, &healed, now);
    state.plan = Some(planned(context, &plan, now));
    state.supersede = None;
    approval::used(facts, &mut state);
    Ok(tell(facts, state, None))
}

/// Records fingerprints that dry-runs confirmed. Those beyond the bound stay confirmed in memory only, and are
/// asked again after a restart.
fn refresh(state: &mut TargetState, judged: &Judged) {
    for refreshed in &judged.refreshed {
        let room = state.refreshed.len() < REFRESHED_KEPT;
        match state.refreshed.iter_mut().find(|known| known.id == refreshed.id) {
            Some(known) => known.clone_from(refreshed),
            None if room => state.refreshed.push(refreshed.clone()),
            None => {}
        }
    }
}

fn own_drift(facts: &Facts<'_>) -> Table<events::state::DriftedObject> {
    facts.snapshot.own.as_ref().map(|own| own.state.drift.clone()).unwrap_or_default()
}

fn planned(context: &Context<'_>, plan: &SyncPlan, now: Timestamp) -> PlannedSync {
    let facts = context.facts;
    let before = facts.snapshot.own.as_ref().and_then(|own| own.state.plan.as_ref());
    let synced = facts.snapshot.sync.as_ref();
    // A wiped log forgets our plans but not always the applier's: the next generation passes both.
    let generation =
        before.map_or(0, |plan| plan.generation).max(synced.map_or(0, |sync| sync.state.generation)) + 1;
    PlannedSync {
        generation,
        digest: plan.digest(),
        plan: Content::Inline(plan.encode()),
        made_from: InputVector {
            definitions_n: facts.snapshot.definitions_n,
            slice: context.assignment.slice,
            parameters: context.assignment.parameters,
            observation: context.wanted.observation,
            desired: context.wanted.digest,
            sync_n: synced.map_or(0, |sync| sync.n),
        },
        open: plan.held.iter().filter(|held| is_open(held.reason)).count() as u32,
        since: now,
        silence_ms: facts.silence.as_millis().try_into().unwrap_or(u64::MAX),
        asked: requests::open(facts).map(|request| request.id.clone()).collect(),
    }
}

/// Whether a held object is to be looked at again by itself.
fn is_open(reason: HeldReason) -> bool {
    match reason {
        HeldReason::Terminating
        | HeldReason::LiveUnknown
        | HeldReason::HealBackoff
        | HeldReason::RetryBackoff
        | HeldReason::HealDisabled
        | HeldReason::Contested
        | HeldReason::JobExpired
        | HeldReason::HandOver
        | HeldReason::AwaitsRender => true,
        HeldReason::PruneDisabled
        | HeldReason::PruneNeedsConsent
        | HeldReason::PruneAdopted
        | HeldReason::PruneUnconfirmed
        | HeldReason::Stray => false,
    }
}

fn status(plan: &SyncPlan, state: &TargetState) -> SyncStatus {
    let held = |wanted: HeldReason| plan.held.iter().any(|held| held.reason == wanted);
    // Ownership is taken back quietly: no value differs.
    let mut told = plan.changes().filter(|step| step.reason != Reason::Ownership).peekable();
    let drifted = told.peek().is_some();
    if !told.all(|step| matches!(step.reason, Reason::Drift | Reason::Missing)) {
        SyncStatus::OutOfSync
    } else if held(HeldReason::Contested) {
        SyncStatus::Contested
    } else if !state.drift.is_empty() || drifted {
        SyncStatus::Drifted
    } else if [
        HeldReason::RetryBackoff,
        HeldReason::Terminating,
        HeldReason::HandOver,
        HeldReason::AwaitsRender,
    ]
    .into_iter()
    .any(held)
    {
        SyncStatus::OutOfSync
    } else if held(HeldReason::LiveUnknown) {
        SyncStatus::Unknown
    } else {
        SyncStatus::InSync
    }
}

/// Nothing is due now: tells the status and says when to look again.
fn rest(context: &Context<'_>, mut state: TargetState, plan: &SyncPlan, now: Timestamp) -> Next {
    let facts = context.facts;
    if state.status == SyncStatus::InSync {
        answer_all(facts, &mut state);
    }
    awaited::heed(facts, &mut state, context.request, now);
    if plan.is_empty() {
        approval::used(facts, &mut state);
    }
    let retry = plan.held.iter().any(|held| held.reason == HeldReason::RetryBackoff);
    let retry = if retry { requests::retry_wake(facts) } else { None };
    if let Some(failure) = context.judged.refused.as_ref().or(context.judged.unanswered.as_ref()) {
        requests::unanswered(context, &mut state, failure);
    }
    let wake = [retry, context.gates.wake, context.judged.wake(), awaited::wake(&state, now)]
        .into_iter()
        .flatten()
        .min();
    tell(facts, state, wake)
}

/// Goes on only if the guard lets the plan pass, or a person approved just this plan, and the checker finds no fault.
fn consent(context: &Context<'_>, situation: &Situation<'_>, plan: &SyncPlan, now: Timestamp) -> Step<()> {
    let failure = |code: &str, message: String, remedy: &str, class| Failure {
        code: code.into(),
        message,
        remedy: remedy.into(),
        class,
        at: now,
        attempts: 1,
    };
    if let Some(violation) = plan::check(plan, situation).first() {
        let failure = failure("PLAN-CHECK", violation.to_string(), "report it as a bug", RetryClass::Bug);
        return Err(refuse(context.facts, context.request, failure, (RequestOutcome::Failed, None)));
    }
    match plan::guard(plan, context.stock, &situation.application.guard) {
        Err(refusal) if !approval::is_given(context.facts, plan) => {
            let remedy = approval::remedy(&refusal, plan, context.facts);
            let failure = failure(refusal.code(), refusal.to_string(), &remedy, RetryClass::Permanent);
            Err(refuse(context.facts, context.request, failure, (RequestOutcome::Refused, None)))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
