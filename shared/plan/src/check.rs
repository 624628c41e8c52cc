//! The plan checker: looks at a finished plan with other eyes than the planner's, before it is published.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use model::ObjectId;

use crate::{
    Action, Existence, Reason, Situation, Stage, SyncPlan, Verdict,
    neighbour::{awaits_render, claim},
    order::key,
    orphan::prune_consent,
    planner::{Deletion, Provenance},
};

/// A rule that a plan breaks: a bug of the planner; such a plan is never published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// An object has two steps, or a step and a hold.
    Twice(ObjectId),
    /// Steps are not in the one order.
    Order(ObjectId),
    /// A prune of something that is not in the inventory.
    PruneOutsideInventory(ObjectId),
    /// A prune of something that is desired, in whatever version.
    PruneOfDesired(ObjectId),
    /// A prune of something whose deletion needs a person's word.
    PruneWithoutConsent(ObjectId),
    /// A deletion, or an orphaning, of something that another target desires, or whose render has to be awaited.
    LossOfWanted(ObjectId),
    /// A prune whose precondition is not the uid that is live and recorded.
    PruneOfAnotherUid(ObjectId),
    /// A write to something that is not desired.
    WriteOfUndesired(ObjectId),
    /// A write to something that nobody can see now.
    WriteBlind(ObjectId),
    /// A change is recorded as if only the install key were another one.
    HiddenChange(ObjectId),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rule, id) = match self {
            Self::Twice(id) => ("names an object twice", id),
            Self::Order(id) => ("is out of order", id),
            Self::PruneOutsideInventory(id) => ("prunes outside the inventory", id),
            Self::PruneOfDesired(id) => ("prunes a desired object", id),
            Self::PruneWithoutConsent(id) => ("prunes without consent", id),
            Self::LossOfWanted(id) => ("loses what another target may desire", id),
            Self::PruneOfAnotherUid(id) => ("prunes another uid", id),
            Self::WriteOfUndesired(id) => ("writes an undesired object", id),
            Self::WriteBlind(id) => ("writes what it cannot see", id),
            Self::HiddenChange(id) => ("records a change that it does not make", id),
        };
        write!(f, "the plan {rule}: {id}")
    }
}

/// Lists the rules that a plan breaks; empty for a good plan.
pub fn check(plan: &SyncPlan, situation: &Situation<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for id in plan.steps.iter().map(|step| &step.id).chain(plan.held.iter().map(|held| &held.id)) {
        if !seen.insert(id) {
            found.push(Violation::Twice(id.clone()));
        }
    }
    for pair in plan.steps.windows(2) {
        if let [a, b] = pair
            && key(a.stage, &a.id) >= key(b.stage, &b.id)
        {
            found.push(Violation::Order(b.id.clone()));
        }
    }
    let desired: BTreeSet<&ObjectId> = situation.desired.iter().map(|object| &object.id).collect();
    for step in &plan.steps {
        match &step.action {
            Action::Prune { uid } => {
                found.extend(check_prune(&step.id, uid, situation, &desired));
                found.extend(check_loss(&step.id, uid, situation));
            }
            Action::Orphan { uid, .. } => found.extend(check_loss(&step.id, uid, situation)),
            Action::Create | Action::Apply { .. } | Action::Receive { .. } => {
                found.extend(check_write(&step.id, step.stage, situation, &desired));
            }
            Action::Record { .. } if step.reason == Reason::Rekeyed => {
                found.extend(check_rekeyed(&step.id, situation));
            }
            Action::Forget | Action::GiveBack { .. } | Action::Record { .. } => {}
        }
    }
    found
}

fn check_write(
    id: &ObjectId,
    stage: Stage,
    situation: &Situation<'_>,
    desired: &BTreeSet<&ObjectId>,
) -> Vec<Violation> {
    let mut found = Vec::new();
    if !desired.contains(id) {
        found.push(Violation::WriteOfUndesired(id.clone()));
    }
    if matches!(situation.live.get(id), Some(Existence::Unknown)) {
        found.push(Violation::WriteBlind(id.clone()));
    }
    if stage >= Stage::Forget {
        found.push(Violation::Order(id.clone()));
    }
    found
}

/// The values are the same, and live.
fn check_rekeyed(id: &ObjectId, situation: &Situation<'_>) -> Option<Violation> {
    let applied = situation.inventory.iter().find(|object| object.id == *id);
    let wanted = situation.desired.iter().find(|object| object.id == *id);
    let same = wanted.zip(applied).is_some_and(|(wanted, applied)| wanted.is(applied.manifest));
    let live = match situation.live.get(id) {
        Some(Existence::Ours(live)) => live.verdict == Verdict::InSync,
        Some(
            Existence::NotOurs { .. } | Existence::Theirs { .. } | Existence::Absent | Existence::Unknown,
        )
        | None => false,
    };
    (!same || !live).then(|| Violation::HiddenChange(id.clone()))
}

fn check_loss(id: &ObjectId, uid: &str, situation: &Situation<'_>) -> Option<Violation> {
    let neighbours = situation.neighbours;
    let here = situation.desired.iter().filter_map(|object| situation.live.get(&object.id));
    let wanted_here = here.into_iter().any(|live| match live {
        Existence::Ours(live) => live.uid == uid,
        Existence::NotOurs { uid: other } | Existence::Theirs { uid: other, .. } => other == uid,
        Existence::Absent | Existence::Unknown => false,
    });
    let wanted_there = claim(neighbours, &[id], uid).is_some();
    (wanted_here || wanted_there || awaits_render(neighbours, id))
        .then(|| Violation::LossOfWanted(id.clone()))
}

fn check_prune(
    id: &ObjectId,
    uid: &str,
    situation: &Situation<'_>,
    desired: &BTreeSet<&ObjectId>,
) -> Vec<Violation> {
    let inventory: BTreeMap<_, _> = situation.inventory.iter().map(|object| (&object.id, object)).collect();
    let mut found = Vec::new();
    if desired.contains(id) {
        found.push(Violation::PruneOfDesired(id.clone()));
    }
    let stray = situation.strays.iter().find(|stray| stray.id == *id && stray.uid == uid);
    if let Some(Provenance::Own(origin)) = stray.map(|stray| stray.provenance)
        && !inventory.contains_key(id)
    {
        found.extend(
            prune_consent(situation, id, origin).err().map(|_| Violation::PruneWithoutConsent(id.clone())),
        );
        return found;
    }
    let Some(object) = inventory.get(id) else {
        found.push(Violation::PruneOutsideInventory(id.clone()));
        return found;
    };
    if prune_consent(situation, id, object.origin).is_err() {
        found.push(Violation::PruneWithoutConsent(id.clone()));
    }
    let live_uid = match situation.live.get(id) {
        Some(Existence::Ours(live)) if live.deletion == Deletion::None => Some(live.uid.as_str()),
        Some(
            Existence::Ours(_)
            | Existence::NotOurs { .. }
            | Existence::Theirs { .. }
            | Existence::Absent
            | Existence::Unknown,
        )
        | None => None,
    };
    if live_uid != Some(uid) || object.uid.as_deref().is_some_and(|recorded| recorded != uid) {
        found.push(Violation::PruneOfAnotherUid(id.clone()));
    }
    found
}

#[cfg(test)]
mod tests;
