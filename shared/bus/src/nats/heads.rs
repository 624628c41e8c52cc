//! What is remembered of each aggregate, so that an append need not read first.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use events::{Event, EventId};
use model::Aggregate;

/// Aggregates in one generation; two are kept. At about 250 bytes each, some 30 MB at most.
const GENERATION: usize = 60_000;

/// The newest event of an aggregate, as far as is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) n: u64,
    pub(super) sequence: u64,
    pub(super) id: EventId,
    /// The highest version that is known to be in the mirror.
    pub(super) mirrored_n: u64,
}

impl From<&Event> for Known {
    fn from(event: &Event) -> Self {
        Self { n: event.n(), sequence: event.sequence, id: event.id, mirrored_n: 0 }
    }
}

/// A bounded memory: when the young generation is full it becomes the old one, and the old one goes.
#[derive(Default)]
pub(super) struct Heads(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    young: HashMap<Aggregate, Known>,
    old: HashMap<Aggregate, Known>,
}

impl Heads {
    pub(super) fn get(&self, aggregate: &Aggregate) -> Option<Known> {
        let generations = self.lock();
        generations.young.get(aggregate).or_else(|| generations.old.get(aggregate)).copied()
    }

    /// Remembers an event, unless a newer one is known.
    pub(super) fn put(&self, event: &Event) {
        let before = self.get(event.aggregate());
        if before.is_some_and(|known| known.sequence > event.sequence) {
            return;
        }
        let mut known = Known::from(event);
        // In a second life of the aggregate the versions begin again.
        known.mirrored_n = before.map_or(0, |before| before.mirrored_n).min(known.n);
        let mut generations = self.lock();
        generations.young.insert(event.aggregate().clone(), known);
        if generations.young.len() >= GENERATION {
            generations.old = std::mem::take(&mut generations.young);
        }
    }

    /// Remembers that the newest known event is in the mirror.
    pub(super) fn note_mirrored(&self, aggregate: &Aggregate) {
        let mut generations = self.lock();
        let Generations { young, old } = &mut *generations;
        if let Some(known) = young.get_mut(aggregate).or_else(|| old.get_mut(aggregate)) {
            known.mirrored_n = known.n;
        }
    }

    pub(super) fn forget(&self, aggregate: &Aggregate) {
        let mut generations = self.lock();
        generations.young.remove(aggregate);
        generations.old.remove(aggregate);
    }

    pub(super) fn forget_all(&self) {
        *self.lock() = Generations::default();
    }

    fn lock(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
