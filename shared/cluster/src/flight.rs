//! Holds calls back until there is room for them in the [`Window`].

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use crate::{ClusterError, window::Window};

/// Longest pause that a server can impose by `Retry-After`.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// The calls in flight to one cluster.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    window: Window,
    flying: usize,
    /// Until then nothing starts: the server asked for it.
    quiet_until: Option<Instant>,
}

impl Default for State {
    fn default() -> Self {
        Self { window: Window::new(), flying: 0, quiet_until: None }
    }
}

/// The right to make one call; given back when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    flight: Arc<Flight>,
    epoch: u64,
}

impl Flight {
    /// Waits for room.
    pub(crate) async fn enter(self: &Arc<Self>) -> Slot {
        loop {
            // Asked for before looking, so that a change in between is not missed.
            let changed = self.changed.notified();
            match self.try_enter() {
                Ok(epoch) => {
                    // The window may have grown by more than the one who left: the next one looks too.
                    self.changed.notify_one();
                    return Slot { flight: self.clone(), epoch };
                }
                Err(Some(quiet)) => sleep_until(quiet).await,
                Err(None) => changed.await,
            }
        }
    }

    fn try_enter(&self) -> Result<u64, Option<Instant>> {
        self.with(|state| {
            if let Some(quiet) = state.quiet_until.filter(|quiet| *quiet > Instant::now()) {
                return Err(Some(quiet));
            }
            if state.flying >= state.window.size() {
                return Err(None);
            }
            state.flying += 1;
            Ok(state.window.epoch())
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        // Every change of the state is complete in itself, so a panic elsewhere does not spoil it.
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Slot {
    /// Lets the answer of the call count.
    pub(crate) fn learn<T>(&self, answer: &Result<T, ClusterError>) {
        self.flight.with(|state| match answer {
            Err(ClusterError::Throttled { retry_after, .. }) => {
                state.window.throttled(self.epoch);
                let pause = retry_after.map(|pause| Instant::now() + pause.min(PAUSE_MAX));
                state.quiet_until = state.quiet_until.max(pause);
            }
            // A server that does not answer in time is not asked for more at once.
            Err(ClusterError::Timeout { .. }) => state.window.throttled(self.epoch),
            Ok(_) | Err(_) => state.window.answered(),
        });
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.flight.with(|state| state.flying -= 1);
        self.flight.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::{StreamExt, stream};

    use super::*;
    use crate::window::CALLS_MAX;

    fn throttled(retry_after: Option<Duration>) -> Result<(), ClusterError> {
        Err(ClusterError::Throttled { request: "apply".into(), retry_after })
    }

    async fn most_in_flight(flight: &Arc<Flight>, calls: usize) -> usize {
        let most = AtomicUsize::new(0);
        stream::iter(0..calls)
            .for_each_concurrent(None, async |_| {
                let slot = flight.enter().await;
                most.fetch_max(flight.with(|state| state.flying), Ordering::Relaxed);
                tokio::task::yield_now().await;
                drop(slot);
            })
            .await;
        most.into_inner()
    }

    #[tokio::test]
    async fn no_more_fly_than_the_window_is_wide() {
        let flight = Arc::new(Flight::default());
        assert_eq!(most_in_flight(&flight, 100).await, CALLS_MAX);
        flight.enter().await.learn(&throttled(None));
        assert_eq!(most_in_flight(&flight, 100).await, CALLS_MAX / 2);
    }

    #[tokio::test(start_paused = true)]
    async fn waits_as_long_as_the_server_asks() {
        let flight = Arc::new(Flight::default());
        flight.enter().await.learn(&throttled(Some(Duration::from_secs(7))));
        let start = Instant::now();
        drop(flight.enter().await);
        assert_eq!(start.elapsed(), Duration::from_secs(7));
        flight.enter().await.learn(&throttled(Some(Duration::from_secs(9_999_999))));
        let start = Instant::now();
        drop(flight.enter().await);
        assert_eq!(start.elapsed(), PAUSE_MAX);
    }
}
