//! How many calls may be in flight: grows by one per round, halves when the server throttles.

/// Most calls in flight to one cluster. Measured: 16 applies in flight reach the API server's floor (900 per
/// second and more), 64 are hardly faster and make every single call slower.
pub(crate) const CALLS_MAX: usize = 16;

/// The number of calls that may be in flight: 1 to [`CALLS_MAX`].
///
/// Source: additive increase, multiplicative decrease, as in TCP congestion control (RFC 5681).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Window {
    size: usize,
    /// Good answers since the last change.
    good: usize,
    /// Number of halvings so far.
    epoch: u64,
}

impl Window {
    /// Full width: most servers do not throttle.
    pub(crate) fn new() -> Self {
        Self { size: CALLS_MAX, good: 0, epoch: 0 }
    }

    /// The present width.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// What a call remembers from its start to its end.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// A call was answered: after as many as the window is wide it grows by one.
    pub(crate) fn answered(&mut self) {
        self.good += 1;
        if self.good >= self.size && self.size < CALLS_MAX {
            self.size += 1;
            self.good = 0;
        }
    }

    /// A call that began in `epoch` was throttled. The window halves once for all the calls that were in
    /// flight together: their answers tell one fact.
    pub(crate) fn throttled(&mut self, epoch: u64) {
        if epoch == self.epoch {
            self.size = (self.size / 2).max(1);
            self.good = 0;
            self.epoch += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn halves_once_per_burst_and_grows_back() {
        let mut window = Window::new();
        let epoch = window.epoch();
        for _ in 0..CALLS_MAX {
            window.throttled(epoch);
        }
        assert_eq!(window.size(), 8);
        window.throttled(window.epoch());
        assert_eq!(window.size(), 4);
        let calls = (1..).take_while(|_| {
            window.answered();
            window.size() < CALLS_MAX
        });
        // 4 + 5 + … + 15
        assert_eq!(calls.count() + 1, 114);
    }

    proptest! {
        #[test]
        fn stays_within_its_bounds(answers in proptest::collection::vec(any::<bool>(), 0..400)) {
            let mut window = Window::new();
            for good in answers {
                if good { window.answered() } else { window.throttled(window.epoch()) }
                prop_assert!((1..=CALLS_MAX).contains(&window.size()));
            }
        }
    }
}
