//! Strays: live objects with our mark that are in no inventory although the log has one.

use events::state::StrayObject;
use model::ObjectId;
use plan::{Deletion, HeldReason, Provenance, Stray, SyncPlan};

use super::{Facts, Next, Step, bounds};
use crate::{
    answers::{Found, Question},
    desired::Desired,
    live::{Mark, Seen},
};

/// Strays named in an event, which has to stay small.
const STRAYS_TOLD: usize = 32;

/// What they may take of it.
const STRAYS_BYTES_MAX: usize = 3 * 1024;

/// What the watches show of strays. Without an inventory in the log there are none: see `inventory`.
fn suspects<'a>(facts: &Facts<'a>) -> impl Iterator<Item = (&'a ObjectId, &'a Seen)> {
    let sync = facts.snapshot.sync.as_deref();
    let ours = facts.live.of_application(&facts.target.application);
    ours.filter(move |(id, seen)| {
        sync.is_some_and(|sync| !sync.objects.contains_key(*id))
            && seen.mark == Mark::Ours
            && seen.deletion == Deletion::None
    })
}

/// Whether all that look like strays have been told as such, and nothing else is known of them.
pub(super) fn all_told(facts: &Facts<'_>) -> bool {
    let told = facts.snapshot.own.as_ref().map(|own| own.state.strays.as_slice()).unwrap_or_default();
    suspects(facts).all(|(id, seen)| {
        facts.answers.provenance(id, &seen.uid) == Some(Provenance::Unknown)
            && told.iter().any(|stray| stray.id == *id && stray.uid == seen.uid)
    })
}

/// Finds the strays among what is not desired. A watch may not have shown yet that one is gone, so each is read.
pub(super) fn strays(facts: &Facts<'_>, desired: &Desired) -> Step<Vec<Stray>> {
    let mut strays = Vec::new();
    let mut open = Vec::new();
    let wanted = |id: &ObjectId| desired.objects.binary_search_by(|object| object.id.cmp(id)).is_ok();
    for (id, seen) in suspects(facts).filter(|(id, _)| !wanted(id)) {
        match facts.answers.existence(id) {
            None => open.push(Question::Existence(id.clone())),
            Some(Found::Object { uid, mark: Some(Mark::Ours), .. }) if *uid == seen.uid => {
                match facts.answers.provenance(id, uid) {
                    None => open.push(Question::Provenance(id.clone(), uid.clone())),
                    Some(provenance) => strays.push(Stray {
                        id: id.clone(),
                        api_version: seen.api_version.clone(),
                        uid: uid.clone(),
                        provenance,
                    }),
                }
            }
            Some(Found::Object { .. } | Found::Absent | Found::Unknown(_)) => {}
        }
    }
    if open.is_empty() { Ok(strays) } else { Err(Next::Ask(open)) }
}

/// The strays that a plan leaves alone because nobody knows them, as they are told.
pub(super) fn told(plan: &SyncPlan, strays: &[Stray]) -> Vec<StrayObject> {
    let held = plan.held.iter().filter(|held| held.reason == HeldReason::Stray);
    let found = held.filter_map(|held| strays.iter().find(|stray| stray.id == held.id));
    let mut told: Vec<StrayObject> = found
        .take(STRAYS_TOLD)
        .map(|stray| StrayObject { id: stray.id.clone(), uid: stray.uid.clone() })
        .collect();
    bounds::keep(&mut told, STRAYS_BYTES_MAX, |stray| bounds::id_bytes(&stray.id) + stray.uid.len());
    told
}
