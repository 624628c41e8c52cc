//! The planner: from what is desired, applied and live to the steps that are due.

use std::collections::{BTreeMap, BTreeSet};

use model::{ApiVersion, Application, ApplicationName, Digest, ObjectId};
use serde::{Deserialize, Serialize};

use crate::{
    Action, HeldObject, HeldReason, Neighbour, Reason, Stage, Step, SyncPlan,
    neighbour::{Handed, awaits_render, claim, handed, holder},
    order::{key, prune_stage, stage},
    orphan::{Twins, plan_orphan, prune_consent},
};

/// Everything that a plan depends on.
#[derive(Debug, Clone)]
pub struct Situation<'a> {
    /// The application and its policies.
    pub application: &'a Application,
    /// Digest of the desired state.
    pub desired_digest: Digest,
    /// Desired objects, their namespaces resolved, ids unique.
    pub desired: &'a [DesiredObject],
    /// What we applied, ids unique.
    pub inventory: &'a [InventoryObject],
    /// What carries our mark and is in no inventory although the log has one.
    pub strays: &'a [Stray],
    /// What is known of the live objects; an id that is not in it is [`Existence::Unknown`] if it is in the
    /// inventory, else absent as far as our mark goes.
    pub live: &'a BTreeMap<ObjectId, Existence>,
    /// Objects whose heal is not due.
    pub gates: &'a BTreeMap<ObjectId, HealGate>,
    /// Whether objects that only the cluster vouches for may be pruned.
    pub rebuilt_prune: RebuiltPrune,
    /// Whether a failed step may be tried again.
    pub retry: Retry,
    /// The other targets of the cluster. Not needed while there are no orphans, and no desired object carries
    /// the mark of another target.
    pub neighbours: &'a [Neighbour],
    /// The policy by which the target is released; `None`: it is defined.
    pub release: Option<model::definition::Deletion>,
}

/// Why a heal is not due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealGate {
    /// It waits its turn.
    Backoff,
    /// We stopped: another actor wants it otherwise.
    Contested,
}

/// Whether orphans of an inventory that was rebuilt from the cluster may be pruned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RebuiltPrune {
    /// A person said so.
    Confirmed,
    /// Nobody said so yet.
    Unconfirmed,
}

/// Whether steps that failed are due again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Try again.
    Due,
    /// Not yet.
    Waiting,
}

/// An object that Git describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredObject {
    /// Which object.
    pub id: ObjectId,
    /// The version that its manifest is written at.
    pub api_version: ApiVersion,
    /// Digest of its redacted manifest.
    pub manifest: Digest,
    /// What that digest was, or will be, under the other install keys; none for what holds no secret.
    pub under_other_keys: Vec<Digest>,
    /// What happens when it is gone although nobody changed its manifest.
    pub expiry: Expiry,
}

impl DesiredObject {
    /// Whether that is a digest of its manifest, under whichever key.
    pub fn is(&self, manifest: Option<Digest>) -> bool {
        manifest.is_some_and(|it| it == self.manifest || self.under_other_keys.contains(&it))
    }
}

/// Whether an object may go away by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// It stays until somebody deletes it.
    Never,
    /// A Job with a time-to-live: gone means done.
    /// Source: Flux, a missing Job with `ttlSecondsAfterFinished` counts as done.
    AfterFinish,
}

/// An object of the inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryObject {
    /// Which object.
    pub id: ObjectId,
    /// The version that it was applied at.
    pub api_version: ApiVersion,
    /// Its uid; `None`: only the intent was recorded.
    pub uid: Option<String>,
    /// Digest of the manifest applied last.
    pub manifest: Option<Digest>,
    /// How it became ours.
    pub origin: Origin,
    /// How the newest attempt went.
    pub attempt: Attempt,
}

/// How an object became ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// We created it.
    Created,
    /// It existed before us and was taken over, by policy.
    Adopted,
    /// Recorded after it was found on the cluster with our mark.
    Rebuilt,
    /// Found on the cluster with our mark, and recorded nowhere: the log has no inventory.
    Found,
}

/// How the newest attempt at an object went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// It was applied.
    Done,
    /// It failed, or was interrupted.
    Unfinished,
}

/// A live object, not being deleted, that carries our mark and is in no inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// Which object.
    pub id: ObjectId,
    /// The version that it was seen at.
    pub api_version: ApiVersion,
    /// Its uid.
    pub uid: String,
    /// Whose it is.
    pub provenance: Provenance,
}

/// Whose a stray is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provenance {
    /// The target's own history names its id and uid: a process that was overtaken made it, or brought it back.
    Own(Origin),
    /// Nobody knows: another installation, or somebody who copied our mark.
    Unknown,
}

/// Whether an object exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Existence {
    /// It carries our label and an Apply entry of our manager.
    Ours(LiveObject),
    /// An object stands there without our mark.
    NotOurs {
        /// Its uid.
        uid: String,
    },
    /// An object stands there with the mark of another application.
    Theirs {
        /// Its uid.
        uid: String,
        /// Whose it is.
        application: ApplicationName,
    },
    /// The API server said that there is none.
    Absent,
    /// It cannot be told now.
    Unknown,
}

