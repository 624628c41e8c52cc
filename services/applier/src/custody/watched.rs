//! A Lease of somebody else, watched for its life: renewed meanwhile, its holder is alive; else it is over. No clock
//! of another machine counts.

use std::time::Duration;

use cluster::Lease;
use tokio::time::Instant;

/// Longest life that is believed of somebody else's Lease: it is waited for.
const LIFE_MAX: Duration = Duration::from_secs(300);

/// What a look at a Lease told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// Nothing yet: look again.
    None,
    /// Its holder is alive.
    Alive,
    /// Nobody renewed it for its life.
    Over,
}

/// A Lease of somebody else, as it was first seen.
#[derive(Debug, Default)]
pub(super) struct Watched(Option<(String, Instant)>);

impl Watched {
    /// Takes in a look at it.
    pub(super) fn look(&mut self, lease: &Lease, now: Instant) -> Sign {
        let (version, since) = self.0.get_or_insert_with(|| (lease.resource_version.clone(), now));
        if *version != lease.resource_version {
            Sign::Alive
        } else if now.saturating_duration_since(*since) < lease.life.min(LIFE_MAX) {
            Sign::None
        } else {
            Sign::Over
        }
    }
}
