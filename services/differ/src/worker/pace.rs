//! How often a target may be told anew: no loop of decisions, whatever its cause, may flood the log.

use std::{collections::BTreeMap, time::Duration};

use model::{TargetId, Timestamp};

/// Events of one target within a window: ten commits a second, each planned, begun, ended and healthy again, stay below.
const EVENTS_MAX: u32 = 500;

/// Length of a window.
const WINDOW: Duration = Duration::from_secs(10);

/// Counts what is told of each target.
#[derive(Debug, Default)]
pub struct Pace {
    windows: BTreeMap<TargetId, Window>,
}

/// What was told of a target since a window began.
#[derive(Debug)]
struct Window {
    since: Timestamp,
    told: u32,
}

impl Pace {
    /// Counts one more event of a target; `false`: it has to wait, which is said once.
    pub fn allows(&mut self, target: &TargetId, now: Timestamp) -> bool {
        let window = self.windows.entry(target.clone()).or_insert_with(|| Window { since: now, told: 0 });
        // A clock that was set back begins a new one too.
        if now < window.since || now.since(window.since) >= WINDOW {
            *window = Window { since: now, told: 0 };
        }
        window.told += 1;
        if window.told == EVENTS_MAX + 1 {
            tracing::warn!(%target, "decisions come to no end, and are told later");
        }
        window.told <= EVENTS_MAX
    }

    /// Forgets windows that are over: targets come and go.
    pub fn sweep(&mut self, now: Timestamp) {
        self.windows.retain(|_, window| now.since(window.since) < WINDOW);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_says_too_much_waits_and_the_others_do_not() {
        let target =
            |name: &str| TargetId { cluster: "eu".parse().unwrap(), application: name.parse().unwrap() };
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1_000);
        let mut pace = Pace::default();
        for told in 1..=EVENTS_MAX {
            assert!(pace.allows(&target("a"), at(100)), "{told}");
        }
        assert!(!pace.allows(&target("a"), at(109)));
        assert!(pace.allows(&target("b"), at(109)));
        assert!(pace.allows(&target("a"), at(110)), "another window");
        assert!(pace.allows(&target("a"), at(50)), "the clock was set back");
        pace.sweep(at(118));
        assert!(pace.windows.contains_key(&target("b")) && !pace.windows.contains_key(&target("a")));
    }
}