/// A live object that is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveObject {
    /// Its uid.
    pub uid: String,
    /// Whether it is being deleted.
    pub deletion: Deletion,
    /// How it compares with what we applied.
    pub verdict: Verdict,
}

/// Whether a live object is being deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// No.
    None,
    /// It has a deletion timestamp.
    Requested,
}

/// How a live object compares with what we applied to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The fingerprint is the recorded one, or a dry-run changed nothing.
    InSync,
    /// A dry-run changed no value but who owns it: re-apply quietly.
    OwnershipLost,
    /// A dry-run changed values, or was refused.
    Drifted,
}

pub(crate) enum Outcome {
    Do(Action, Reason),
    Hold(HeldReason),
    Nothing,
}

/// Plans. The result names every object that is not in sync once, as a step or as held.
pub fn plan(situation: &Situation<'_>) -> SyncPlan {
    let inventory: BTreeMap<&ObjectId, &InventoryObject> =
        situation.inventory.iter().map(|object| (&object.id, object)).collect();
    let desired: BTreeSet<&ObjectId> = situation.desired.iter().map(|object| &object.id).collect();
    let mut plan = SyncPlan {
        desired: situation.desired_digest,
        namespace: None,
        steps: Vec::new(),
        held: Vec::new(),
        in_sync: 0,
    };
    for object in situation.desired {
        let outcome = plan_desired(situation, object, inventory.get(&object.id).copied());
        record(&mut plan, outcome, stage(&object.id), &object.id, &object.api_version);
    }
    let orphans: Vec<_> = situation.inventory.iter().filter(|object| !desired.contains(&object.id)).collect();
    let twins = Twins::of(situation, &orphans);
    for orphan in orphans {
        let outcome = plan_orphan(situation, orphan, &twins);
        record(&mut plan, outcome, prune_stage(&orphan.id), &orphan.id, &orphan.api_version);
    }
    let unknown = |stray: &&Stray| !desired.contains(&stray.id) && !inventory.contains_key(&stray.id);
    for stray in situation.strays.iter().filter(unknown) {
        record(
            &mut plan,
            plan_stray(situation, stray),
            prune_stage(&stray.id),
            &stray.id,
            &stray.api_version,
        );
    }
    plan.steps.sort_by_cached_key(|step| key(step.stage, &step.id));
    plan.held.sort_by(|a, b| a.id.cmp(&b.id));
    plan.namespace = missing_namespace(situation, &plan);
    plan
}

fn record(plan: &mut SyncPlan, outcome: Outcome, stage: Stage, id: &ObjectId, api_version: &ApiVersion) {
    match outcome {
        Outcome::Nothing => plan.in_sync += 1,
        Outcome::Hold(reason) => plan.held.push(HeldObject { id: id.clone(), reason }),
        Outcome::Do(action, reason) => {
            let paper = matches!(action, Action::Forget | Action::Record { .. });
            let stage = if paper { Stage::Forget } else { stage };
            plan.steps.push(Step { id: id.clone(), api_version: api_version.clone(), stage, action, reason });
        }
    }
}

fn plan_desired(
    situation: &Situation<'_>,
    object: &DesiredObject,
    applied: Option<&InventoryObject>,
) -> Outcome {
    let live = situation.live.get(&object.id);
    if applied.is_some_and(|applied| applied.attempt == Attempt::Unfinished && same(applied, object))
        && situation.retry == Retry::Waiting
    {
        return Outcome::Hold(HeldReason::RetryBackoff);
    }
    if let Some(from) = giver(situation, live, applied)
        && let Some(outcome) = receive(situation, &object.id, from)
    {
        return outcome;
    }
    match (live, applied) {
        (None, None)
        | (Some(Existence::Absent | Existence::NotOurs { .. } | Existence::Theirs { .. }), None) => {
            Outcome::Do(Action::Create, Reason::New)
        }
        (None | Some(Existence::Unknown), _) => Outcome::Hold(HeldReason::LiveUnknown),
        (Some(Existence::Absent), Some(applied)) => missing(situation, object, applied),
        (Some(Existence::NotOurs { .. } | Existence::Theirs { .. }), Some(applied))
            if applied.uid.is_none() =>
        {
            Outcome::Do(Action::Create, Reason::Unfinished)
        }
        (Some(Existence::NotOurs { uid } | Existence::Theirs { uid, .. }), Some(_)) => {
            heal(situation, &object.id, Action::Apply { uid: uid.clone() }, Reason::Drift)
        }
        (Some(Existence::Ours(live)), applied) => plan_ours(situation, object, live, applied),
    }
}

/// The uid of an object that is not ours, and the target that may hand it over: whoever has its mark on it, or
/// applied it before somebody else took the mark off.
fn giver<'a>(
    situation: &'a Situation<'_>,
    live: Option<&'a Existence>,
    applied: Option<&InventoryObject>,
) -> Option<(&'a String, &'a ApplicationName)> {
    match live? {
        Existence::Theirs { uid, application } => Some((uid, application)),
        Existence::NotOurs { uid } if applied.is_none_or(|applied| applied.uid.is_none()) => {
            Some((uid, holder(situation.neighbours, uid)?))
        }
        Existence::NotOurs { .. } | Existence::Ours(_) | Existence::Absent | Existence::Unknown => None,
    }
}

