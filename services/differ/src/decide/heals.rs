//! When drift is healed: at once, later, or no more.

use std::collections::BTreeMap;

use events::state::{HealAttempt, Request};
use model::{Digest, ObjectId, Timestamp};
use plan::{HealGate, heal::HealDue};

use super::{
    Facts,
    judge::{Drifted, Judged},
    requests,
};

/// A fight is a series of heals with less than this between two of them; after a longer peace it starts anew,
/// unless it was given up.
const PEACE: std::time::Duration = std::time::Duration::from_secs(600);

/// Heals remembered of a target: as many as 16 pages hold. Who finds no room waits until there is some.
const HEALS_KEPT: usize = 4_096;

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

/// Heals by what was healed. Two fights about one object are two: an actor that takes turns with the fields gains
/// nothing.
type Heals = BTreeMap<(ObjectId, Digest), HealAttempt>;

/// The heals that still count: of this desired state, and of fights that go on or were given up.
fn history(facts: &Facts<'_>, desired: Digest, now: Timestamp) -> Heals {
    let own = facts.snapshot.own.as_ref().map(|own| &own.state);
    let same = own.and_then(|own| own.plan.as_ref()).is_some_and(|plan| plan.made_from.desired == desired);
    let heals = own.filter(|_| same).map(|own| own.heals.as_slice()).unwrap_or_default();
    let counts = heals.iter().filter(|heal| given_up(heal) || now.since(heal.last) < PEACE);
    counts.map(|heal| ((heal.id.clone(), heal.fields), heal.clone())).collect()
}

/// When there is room for one more heal: once the oldest fight that is not given up has been at peace.
fn room(heals: &Heals, now: Timestamp) -> HealDue {
    if heals.len() < HEALS_KEPT {
        return HealDue::Now;
    }
    let open = heals.values().filter(|heal| !given_up(heal)).map(|heal| heal.last).min();
    open.map_or(HealDue::Never, |oldest| HealDue::At(oldest.plus(PEACE).max(now)))
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
    if request.is_some_and(requests::means_all) {
        return gates;
    }
    let heals = history(facts, desired, now);
    let room = room(&heals, now);
    for (id, drifted) in judged.drift.iter().chain(&judged.lost) {
        let heal = heals.get(&(id.clone(), story(drifted)));
        match heal.map_or(room, |heal| plan::heal::due(heal.attempts, heal.last, now)) {
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
    let mut heals = history(facts, desired, now);
    for id in healed {
        let fields = judged.difference(id).map_or(Digest::of(b""), story);
        let room = heals.len() < HEALS_KEPT;
        match heals.get_mut(&(id.clone(), fields)) {
            Some(heal) => (heal.attempts, heal.last) = (heal.attempts + 1, now),
            None if room => {
                let heal = HealAttempt { id: id.clone(), fields, attempts: 1, last: now };
                heals.insert((id.clone(), fields), heal);
            }
            None => {}
        }
    }
    heals.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_finds_no_room_waits_for_the_oldest_open_fight() {
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1_000);
        let fights = |count: usize, attempts: u32| -> Heals {
            let fight = |i: usize| {
                let name = format!("map-{i}");
                let id = ObjectId { group: String::new(), kind: "ConfigMap".into(), namespace: None, name };
                let fields = Digest::of(b"fields");
                let last = at(1_000 + i as i64);
                ((id.clone(), fields), HealAttempt { id, fields, attempts, last })
            };
            (0..count).map(fight).collect()
        };
        let now = at(1_001);
        assert_eq!(room(&fights(HEALS_KEPT - 1, 1), now), HealDue::Now);
        assert_eq!(room(&fights(HEALS_KEPT, 1), now), HealDue::At(at(1_600)));
        assert_eq!(room(&fights(HEALS_KEPT, plan::heal::HEALS_MAX), now), HealDue::Never);
    }
}
