//! Looking around before an object changes hands or goes: what do the other targets of the cluster say?

use std::collections::BTreeSet;

use model::ObjectId;
use plan::{Existence, InventoryObject, Neighbour, Stray};

use super::{Facts, Next, Step, judge::Judged};
use crate::{
    desired::Desired,
    known::Around,
    live::{KindView, Mark},
};

/// The neighbours, if they are needed: for orphans, and for desired objects with the mark of another target, or
/// whose mark was taken off before they were ours.
/// What they desire that may be the same object as an orphan is added to the live side.
pub(super) fn around<'a>(
    facts: &Facts<'a>,
    desired: &Desired,
    (inventory, strays): (&[InventoryObject], &[Stray]),
    judged: &mut Judged,
) -> Step<Option<&'a Around>> {
    let wanted: BTreeSet<&ObjectId> = desired.objects.iter().map(|object| &object.id).collect();
    let orphans = inventory.iter().map(|object| &object.id).filter(|id| !wanted.contains(id));
    let begun: BTreeSet<&ObjectId> =
        inventory.iter().filter(|object| object.uid.is_none()).map(|object| &object.id).collect();
    let theirs = judged.live.iter().filter(|(id, existence)| match existence {
        Existence::Theirs { .. } => wanted.contains(id),
        Existence::NotOurs { .. } => wanted.contains(id) && begun.contains(id),
        Existence::Ours(_) | Existence::Absent | Existence::Unknown => false,
    });
    let strays = strays.iter().map(|stray| &stray.id);
    let about: BTreeSet<ObjectId> = orphans.chain(strays).chain(theirs.map(|(id, _)| id)).cloned().collect();
    if about.is_empty() {
        return Ok(None);
    }
    let around = facts.around.filter(|around| {
        around.definitions_n == facts.snapshot.definitions_n && around.about.is_superset(&about)
    });
    let around = around.ok_or(Next::LookAround(about))?;
    let there = around.neighbours.iter().flat_map(|near: &Neighbour| near.desired.iter());
    for id in there.chain(desired.objects.iter().map(|object| &object.id)) {
        if let Some(existence) = twin(facts, id, &around.about)
            && !judged.live.contains_key(id)
        {
            judged.live.insert(id.clone(), existence);
        }
    }
    Ok(Some(around))
}

/// What stands where something is desired that has an orphan's name in another group; `None`: nothing to tell.
fn twin(facts: &Facts<'_>, id: &ObjectId, about: &BTreeSet<ObjectId>) -> Option<Existence> {
    let same = |other: &ObjectId| {
        (&other.kind, &other.namespace, &other.name) == (&id.kind, &id.namespace, &id.name)
    };
    if !about.iter().any(|other| same(other) && other.group != id.group) {
        return None;
    }
    match (facts.live.get(id), facts.live.view(id)) {
        (Some(seen), _) => Some(match seen.mark {
            Mark::Ours => Existence::Theirs { uid: seen.uid.clone(), application: seen.application.clone() },
            Mark::LabelOnly => Existence::NotOurs { uid: seen.uid.clone() },
        }),
        (None, Some(KindView::Listed | KindView::NotServed)) => None,
        (
            None,
            Some(
                KindView::Pending
                | KindView::Unavailable
                | KindView::Undiscovered
                | KindView::Refused(_)
                | KindView::OutOfReach,
            )
            | None,
        ) => Some(Existence::Unknown),
    }
}
