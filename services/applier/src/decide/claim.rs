//! When a create may be started. A process that wakes up late writes at worst an old manifest, but with a create
//! it could bring back what its successor has pruned; so creates alone keep a distance from both ends of a claim.

use std::time::Duration;

use model::Timestamp;

/// Longest life of a request: the deadline of a call. A claim must outlive it.
const REQUEST: Duration = cluster::CALL_DEADLINE;
/// Life of a claim that is not renewed, by the time to live of a membership.
const CLAIM: Duration = Duration::from_secs(4);

/// What entitles this process to write to a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// There is no other process that could: the log lets in only one.
    Sole,
    /// It holds the cluster.
    Held {
        /// Since when.
        since: Timestamp,
        /// Until when, if it is not renewed.
        until: Timestamp,
    },
    /// It does not hold the cluster.
    None,
}

/// Whether a create may be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permit {
    /// Yes, at the latest then if a time is given.
    Now(Option<Timestamp>),
    /// Not before that time; ask again.
    At(Timestamp),
    /// No.
    No,
}

/// Decides when a create may be started.
pub fn permit(claim: Claim, now: Timestamp) -> Permit {
    match claim {
        Claim::Sole => Permit::Now(None),
        Claim::None => Permit::No,
        Claim::Held { since, until } => {
            let earliest = since.plus(CLAIM + REQUEST);
            let latest = until.as_millis().saturating_sub(REQUEST.as_millis().try_into().unwrap_or(i64::MAX));
            if now < earliest {
                Permit::At(earliest)
            } else if now.as_millis() <= latest {
                Permit::Now(Some(Timestamp::from_millis(latest)))
            } else {
                Permit::No
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn creates_keep_away_from_both_ends_of_a_claim() {
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1_000);
        let held = |until: i64| Claim::Held { since: at(100), until: at(until) };
        for (claim, now, expected) in [
            (Claim::Sole, 0, Permit::Now(None)),
            (Claim::None, 0, Permit::No),
            (held(200), 100, Permit::At(at(109))),
            (held(200), 108, Permit::At(at(109))),
            (held(200), 109, Permit::Now(Some(at(195)))),
            (held(200), 195, Permit::Now(Some(at(195)))),
            (held(200), 196, Permit::No),
            (held(112), 109, Permit::No),
        ] {
            assert_eq!(permit(claim, at(now)), expected, "{claim:?} at {now}");
        }
    }
}
