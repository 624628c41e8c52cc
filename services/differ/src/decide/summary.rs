//! The parts of a target's state that are told whatever is decided: health, drift, and what stays the same.

use events::{
    Table,
    state::{
        AppliedObject, DriftedObject, HealthSummary, ObjectHealth, ObjectOutcome, SyncStatus, TargetState,
    },
};
use model::{HealthStatus, ObjectId, Timestamp};
use plan::{Expiry, HeldReason, Reason, SyncPlan};

use super::{
    Facts, bounds,
    bounds::{NAME_BYTES_MAX, id_bytes},
    judge::{Drifted, Judged},
};
use crate::{answers::Found, live::KindView};

/// Objects named in a health summary: as many as a person reads.
const UNHEALTHY_TOLD: usize = 20;

/// What they may take of an event.
const UNHEALTHY_BYTES_MAX: usize = 3 * 1024;

/// Of the reason of a health: a sentence.
const REASON_BYTES_MAX: usize = 512;

/// Of a drifted object so many fields, and so many field managers, are told.
const FIELDS_TOLD: usize = 20;
const MANAGERS_TOLD: usize = 5;

/// Of the path of a field, or of the refusal that stands in its place.
const FIELD_BYTES_MAX: usize = 1_024;

/// Drifted objects told in an event, which has to stay small; the plan holds all of them.
const DRIFTED_TOLD: usize = 32;

/// The state that we wrote last, or the first one, with the health of now.
pub(super) fn own_state(facts: &Facts<'_>, now: Timestamp) -> TargetState {
    let mut state = match &facts.snapshot.own {
        Some(own) => own.state.clone(),
        None => TargetState {
            status: SyncStatus::Unknown,
            plan: None,
            refused: None,
            drift: Table::default(),
            heals: vec![],
            refreshed: vec![],
            health: HealthSummary { status: HealthStatus::Unknown, since: now, objects: vec![] },
            handled: vec![],
            supersede: None,
            strays: vec![],
            rebuilt: Default::default(),
            released: None,
            paused: None,
            waits: vec![],
            heals_paged: Table::default(),
            refreshed_paged: Table::default(),
        },
    };
    if facts.snapshot.assignment.is_some() {
        state.released = None;
    }
    if let Some(sync) = &facts.snapshot.sync {
        state.refreshed.retain(|refreshed| refreshed.sync_n == sync.n);
    }
    let (status, objects) = health(facts);
    let since = if status == state.health.status { state.health.since } else { now };
    state.health = HealthSummary { status, since, objects };
    state
}

/// The worst health of the inventory, and who is not healthy.
fn health(facts: &Facts<'_>) -> (HealthStatus, Vec<ObjectHealth>) {
    let Some(sync) = &facts.snapshot.sync else {
        return (HealthStatus::Unknown, vec![]);
    };
    let mut worst = HealthStatus::Healthy;
    let mut objects: Vec<ObjectHealth> = sync
        .objects
        .values()
        .filter(|row| row.outcome != ObjectOutcome::Terminating && !has_expired(facts, row))
        .map(|row| object_health(facts, &row.id))
        .filter(|object| object.status != HealthStatus::Healthy)
        .collect();
    for object in &objects {
        worst = worst.max(object.status);
    }
    objects.sort_by(|a, b| (b.status, &a.id).cmp(&(a.status, &b.id)));
    objects.truncate(UNHEALTHY_TOLD);
    bounds::keep(&mut objects, UNHEALTHY_BYTES_MAX, |object| id_bytes(&object.id) + object.reason.len());
    (worst, objects)
}

/// Whether a Job is gone because it was done, not because somebody deleted it before it could be.
fn has_expired(facts: &Facts<'_>, row: &AppliedObject) -> bool {
    let listed = facts.live.view(&row.id) == Some(&KindView::Listed);
    let a_job = row.id.group == "batch" && row.id.kind == "Job" && row.uid.is_some();
    if !a_job || !listed || facts.live.get(&row.id).is_some() {
        return false;
    }
    match facts.desired {
        Some(desired) => desired.objects.iter().any(|object| {
            object.id == row.id && object.is(row.manifest) && object.expiry == Expiry::AfterFinish
        }),
        // Its manifest is not at hand now: what was told stands.
        None => told(facts, &row.id).is_none_or(|object| object.status != HealthStatus::Missing),
    }
}

