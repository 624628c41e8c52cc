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
    /// A later version and its sequence: once the mirror has that, `mirrored_n` moves there. It is left some
    /// versions behind the newest, so that a mirror that follows has it by the time it is asked for.
    pub(super) mark: (u64, u64),
}

/// Versions between two marks: a quarter of what the log keeps.
const MARK_EVERY: u64 = 64;

impl Known {
    /// Puts the mark on this version if the last one was reached and it is time for another.
    fn with_mark(mut self) -> Self {
        if self.mark.0 <= self.mirrored_n && self.n >= self.mirrored_n + MARK_EVERY {
            self.mark = (self.n, self.sequence);
        }
        self
    }
}

impl From<&Event> for Known {
    fn from(event: &Event) -> Self {
        Self { n: event.n(), sequence: event.sequence, id: event.id, mirrored_n: 0, mark: (0, 0) }
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
        if let Some(before) = before.filter(|before| before.n <= known.n) {
            (known.mirrored_n, known.mark) = (before.mirrored_n, before.mark);
        }
        known = known.with_mark();
        let mut generations = self.lock();
        generations.young.insert(event.aggregate().clone(), known);
        if generations.young.len() >= GENERATION {
            generations.old = std::mem::take(&mut generations.young);
        }
    }

    /// Remembers that the mirror has everything up to that sequence, as far as the aggregate goes.
    pub(super) fn note_mirrored(&self, aggregate: &Aggregate, sequence: u64) {
        let mut generations = self.lock();
        let Generations { young, old } = &mut *generations;
        if let Some(known) = young.get_mut(aggregate).or_else(|| old.get_mut(aggregate))
            && known.mark.1 <= sequence
        {
            known.mirrored_n = known.mirrored_n.max(known.mark.0);
            *known = known.with_mark();
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

#[cfg(test)]
mod tests {
    use model::Digest;

    use super::*;

    fn known(n: u64) -> Known {
        let id = Digest::of(b"event").to_string().parse().unwrap();
        Known { n, sequence: 1000 + n, id, mirrored_n: 0, mark: (0, 0) }
    }

    #[test]
    fn a_mark_stays_until_it_is_reached() {
        assert_eq!(known(63).with_mark().mark, (0, 0));
        let marked = known(64).with_mark();
        assert_eq!(marked.mark, (64, 1064));
        let further = Known { n: 100, ..marked }.with_mark();
        assert_eq!(further.mark, (64, 1064), "the newest is always too young to be in the mirror");
        let reached = Known { mirrored_n: 64, n: 128, ..marked }.with_mark();
        assert_eq!(reached.mark.0, 128);
    }
}