/// An object with the mark of another target: handed over, or none of ours.
fn receive(
    situation: &Situation<'_>,
    id: &ObjectId,
    (uid, from): (&String, &ApplicationName),
) -> Option<Outcome> {
    match handed(situation.neighbours, from, (id, uid)) {
        Handed::Yes(origin) => {
            let action = Action::Receive { uid: uid.clone(), from: from.clone(), origin };
            Some(Outcome::Do(action, Reason::HandOver))
        }
        Handed::NotYet => Some(Outcome::Hold(HeldReason::HandOver)),
        Handed::No => None,
    }
}

fn same(applied: &InventoryObject, object: &DesiredObject) -> bool {
    object.is(applied.manifest)
}

fn missing(situation: &Situation<'_>, object: &DesiredObject, applied: &InventoryObject) -> Outcome {
    match (applied.attempt, same(applied, object), object.expiry) {
        (Attempt::Done, true, Expiry::AfterFinish) => Outcome::Hold(HeldReason::JobExpired),
        (Attempt::Done, true, Expiry::Never) => heal(situation, &object.id, Action::Create, Reason::Missing),
        (Attempt::Done, false, _) => Outcome::Do(Action::Create, Reason::Changed),
        (Attempt::Unfinished, _, _) => Outcome::Do(Action::Create, Reason::Unfinished),
    }
}

fn plan_ours(
    situation: &Situation<'_>,
    object: &DesiredObject,
    live: &LiveObject,
    applied: Option<&InventoryObject>,
) -> Outcome {
    if live.deletion == Deletion::Requested {
        return Outcome::Hold(HeldReason::Terminating);
    }
    let apply = || Action::Apply { uid: live.uid.clone() };
    let Some(applied) = applied.filter(|applied| applied.origin != Origin::Found) else {
        return Outcome::Do(apply(), Reason::Found);
    };
    if !same(applied, object) {
        return Outcome::Do(apply(), Reason::Changed);
    }
    if applied.attempt == Attempt::Unfinished {
        return Outcome::Do(apply(), Reason::Unfinished);
    }
    let is_another = applied.uid.as_ref().is_some_and(|uid| *uid != live.uid);
    match live.verdict {
        // What was recorded is gone, and a late create of ours made this one: it has to be recorded to be deleted one day.
        Verdict::InSync | Verdict::OwnershipLost if is_another => {
            heal(situation, &object.id, apply(), Reason::Missing)
        }
        Verdict::InSync if applied.manifest == Some(object.manifest) => Outcome::Nothing,
        Verdict::InSync => Outcome::Do(Action::Record { uid: live.uid.clone() }, Reason::Rekeyed),
        Verdict::OwnershipLost => heal(situation, &object.id, apply(), Reason::Ownership),
        Verdict::Drifted => heal(situation, &object.id, apply(), Reason::Drift),
    }
}

fn heal(situation: &Situation<'_>, id: &ObjectId, action: Action, reason: Reason) -> Outcome {
    if !situation.application.sync.self_heal {
        return Outcome::Hold(HeldReason::HealDisabled);
    }
    match situation.gates.get(id) {
        None => Outcome::Do(action, reason),
        Some(HealGate::Backoff) => Outcome::Hold(HeldReason::HealBackoff),
        Some(HealGate::Contested) => Outcome::Hold(HeldReason::Contested),
    }
}

fn plan_stray(situation: &Situation<'_>, stray: &Stray) -> Outcome {
    let Provenance::Own(origin) = stray.provenance else {
        return Outcome::Hold(HeldReason::Stray);
    };
    if claim(situation.neighbours, &[&stray.id], &stray.uid).is_some() {
        return Outcome::Hold(HeldReason::HandOver);
    }
    if awaits_render(situation.neighbours, &stray.id) {
        return Outcome::Hold(HeldReason::AwaitsRender);
    }
    match prune_consent(situation, &stray.id, origin) {
        Ok(()) => Outcome::Do(Action::Prune { uid: stray.uid.clone() }, Reason::Stray),
        Err(reason) => Outcome::Hold(reason),
    }
}

/// The application's namespace, if a step needs it and the plan does not hold it itself.
fn missing_namespace(situation: &Situation<'_>, plan: &SyncPlan) -> Option<String> {
    let namespace = situation.application.namespace.as_ref()?;
    let itself = |id: &ObjectId| id.kind == "Namespace" && id.group.is_empty() && id.name == *namespace;
    let needed = plan
        .steps
        .iter()
        .any(|step| step.action == Action::Create && step.id.namespace.as_ref() == Some(namespace));
    let described = situation.desired.iter().any(|object| itself(&object.id));
    (needed && !described).then(|| namespace.clone())
}

#[cfg(test)]
pub(crate) mod tests;
