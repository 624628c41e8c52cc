//! When the next heal is due: fights back off and end in silence.

use std::time::Duration;

use model::Timestamp;

/// Heals of one object and field set before we stop and say who contests it.
pub const HEALS_MAX: u32 = 5;

/// Longest wait between two heals.
const WAIT_MAX: Duration = Duration::from_secs(300);

/// What to do about drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealDue {
    /// Heal now.
    Now,
    /// Heal then.
    At(Timestamp),
    /// Stop: the other actor wins until desired state changes.
    Never,
}

/// Decides when to heal after that many attempts, the newest of which was at `last`.
/// The waits are 0, 2, 6, 18, 54 s: the first heal is at once, a fight soon costs little.
/// Source: Argo CD's self-heal back-off, controller/appcontroller.go.
pub fn due(attempts: u32, last: Timestamp, now: Timestamp) -> HealDue {
    if attempts >= HEALS_MAX {
        return HealDue::Never;
    }
    let at = last.plus(wait(attempts));
    if now >= at { HealDue::Now } else { HealDue::At(at) }
}

fn wait(attempts: u32) -> Duration {
    match attempts {
        0 => Duration::ZERO,
        _ => Duration::from_secs(2 * 3_u64.saturating_pow(attempts - 1)).min(WAIT_MAX),
    }
}

/// When the next attempt at a failed sync is due, after that many failures in a row: 5, 10, 20, … 180 s.
/// Source: Argo CD's retry of automated syncs.
pub fn retry_at(failures: u32, last: Timestamp) -> Timestamp {
    let doublings = failures.saturating_sub(1).min(6);
    let wait = Duration::from_secs(5 * 2_u64.pow(doublings)).min(Duration::from_secs(180));
    last.plus(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end() {
        let last = Timestamp::from_millis(1_000);
        let at = |seconds: i64| Timestamp::from_millis(1_000 + seconds * 1_000);
        assert_eq!(due(0, last, last), HealDue::Now);
        assert_eq!(due(1, last, at(1)), HealDue::At(at(2)));
        assert_eq!(due(1, last, at(2)), HealDue::Now);
        assert_eq!(due(2, last, at(5)), HealDue::At(at(6)));
        assert_eq!(due(4, last, at(53)), HealDue::At(at(54)));
        assert_eq!(due(HEALS_MAX, last, at(10_000)), HealDue::Never);
    }

    #[test]
    fn retries_double_to_three_minutes() {
        let last = Timestamp::from_millis(0);
        let waits: Vec<i64> = (1..9).map(|n| retry_at(n, last).as_millis() / 1_000).collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 180, 180]);
    }
}
