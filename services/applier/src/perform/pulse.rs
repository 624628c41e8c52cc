//! Whether a cluster answers at all. One that is silent makes every step wait for every attempt, and while calls
//! time out fewer and fewer may fly; so a sync gives up when nobody has been answered for a while.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use cluster::{CALL_DEADLINE, ClusterError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Silence that ends a sync: as long as the attempts of one step that is alone.
const SILENCE: Duration = CALL_DEADLINE.saturating_mul(3);

/// The answers of a cluster to one sync.
#[derive(Debug)]
pub(super) struct Pulse {
    answered: Mutex<Instant>,
    lost: CancellationToken,
}

impl Pulse {
    pub(super) fn new() -> Self {
        Self { answered: Mutex::new(Instant::now()), lost: CancellationToken::new() }
    }

    /// Takes in what came of a request.
    pub(super) fn feel<T>(&self, answer: &Result<T, ClusterError>) {
        let silent = matches!(answer, Err(ClusterError::Timeout { .. } | ClusterError::Unreachable { .. }));
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        if !silent {
            *answered = Instant::now();
        } else if answered.elapsed() >= SILENCE {
            self.lost.cancel();
        }
    }

    /// Waits until the cluster has been silent for too long; answers what to tell.
    pub(super) async fn lost(&self, address: &str) -> ClusterError {
        self.lost.cancelled().await;
        let problem = format!("no answer to any request within {SILENCE:?}");
        ClusterError::Unreachable { address: address.to_owned(), problem }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeout() -> Result<(), ClusterError> {
        Err(ClusterError::Timeout { request: String::new(), after: CALL_DEADLINE })
    }

    #[tokio::test(start_paused = true)]
    async fn only_silence_all_around_is_a_loss() {
        let pulse = Pulse::new();
        for _ in 0..10 {
            tokio::time::advance(CALL_DEADLINE).await;
            pulse.feel(&timeout());
            pulse.feel(&Err::<(), _>(ClusterError::Forbidden {
                request: String::new(),
                message: String::new(),
            }));
        }
        assert!(!pulse.lost.is_cancelled());
        for silent in [false, false, true] {
            tokio::time::advance(CALL_DEADLINE).await;
            pulse.feel(&timeout());
            assert_eq!(pulse.lost.is_cancelled(), silent);
        }
    }
}
