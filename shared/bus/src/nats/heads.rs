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
}

impl From<&Event> for Known {
    fn from(event: &Event) -> Self {
        Self { n: event.n(), sequence: event.sequence, id: event.id }
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
        let newer = self.get(event.aggregate()).is_some_and(|known| known.sequence > event.sequence);
        if newer {
            return;
        }
        let mut generations = self.lock();
        generations.young.insert(event.aggregate().clone(), Known::from(event));
        if generations.young.len() >= GENERATION {
            generations.old = std::mem::take(&mut generations.young);
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
