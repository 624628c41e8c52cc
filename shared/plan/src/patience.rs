//! How long one waits for another who carries out a plan, and when a running sync gives way.

use std::time::Duration;

use model::Timestamp;

/// Longest silence of whoever carries out a plan before the target counts as stalled: a slow API server, a
/// rolling restart and a re-election together stay below it.
pub const SILENCE: Duration = Duration::from_secs(600);

/// Syncs in a row that give way to a newer desired state; the next one finishes, or a repository that changes
/// faster than it is applied would keep a target half applied for ever.
pub const GIVE_WAY_MAX: u32 = 3;

/// Whether to go on waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Until then.
    Until(Timestamp),
    /// No more.
    Over,
}

/// Decides whether to go on waiting for somebody who last gave a sign of life at `heard`.
pub fn patience(heard: Timestamp, silence: Duration, now: Timestamp) -> Patience {
    let until = heard.plus(silence);
    if now < until { Patience::Until(until) } else { Patience::Over }
}

/// Whether a running sync gives way to a newer desired state, after so many in a row that did.
pub fn gives_way(in_a_row: u32) -> bool {
    in_a_row < GIVE_WAY_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_ends_at_its_bound_and_not_before() {
        let at = Timestamp::from_millis;
        let silence = Duration::from_secs(600);
        assert_eq!(patience(at(5), silence, at(600_004)), Patience::Until(at(600_005)));
        assert_eq!(patience(at(5), silence, at(600_005)), Patience::Over);
        // The clock of the other may be ahead.
        assert_eq!(patience(at(9), silence, at(5)), Patience::Until(at(600_009)));
    }

    #[test]
    fn the_fourth_in_a_row_finishes() {
        let ways: Vec<bool> = (0..5).map(gives_way).collect();
        assert_eq!(ways, [true, true, true, false, false]);
    }
}
