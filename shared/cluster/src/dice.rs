//! What a client leaves to chance, so that many of them do not do the same at the same time.

use std::{
    ops::Range,
    sync::{Mutex, PoisonError},
};

use rand::{Rng, SeedableRng, rngs::StdRng};

/// Numbers that nobody can foretell, or that follow from a seed.
pub(crate) struct Dice(Mutex<StdRng>);

impl Dice {
    pub(crate) fn unforeseen() -> Self {
        Self(Mutex::new(StdRng::from_os_rng()))
    }

    pub(crate) fn seeded(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }

    /// From 0 to 1.
    pub(crate) fn spread(&self) -> f64 {
        self.throw(Rng::random)
    }

    /// Any number.
    pub(crate) fn number(&self) -> u64 {
        self.throw(Rng::random)
    }

    /// One of these.
    pub(crate) fn among(&self, range: Range<u32>) -> u32 {
        self.throw(|dice| dice.random_range(range))
    }

    fn throw<T>(&self, how: impl FnOnce(&mut StdRng) -> T) -> T {
        how(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
