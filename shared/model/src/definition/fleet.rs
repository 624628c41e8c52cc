//! The fleet repository: where definitions are read from.

use serde::{Deserialize, Serialize};

use crate::definition::Git;

/// The fleet repository: where definitions are read from. It is named on a command line, never in itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fleet {
    /// The repository and what to follow in it.
    pub git: Git,
    /// The folder of definitions, relative to the root; empty or `.`: the root.
    pub path: String,
    /// Time between two looks, in milliseconds.
    pub poll_ms: u64,
}

impl Fleet {
    /// Whether it is the same place: how it is reached, and how often, makes no other one of it.
    pub fn is_at(&self, other: &Self) -> bool {
        (&self.git.url, &self.git.reference, &self.path)
            == (&other.git.url, &other.git.reference, &other.path)
    }

    /// Whether whatever that one says is believed although this one asks for signatures.
    pub fn is_stricter_than(&self, other: &Self) -> bool {
        self.git.verify.is_some() && other.git.verify.is_none()
    }
}
