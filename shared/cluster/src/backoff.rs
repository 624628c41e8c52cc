//! Waiting longer after each failure, and never all at once.

use std::time::Duration;

/// The first wait.
const FIRST: Duration = Duration::from_millis(500);

/// The longest wait for a server that does not answer: how late one that came back is noticed. A refused
/// connection costs nobody anything, so it is short; that of one observer for each of 50 kinds is still no more
/// than some 20 attempts a second.
const LONGEST_SILENT: Duration = Duration::from_secs(4);

/// The longest wait for a server that answers and does not do it: asking again costs it work.
const LONGEST_REFUSED: Duration = Duration::from_secs(30);

/// What failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The server did not answer.
    Silent,
    /// It answered with an error.
    Refused,
}

/// Counts failures of one sort in a row.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
    last: Option<Trouble>,
}

impl Backoff {
    /// It works again.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Another failure: how long to wait. `spread` between 0 and 1 moves it between half and the whole, so
    /// that the observers of a cluster that came back do not all ask at once. A server that begins to answer is
    /// asked again soon, whatever it said: it is mostly starting.
    pub(crate) fn failed(&mut self, trouble: Trouble, spread: f64) -> Duration {
        if self.last.replace(trouble) != Some(trouble) {
            self.failures = 0;
        }
        let longest = match trouble {
            Trouble::Silent => LONGEST_SILENT,
            Trouble::Refused => LONGEST_REFUSED,
        };
        let whole = FIRST.saturating_mul(1 << self.failures.min(16)).min(longest);
        self.failures += 1;
        whole.mul_f64(0.5 + spread.clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(backoff: &mut Backoff, trouble: Trouble, count: usize) -> Vec<u128> {
        (0..count).map(|_| backoff.failed(trouble, 1.0).as_millis()).collect()
    }

    #[test]
    fn waits_double_up_to_a_bound() {
        let mut backoff = Backoff::default();
        let refused = waits(&mut backoff, Trouble::Refused, 9);
        assert_eq!(refused, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
        assert_eq!(backoff.failed(Trouble::Refused, 0.0).as_millis(), 15000);
        backoff.reset();
        assert_eq!(backoff.failed(Trouble::Refused, 0.0).as_millis(), 250);
    }

    #[test]
    fn a_server_that_comes_back_is_asked_within_seconds() {
        let mut backoff = Backoff::default();
        assert_eq!(waits(&mut backoff, Trouble::Silent, 6), [500, 1000, 2000, 4000, 4000, 4000]);
        // It starts, and is not ready yet.
        assert_eq!(waits(&mut backoff, Trouble::Refused, 3), [500, 1000, 2000]);
    }
}
