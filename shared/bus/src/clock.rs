//! The clock of this machine, for the times that events carry.

use std::{
    cell::Cell,
    time::{SystemTime, UNIX_EPOCH},
};

use model::Timestamp;
use tokio::time::Instant;

thread_local! {
    /// What a simulation's clock showed when, on its thread.
    static SIMULATED: Cell<Option<(Timestamp, Instant)>> = const { Cell::new(None) };
}

/// The time by this machine's clock.
pub fn now() -> Timestamp {
    if let Some((start, begun)) = SIMULATED.get() {
        return start.plus(begun.elapsed());
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(since.as_millis().try_into().unwrap_or(i64::MAX))
}

/// Sets the clock of this thread, which then goes with the runtime's, paused or not. For simulations, which run on one.
pub fn simulate(start: Timestamp) {
    SIMULATED.set(Some((start, Instant::now())));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_simulated_clock_goes_with_the_runtime() {
        let start = Timestamp::from_millis(1_800_000_000_000);
        assert_ne!(now(), start);
        simulate(start);
        tokio::time::advance(Duration::from_secs(90)).await;
        assert_eq!(now(), start.plus(Duration::from_secs(90)));
    }
}
