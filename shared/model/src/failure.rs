//! Failures as states: what went wrong, whether trying again helps, and what a person can do.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Says what trying again would achieve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RetryClass {
    /// The same request may succeed later: a dead host, a throttled server.
    Transient,
    /// The same request fails again until a person or a commit changes something.
    Permanent,
    /// The request was made from a state that has moved on: read again, decide again.
    Stale,
    /// A broken promise of our own code.
    Bug,
}

/// A failure that a person sees. It never holds a secret value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Stable code such as `GIT-AUTH`; documented, never reused.
    pub code: String,
    /// What failed, in one sentence, with the tool's own words where there are any.
    pub message: String,
    /// What to do about it; empty if nothing can be said.
    pub remedy: String,
    /// What trying again would achieve.
    pub class: RetryClass,
    /// When it was seen last.
    pub at: Timestamp,
    /// How many times in a row, at least 1.
    pub attempts: u32,
}

impl Failure {
    /// Whether both tell the same thing to a person: a new time or count alone is no news.
    pub fn same_as(&self, other: &Self) -> bool {
        (&self.code, &self.message, &self.remedy, self.class)
            == (&other.code, &other.message, &other.remedy, other.class)
    }
}
