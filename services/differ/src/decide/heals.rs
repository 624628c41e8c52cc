//! When drift is healed: at once, later, or no more.

use std::collections::BTreeMap;

use events::state::{HealAttempt, Request, RequestKind};
use model::{Digest, ObjectId, Timestamp};
use plan::{HealGate, heal::HealDue};

use super::{
    Facts,
    judge::{Drifted, Judged},
};

/// A fight is a series of heals with less than this between two of them; after a longer peace it starts anew,
/// unless it was given up.
const PEACE: std::time::Duration = std::time::Duration::from_secs(600);

/// Heals remembered in an event, which has to stay small: the newest ones.
const HEALS_KEPT: usize = 64;

/// Objects whose heal is not due, and when one will be.
#[derive(Debug, Default)]
pub(super) struct Gates {
    /// Which are not due.
    pub gates: BTreeMap<ObjectId, HealGate>,
    /// The earliest instant at which one becomes due.
    pub wake: Option<Timestamp>,
}

/// Digest of the drifted fields and of who owns them: another set is another story.
fn story(drifted: &Drifted) -> Digest {
    let parts = drifted.fields.iter().chain(&drifted.managers);
    Digest::of_parts("drift", parts.map(|part| part.as_bytes()))
}

/// The heals that still count: of this desired state, and of fights that go on or were given up.
fn history<'a>(facts: &Facts<'a>, desired: Digest, now: Timestamp) -> impl Iterator<Item = &'a HealAttempt> {
    let own = facts.snapshot.own.as_ref().map(|own| &own.state);
    let same = own.and_then(|own| own.plan.as_ref()).is_some_and(|plan| plan.made_from.desired == desired);
    let heals = own.filter(|_| same).map(|own| own.heals.as_slice()).unwrap_or_default();
    heals.iter().filter(move |heal| given_up(heal) || now.since(heal.last) < PEACE)
}

fn given_up(heal: &HealAttempt) -> bool {
    heal.attempts >= plan::heal::HEALS_MAX
}

/// Works out which objects that differ may not be healed now: two who take the ownership of a field from each other
/// fight as two who change its value do. A person's request opens every gate.
pub(super) fn gates(
    facts: &Facts<'_>,
    judged: &Judged,
    desired: Digest,
    request: Option<&Request>,
    now: Timestamp,
) -> Gates {
    let mut gates = Gates::default();
    if request
        .is_some_and(|request| matches!(request.kind, RequestKind::Sync { .. } | RequestKind::Preview { .. }))
    {
        return gates;
    }
    for (id, drifted) in judged.drift.iter().chain(&judged.lost) {
        let story = story(drifted);
        let Some(heal) = history(facts, desired, now).find(|heal| heal.id == *id && heal.fields == story)
        else {
            continue;
        };
        match plan::heal::due(heal.attempts, heal.last, now) {
            HealDue::Now => {}
            HealDue::At(at) => {
                gates.wake = Some(gates.wake.map_or(at, |wake| wake.min(at)));
                gates.gates.insert(id.clone(), HealGate::Backoff);
            }
            HealDue::Never => {
                gates.gates.insert(id.clone(), HealGate::Contested);
            }
        }
    }
    gates
}

/// Counts the heals that a plan for that desired state makes.
pub(super) fn count(
    facts: &Facts<'_>,
    judged: &Judged,
    desired: Digest,
    healed: &[ObjectId],
    now: Timestamp,
) -> Vec<HealAttempt> {
    let mut heals: Vec<HealAttempt> = history(facts, desired, now).cloned().collect();
    for id in healed {
        let fields = judged.difference(id).map_or(Digest::of(b""), story);
        // Two fights about one object are two: an actor that takes turns with the fields gains nothing.
        match heals.iter_mut().find(|heal| heal.id == *id && heal.fields == fields) {
            Some(heal) => (heal.attempts, heal.last) = (heal.attempts + 1, now),
            None => heals.push(HealAttempt { id: id.clone(), fields, attempts: 1, last: now }),
        }
    }
    heals.sort_by_key(|heal| std::cmp::Reverse((given_up(heal), heal.last)));
    heals.truncate(HEALS_KEPT);
    heals.sort_by(|a, b| (&a.id, a.fields).cmp(&(&b.id, b.fields)));
    heals
}
