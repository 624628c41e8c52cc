//! What happened in a world, readable, with what must not happen.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

/// What happened; a clone is the same one.
#[derive(Clone)]
pub struct Trace {
    begun: Instant,
    told: Arc<Mutex<Told>>,
}

#[derive(Default)]
struct Told {
    lines: Vec<String>,
    broken: Vec<String>,
}

impl Default for Trace {
    fn default() -> Self {
        Self { begun: Instant::now(), told: Arc::default() }
    }
}

impl Trace {
    /// Something happened.
    pub fn tell(&self, who: &str, what: impl AsRef<str>) {
        let at = self.begun.elapsed().as_millis();
        let line = format!("{:>5}.{:03} {who:<10} {}", at / 1000, at % 1000, what.as_ref());
        self.lock().lines.push(line);
    }

    /// Something happened that must not.
    pub fn broke(&self, what: impl AsRef<str>) {
        self.tell("BROKEN", what.as_ref());
        self.lock().broken.push(what.as_ref().to_owned());
    }

    /// Everything so far, one line each.
    pub fn lines(&self) -> Vec<String> {
        self.lock().lines.clone()
    }

    /// What must not have happened.
    pub fn broken(&self) -> Vec<String> {
        self.lock().broken.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
