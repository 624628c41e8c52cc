//! Statuses and their order.

pub use model::HealthStatus;
use serde::{Deserialize, Serialize};

/// Longest reason, in characters: a status line, not a log.
const REASON_CHARS_MAX: usize = 300;

/// A status and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// How well it does.
    pub status: HealthStatus,
    /// Why, as a fragment, partly in its controller's words; empty if there is nothing to say.
    pub reason: String,
}

impl Health {
    /// Healthy, with nothing to say.
    pub fn healthy() -> Self {
        Self::of(HealthStatus::Healthy, "")
    }

    /// Not there.
    pub fn missing() -> Self {
        Self::of(HealthStatus::Missing, "the object does not exist")
    }

    /// Nothing known, for this reason.
    pub fn unknown(reason: impl AsRef<str>) -> Self {
        Self::of(HealthStatus::Unknown, reason)
    }

    pub(crate) fn progressing(reason: impl AsRef<str>) -> Self {
        Self::of(HealthStatus::Progressing, reason)
    }

    pub(crate) fn degraded(reason: impl AsRef<str>) -> Self {
        Self::of(HealthStatus::Degraded, reason)
    }

    pub(crate) fn suspended(reason: impl AsRef<str>) -> Self {
        Self::of(HealthStatus::Suspended, reason)
    }

    fn of(status: HealthStatus, reason: impl AsRef<str>) -> Self {
        // Words of a controller may hold anything; one line of bounded length is kept.
        let clean = |c: char| if c.is_control() { ' ' } else { c };
        let reason = reason.as_ref().trim().chars().map(clean).take(REASON_CHARS_MAX).collect();
        Self { status, reason }
    }
}

/// The worst of all; Healthy if there is none.
pub fn worst(statuses: impl IntoIterator<Item = HealthStatus>) -> HealthStatus {
    statuses.into_iter().max().unwrap_or(HealthStatus::Healthy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use HealthStatus::{Degraded, Healthy, Missing, Progressing, Suspended, Unknown};

    #[test]
    fn the_worst_one_counts() {
        let order = [Healthy, Suspended, Progressing, Missing, Degraded, Unknown];
        for (i, status) in order.into_iter().enumerate() {
            assert_eq!(worst(order[..=i].iter().rev().copied()), status);
        }
        assert_eq!(worst([]), Healthy);
    }

    #[test]
    fn reasons_are_one_bounded_line() {
        let health = Health::degraded(format!(" a\n\x1b[2Jb{}", "x".repeat(1_000)));
        assert!(health.reason.starts_with("a  [2Jbx"), "{health:?}");
        assert_eq!(health.reason.chars().count(), REASON_CHARS_MAX);
    }
}
