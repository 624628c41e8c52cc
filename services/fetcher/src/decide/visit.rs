//! A visit of a remote: one fetch at most, then a look at each of its sources.

use std::sync::Arc;

use events::state::{ObservedPath, RequestId};
use model::{Commit, Digest, Source, definition::Signers};

use super::{Known, Reading, RemoteId, picture::Trace};

/// What a visit costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// The mirror is read as it is.
    Survey,
    /// The mirror is brought up to date first.
    Fetch,
}

/// A visit: a value that says all that its execution needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// The remote.
    pub remote: RemoteId,
    /// What it costs.
    pub effort: Effort,
    /// One look for each source, at least one.
    pub looks: Vec<Look>,
}

/// A look at one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The source as defined.
    pub source: Source,
    /// What is read from it.
    pub reading: Arc<Reading>,
    /// The newest event; what follows is decided against it.
    pub known: Option<Known>,
    /// Failures in a row so far.
    pub failures: u32,
    /// Looks so far.
    pub rounds: u32,
    /// What the last good look of this process saw.
    pub sight: Option<Arc<Sight>>,
    /// Requests that this look carries out.
    pub answers: Vec<RequestId>,
    /// What led to it, if it was an event.
    pub trace: Option<Trace>,
}

/// What a good look saw. While version `n` is the newest event, its rows are these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// Version of the event that holds it.
    pub n: u64,
    /// What was read.
    pub reading: Arc<Reading>,
    /// The commit.
    pub commit: Commit,
    /// What resolved to it.
    pub reference: String,
    /// Where it was seen.
    pub origin: Digest,
    /// Who was trusted to sign it.
    pub signers: Option<Signers>,
    /// Every path, sorted.
    pub rows: Arc<Vec<ObservedPath>>,
}

/// Looks between two that make sure that the log still holds what they published: five minutes at the usual poll.
const CHECK_EVERY: u32 = 10;

impl Look {
    /// Whether to make sure that the log still holds what the last look published: now and then, and whenever
    /// somebody asks.
    pub fn is_check_due(&self) -> bool {
        !self.answers.is_empty() || self.rounds.is_multiple_of(CHECK_EVERY)
    }

    /// The same look, with nothing remembered: all is published anew.
    pub fn afresh(self) -> Self {
        Self { sight: None, ..self }
    }

    /// The last sight, if it is what the newest event tells.
    pub fn current_sight(&self) -> Option<&Arc<Sight>> {
        let n = self.known.as_ref().map(|known| known.n);
        self.sight.as_ref().filter(|sight| Some(sight.n) == n)
    }
}
