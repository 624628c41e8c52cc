//! What becomes of an orphan: an object of the inventory that its target desires no more.
//!
//! In this order: what cannot be seen is left alone; what another target desires is handed over; what is
//! desired under another kind or group is the same object; then the policy decides, under consent.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    ObjectId,
    definition::{self, GuardedKind},
};

use crate::{
    Action, Existence, HeldReason, InventoryObject, Origin, Reason, RebuiltPrune, Situation,
    neighbour::{Claim, awaits_render, claim},
    planner::{Deletion, LiveObject, Outcome},
};

/// Desired ids that may be the same object as an orphan: equal but for the group, as an Ingress in `extensions`
/// and in `networking.k8s.io`, or an Event in both groups. Only the uid tells.
#[derive(Debug, Default)]
pub(crate) struct Twins<'a> {
    of: BTreeMap<&'a ObjectId, Vec<&'a ObjectId>>,
    /// Uids of the live objects that are desired here, under whatever name.
    uids: BTreeSet<&'a str>,
}

impl<'a> Twins<'a> {
    /// The twins of these orphans.
    pub(crate) fn of(situation: &Situation<'a>, orphans: &[&'a InventoryObject]) -> Self {
        let mut twins = Self::default();
        if orphans.is_empty() {
            return twins;
        }
        let mut named = BTreeMap::<_, Vec<&'a ObjectId>>::new();
        for orphan in orphans {
            named.entry(name(&orphan.id)).or_default().push(&orphan.id);
        }
        let here = situation.desired.iter().map(|object| &object.id);
        twins.uids = here.clone().filter_map(|id| uid(situation.live.get(id)?)).collect();
        let there = situation.neighbours.iter().flat_map(|neighbour| neighbour.desired.iter());
        for desired in here.chain(there) {
            let twin = named.get(&name(desired)).into_iter().flatten().filter(|id| id.group != desired.group);
            for orphan in twin {
                twins.of.entry(*orphan).or_default().push(desired);
            }
        }
        twins
    }
}

fn name(id: &ObjectId) -> (&str, Option<&str>, &str) {
    (&id.kind, id.namespace.as_deref(), &id.name)
}

fn uid(existence: &Existence) -> Option<&str> {
    match existence {
        Existence::Ours(live) => Some(&live.uid),
        Existence::NotOurs { uid } | Existence::Theirs { uid, .. } => Some(uid),
        Existence::Absent | Existence::Unknown => None,
    }
}

/// Plans an orphan. One that was found on the cluster, and is left alone for now, is known to the log from now on:
/// else it would be a stray after this sync, which nobody prunes and nobody hands over.
pub(crate) fn plan_orphan(situation: &Situation<'_>, orphan: &InventoryObject, twins: &Twins<'_>) -> Outcome {
    match (fate(situation, orphan, twins), orphan.origin, &orphan.uid) {
        (Outcome::Hold(_), Origin::Found, Some(uid)) => {
            Outcome::Do(Action::Record { uid: uid.clone() }, Reason::Found)
        }
        (outcome, _, _) => outcome,
    }
}

fn fate(situation: &Situation<'_>, orphan: &InventoryObject, twins: &Twins<'_>) -> Outcome {
    let existence = match situation.live.get(&orphan.id) {
        None | Some(Existence::Unknown) => return Outcome::Hold(HeldReason::LiveUnknown),
        Some(Existence::Absent) => return Outcome::Do(Action::Forget, Reason::Gone),
        Some(existence @ (Existence::NotOurs { .. } | Existence::Theirs { .. } | Existence::Ours(_))) => {
            existence
        }
    };
    let live_uid = uid(existence).unwrap_or_default();
    if orphan.uid.as_ref().is_some_and(|uid| uid != live_uid) {
        // Somebody put another object there; only its own creator may remove it.
        return Outcome::Do(Action::Forget, Reason::NotOurs);
    }
    if let Some(outcome) = wanted(situation, orphan, (existence, twins)) {
        return outcome;
    }
    if matches!(existence, Existence::Ours(live) if live.deletion == Deletion::Requested) {
        return Outcome::Hold(HeldReason::Terminating);
    }
    if awaits_render(situation.neighbours, &orphan.id) {
        return Outcome::Hold(HeldReason::AwaitsRender);
    }
    let live = match existence {
        Existence::Ours(live) => live,
        Existence::NotOurs { .. } | Existence::Theirs { .. } | Existence::Absent | Existence::Unknown => {
            return Outcome::Do(Action::Forget, Reason::NotOurs);
        }
    };
    by_policy(situation, orphan, live)
}

