//! When a create may be started. A process that wakes up late writes at worst an old manifest, but with a create
//! it could bring back what its successor has pruned; so creates alone keep a distance from both ends of a claim.

use std::time::Duration;

use bus::Claim;

/// Longest life of a request: the deadline of a call, which the API server is told too.
const REQUEST: Duration = cluster::CALL_DEADLINE;
const _: () = assert!(bus::share::CLAIM.as_secs() >= REQUEST.as_secs() + 3, "two heartbeats may be late");

/// Whether a create may be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permit {
    /// Yes, at the latest so much later if a time is given.
    Now(Option<Duration>),
    /// Ask again after that time.
    After(Duration),
    /// No: whoever holds the cluster goes on.
    No,
}

/// Decides when a create may be started: it has to end before the claim does, and not to begin before the last
/// one of a predecessor has ended.
pub fn permit(claim: Claim) -> Permit {
    match claim {
        Claim::Sole => Permit::Now(None),
        Claim::None => Permit::No,
        Claim::Held { alone, .. } if alone < REQUEST => Permit::After(REQUEST - alone),
        // By then it is renewed, or over.
        Claim::Held { left, .. } if left < REQUEST => Permit::After(left),
        Claim::Held { left, .. } => Permit::Now(Some(left - REQUEST)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn creates_keep_away_from_both_ends_of_a_claim() {
        let seconds = Duration::from_secs;
        let held = |alone: u64, left: u64| Claim::Held { left: seconds(left), alone: seconds(alone) };
        for (claim, expected) in [
            (Claim::Sole, Permit::Now(None)),
            (Claim::None, Permit::No),
            (held(0, 10), Permit::After(seconds(5))),
            (held(4, 10), Permit::After(seconds(1))),
            (held(5, 10), Permit::Now(Some(seconds(5)))),
            (held(60, 5), Permit::Now(Some(seconds(0)))),
            (held(60, 4), Permit::After(seconds(4))),
            (held(0, 4), Permit::After(seconds(5))),
        ] {
            assert_eq!(permit(claim), expected, "{claim:?}");
        }
    }
}
