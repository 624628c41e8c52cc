//! When drift is healed: at once, later, or no more.

use std::collections::BTreeMap;

use events::state::{HealAttempt, Request, RequestKind};
use model::{Digest, ObjectId, Timestamp};
use plan::{HealGate, heal::HealDue};

use super::{
    Facts,
    judge::{Drifted, Judged},
};

/// A fight is a series of heals with less than this between two of them; after a longer peace it starts anew.
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

fn known<'a>(facts: &Facts<'a>, id: &ObjectId, story: Digest, now: Timestamp) -> Option<&'a HealAttempt> {
    let heals = &facts.snapshot.own.as_ref()?.state.heals;
    heals.iter().find(|heal| heal.id == *id && heal.fields == story && now.since(heal.last) < PEACE)
}

/// Works out which drifted objects may not be healed now. A person's request opens every gate.
pub(super) fn gates(facts: &Facts<'_>, judged: &Judged, request: Option<&Request>, now: Timestamp) -> Gates {
    let mut gates = Gates::default();
    if request
        .is_some_and(|request| matches!(request.kind, RequestKind::Sync { .. } | RequestKind::Preview { .. }))
    {
        return gates;
    }
    for (id, drifted) in &judged.drift {
        let Some(heal) = known(facts, id, story(drifted), now) else {
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

/// Counts the heals that a plan makes.
pub(super) fn count(
    facts: &Facts<'_>,
    judged: &Judged,
    healed: &[ObjectId],
    now: Timestamp,
) -> Vec<HealAttempt> {
    let before = facts.snapshot.own.as_ref().map(|own| own.state.heals.clone()).unwrap_or_default();
    let mut heals: Vec<HealAttempt> =
        before.into_iter().filter(|heal| now.since(heal.last) < PEACE).collect();
    for id in healed {
        let story = judged.drift.get(id).map_or(Digest::of(b""), story);
        let attempts = known(facts, id, story, now).map_or(0, |heal| heal.attempts) + 1;
        heals.retain(|heal| heal.id != *id);
        heals.push(HealAttempt { id: id.clone(), fields: story, attempts, last: now });
    }
    heals.sort_by_key(|heal| std::cmp::Reverse(heal.last));
    heals.truncate(HEALS_KEPT);
    heals.sort_by(|a, b| a.id.cmp(&b.id));
    heals
}
