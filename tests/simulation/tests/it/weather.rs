//! How often things go wrong, and whether they do at all.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// In a thousand, for each way in which something can go wrong.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rates {
    /// The log does not answer, or its answer is lost.
    pub log: u32,
    /// What a watch of the log tells comes twice.
    pub twice: u32,
    /// A request to an API server is refused, lost, or its answer is.
    pub request: u32,
    /// A watch of an API server breaks, or goes silent.
    pub watch: u32,
    /// Something takes seconds instead of milliseconds.
    pub slow: u32,
}

/// Bad weather, while it lasts; a clone is the same weather.
#[derive(Clone)]
pub struct Weather {
    rates: Rates,
    bad: Arc<AtomicBool>,
}

impl Weather {
    /// Bad weather with these rates.
    pub fn bad(rates: Rates) -> Self {
        Self { rates, bad: Arc::new(AtomicBool::new(true)) }
    }

    /// From now on nothing goes wrong.
    pub fn clear(&self) {
        self.bad.store(false, Ordering::Relaxed);
    }

    /// The rates now.
    pub fn now(&self) -> Rates {
        if self.bad.load(Ordering::Relaxed) { self.rates } else { Rates::default() }
    }
}
