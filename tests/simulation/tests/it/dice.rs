//! Chance that follows from a seed.

use std::{
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rand::{Rng, SeedableRng, rngs::StdRng};

/// A stream of chance; a clone draws from the same one.
#[derive(Clone)]
pub struct Dice(Arc<Mutex<StdRng>>);

impl Dice {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// A stream of its own, so that one more draw here changes nothing there.
    pub fn fork(&self) -> Self {
        Self::new(self.number())
    }

    /// Any number.
    pub fn number(&self) -> u64 {
        self.throw(Rng::random)
    }

    /// One of these.
    pub fn among(&self, range: Range<usize>) -> usize {
        self.throw(|rng| rng.random_range(range))
    }

    /// Whether something of that many in a thousand happens.
    pub fn happens(&self, in_thousand: u32) -> bool {
        in_thousand > 0 && self.throw(|rng| rng.random_range(0..1000)) < in_thousand
    }

    /// A time of so many milliseconds.
    pub fn millis(&self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.throw(|rng| rng.random_range(range)))
    }

    /// One of these, if there is any.
    pub fn pick<'a, T>(&self, all: &'a [T]) -> Option<&'a T> {
        (!all.is_empty()).then(|| &all[self.among(0..all.len())])
    }

    fn throw<T>(&self, how: impl FnOnce(&mut StdRng) -> T) -> T {
        how(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
