//! Health: one closed vocabulary; the rules are in the `health` crate.

use serde::{Deserialize, Serialize};

/// How well an object or a target does. Ordered from best to worst.
/// Source: Argo CD's order, gitops-engine `pkg/health`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum HealthStatus {
    /// It does what it should.
    Healthy,
    /// It is held by somebody's wish.
    Suspended,
    /// It is on its way.
    Progressing,
    /// It does not exist.
    Missing,
    /// It failed, or cannot go on by itself.
    Degraded,
    /// It cannot be told.
    Unknown,
}

impl HealthStatus {
    /// The word that people see.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::Suspended => "Suspended",
            Self::Progressing => "Progressing",
            Self::Missing => "Missing",
            Self::Degraded => "Degraded",
            Self::Unknown => "Unknown",
        }
    }
}
