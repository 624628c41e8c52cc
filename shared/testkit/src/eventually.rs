//! Waiting for a fact, with a bound.

use std::time::Duration;

use tokio::time::{Instant, interval};

/// How often the fact is looked at: often enough that a test loses nothing, seldom enough for 2 cores.
const LOOK: Duration = Duration::from_millis(20);

/// Calls `probe` until it returns a value, at most for `bound`.
///
/// # Panics
/// When the bound has passed, with `what` it was waiting for.
pub async fn eventually<T>(bound: Duration, what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + bound;
    let mut looks = interval(LOOK);
    loop {
        looks.tick().await;
        if let Some(value) = probe().await {
            return value;
        }
        assert!(Instant::now() < deadline, "{what}: not within {bound:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn returns_what_the_probe_found() {
        let mut looks = 0;
        let found = eventually(Duration::from_secs(5), "the third look", async || {
            looks += 1;
            (looks == 3).then_some(looks)
        });
        assert_eq!(found.await, 3);
    }

    #[tokio::test]
    #[should_panic(expected = "the moon: not within")]
    async fn gives_up_at_the_bound() {
        eventually(Duration::from_millis(30), "the moon", async || None::<()>).await;
    }
}
