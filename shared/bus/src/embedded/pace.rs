//! How often the log is flushed to the disk: at once while few write, at intervals while many do.
//!
//! A flush costs the same, whether it carries one event or a hundred. Who writes alone is never held up, and a burst
//! is not either; only steady traffic from several sides shares flushes.

use std::time::{Duration, Instant};

/// Time between two flushes under steady traffic. A flush takes half a millisecond of the processor and more of the
/// disk; a sync appends a handful of events, so this adds some hundredths of a second to it.
const INTERVAL: Duration = Duration::from_millis(10);

/// Flushes that may follow each other without a wait: more than a change of one application takes from its commit to
/// its end.
const BURST: u32 = 24;

/// When the next flush may begin.
#[derive(Debug)]
pub(super) struct Pace {
    /// When all flushes so far would have been done, had they kept the interval; at most a burst and one ahead.
    due: Instant,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self { due: now }
    }

    /// Counts a flush for those who wait for it now; answers how long it is put off, so that more can join it.
    pub(super) fn wait(&mut self, waiting: usize, now: Instant) -> Duration {
        let (due, horizon) = (self.due.max(now), now + INTERVAL * BURST);
        let wait = match waiting {
            // Most often somebody who writes step after step: nobody would join.
            0 | 1 => Duration::ZERO,
            _ => due.saturating_duration_since(horizon),
        };
        self.due = (due + INTERVAL).min(horizon + wait + INTERVAL);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The waits of flushes for that many, each beginning a millisecond after the one before.
    fn waits(groups: impl IntoIterator<Item = usize>) -> Vec<Duration> {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        let mut waits = Vec::new();
        for waiting in groups {
            let wait = pace.wait(waiting, now);
            waits.push(wait);
            now += wait + Duration::from_millis(1);
        }
        waits
    }

    #[test]
    fn who_is_alone_never_waits() {
        assert!(waits(vec![1; 1000]).iter().all(Duration::is_zero));
    }

    #[test]
    fn a_burst_does_not_wait_and_steady_traffic_keeps_the_interval() {
        let waits = waits(vec![4; 1000]);
        assert!(waits.iter().take(BURST as usize).all(Duration::is_zero), "{waits:?}");
        let rest: Duration = waits.iter().skip(100).sum();
        assert_eq!(rest / 900, INTERVAL - Duration::from_millis(1));
    }

    #[test]
    fn no_wait_is_longer_than_the_interval_whatever_came_before() {
        let waits = waits((0..2000).map(|flush| 1 + usize::from(flush > 1000)));
        assert!(waits.iter().all(|wait| *wait <= INTERVAL));
        assert!(waits.iter().any(|wait| !wait.is_zero()));
    }

    #[test]
    fn what_was_flushed_too_often_is_forgotten_in_a_quiet_time() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        (0..100).for_each(|_| now += pace.wait(9, now));
        assert!(!pace.wait(9, now).is_zero());
        assert!(pace.wait(9, now + INTERVAL * (BURST + 1)).is_zero());
    }
}