/// What was told last of an object that was not healthy.
fn told<'a>(facts: &Facts<'a>, id: &ObjectId) -> Option<&'a ObjectHealth> {
    facts.snapshot.own.as_ref()?.state.health.objects.iter().find(|object| object.id == *id)
}

fn object_health(facts: &Facts<'_>, id: &ObjectId) -> ObjectHealth {
    let untold = || (HealthStatus::Unknown, "whether it exists cannot be told now".to_owned());
    let (status, reason) = match (facts.live.get(id), facts.live.view(id)) {
        (_, Some(KindView::Refused(_))) => {
            (HealthStatus::Unknown, "its kind may not be listed or watched".to_owned())
        }
        (_, Some(KindView::OutOfReach)) => {
            (HealthStatus::Unknown, "it lies outside of the cluster's namespaces".to_owned())
        }
        (Some(seen), _) => (seen.health.status, seen.health.reason.clone()),
        (None, Some(KindView::NotServed)) => (HealthStatus::Missing, String::new()),
        // Only the API server says that it is gone: whoever loses our label leaves the watch, too.
        (None, Some(KindView::Listed)) => match facts.answers.existence(id) {
            Some(Found::Absent) => (HealthStatus::Missing, String::new()),
            Some(Found::Object { .. }) => (HealthStatus::Unknown, "it does not carry our mark".to_owned()),
            Some(Found::Unknown(_)) => untold(),
            // Not asked since the last look at everything: what was told stands.
            None => told(facts, id).map_or_else(untold, |told| (told.status, told.reason.clone())),
        },
        (None, Some(KindView::Pending | KindView::Unavailable | KindView::Undiscovered) | None) => {
            (HealthStatus::Unknown, "its kind cannot be watched now".to_owned())
        }
    };
    let mut health = ObjectHealth { id: id.clone(), status, reason };
    bounds::cut(&mut health.reason, REASON_BYTES_MAX);
    health
}

/// The drift that the plan answers or holds, and ownership that is contested, with the onset kept of what was known before.
pub(super) fn drift(
    facts: &Facts<'_>,
    judged: &Judged,
    plan: &SyncPlan,
    now: Timestamp,
) -> Vec<DriftedObject> {
    let answered = plan.steps.iter().filter(|step| matches!(step.reason, Reason::Drift | Reason::Missing));
    let held = plan.held.iter().filter(|held| match held.reason {
        HeldReason::HealBackoff | HeldReason::HealDisabled => judged.drift.contains_key(&held.id),
        HeldReason::Contested => true,
        HeldReason::Terminating
        | HeldReason::LiveUnknown
        | HeldReason::PruneDisabled
        | HeldReason::PruneNeedsConsent
        | HeldReason::PruneAdopted
        | HeldReason::PruneUnconfirmed
        | HeldReason::JobExpired
        | HeldReason::Stray
        | HeldReason::HandOver
        | HeldReason::AwaitsRender
        | HeldReason::RetryBackoff => false,
    });
    let before: &[DriftedObject] = match facts.snapshot.own.as_ref().map(|own| &own.state.drift) {
        Some(Table::Inline(rows)) => rows,
        Some(Table::Paged { .. }) | None => &[],
    };
    let ids = answered.map(|step| &step.id).chain(held.map(|held| &held.id));
    let mut drift: Vec<DriftedObject> = ids
        .filter_map(|id| judged.difference(id).map(|differing| (id, differing)))
        .map(|(id, differing)| {
            let since = before.iter().find(|known| known.id == *id).map_or(now, |known| known.since);
            drifted(id, since, differing)
        })
        .collect();
    drift.sort_by(|a, b| a.id.cmp(&b.id));
    drift.truncate(DRIFTED_TOLD);
    drift
}

fn drifted(id: &ObjectId, since: Timestamp, differing: &Drifted) -> DriftedObject {
    let told = |texts: &[String], most: usize, bytes_max: usize| {
        let mut texts: Vec<String> = texts.iter().take(most).cloned().collect();
        texts.iter_mut().for_each(|text| bounds::cut(text, bytes_max));
        texts
    };
    let fields = told(&differing.fields, FIELDS_TOLD, FIELD_BYTES_MAX);
    let managers = told(&differing.managers, MANAGERS_TOLD, NAME_BYTES_MAX);
    DriftedObject { id: id.clone(), since, fields, managers }
}