/// Somebody still wants it, or nobody can tell.
fn wanted(
    situation: &Situation<'_>,
    orphan: &InventoryObject,
    (existence, twins): (&Existence, &Twins<'_>),
) -> Option<Outcome> {
    let live_uid = uid(existence)?;
    let near = twins.of.get(&orphan.id).map(Vec::as_slice).unwrap_or_default();
    let same = |id: &&&ObjectId| situation.live.get(**id).and_then(uid) == Some(live_uid);
    let ids: Vec<&ObjectId> = std::iter::once(&orphan.id).chain(near.iter().filter(same).copied()).collect();
    match (claim(situation.neighbours, &ids, live_uid), existence) {
        // Its label is still ours: whoever desires it has not got it, or lost it to a late write of ours.
        (Some(Claim::Open), _) | (Some(Claim::Met), Existence::Ours(_)) => {
            return Some(Outcome::Hold(HeldReason::HandOver));
        }
        (Some(Claim::Met), _) => {
            return Some(Outcome::Do(Action::GiveBack { uid: live_uid.to_owned() }, Reason::HandOver));
        }
        (None, _) => {}
    }
    if twins.uids.contains(live_uid) {
        return Some(Outcome::Do(Action::Forget, Reason::SameObject));
    }
    let unseen = |id: &&ObjectId| matches!(situation.live.get(*id), Some(Existence::Unknown));
    near.iter().any(unseen).then_some(Outcome::Hold(HeldReason::LiveUnknown))
}

fn by_policy(situation: &Situation<'_>, orphan: &InventoryObject, live: &LiveObject) -> Outcome {
    let (uid, origin) = (live.uid.clone(), orphan.origin);
    match (situation.release, prune_consent(situation, &orphan.id, origin)) {
        (Some(definition::Deletion::Orphan), _) => {
            Outcome::Do(Action::Orphan { uid, origin }, Reason::Released)
        }
        (Some(definition::Deletion::Delete), Ok(())) => Outcome::Do(Action::Prune { uid }, Reason::Released),
        // What is never deleted without a person's word stays, and is ours no more.
        (
            Some(definition::Deletion::Delete),
            Err(HeldReason::PruneNeedsConsent | HeldReason::PruneAdopted),
        ) => Outcome::Do(Action::Orphan { uid, origin }, Reason::Released),
        (None, Ok(())) => Outcome::Do(Action::Prune { uid }, Reason::Orphan),
        (_, Err(reason)) => Outcome::Hold(reason),
    }
}

/// Whether an object may be deleted without asking a person.
pub(crate) fn prune_consent(
    situation: &Situation<'_>,
    id: &ObjectId,
    origin: Origin,
) -> Result<(), HeldReason> {
    // Whoever lets an application go says himself what becomes of its objects.
    if situation.release.is_none() && !situation.application.sync.prune {
        return Err(HeldReason::PruneDisabled);
    }
    let guard = &situation.application.guard;
    match (origin, situation.rebuilt_prune) {
        (Origin::Adopted, _) if !guard.prune_adopted => return Err(HeldReason::PruneAdopted),
        (Origin::Rebuilt | Origin::Found, RebuiltPrune::Unconfirmed) => {
            return Err(HeldReason::PruneUnconfirmed);
        }
        (Origin::Adopted | Origin::Created | Origin::Rebuilt | Origin::Found, _) => {}
    }
    match GuardedKind::of(&id.group, &id.kind) {
        Some(kind) if !guard.prune_kinds.contains(&kind) => Err(HeldReason::PruneNeedsConsent),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
