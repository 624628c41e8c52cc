//! Who fetches when: one at a time from each host, few at once, and none from a host that has just been silent.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

/// Pulls at once. Helm holds a whole index in memory, several hundred MB for the largest.
const PULLS_MAX: usize = 4;

/// How long a host that did not answer in time is not asked again: as long as the longest wait after a failure.
const LEFT_FOR: Duration = Duration::from_secs(300);

/// Hosts that are remembered while nobody fetches from them.
const HOSTS_MAX: usize = 256;

#[derive(Debug)]
struct Host {
    turn: Arc<Semaphore>,
    silent: Option<Instant>,
}

/// The turns of all fetches.
#[derive(Debug)]
pub(super) struct Turns {
    all: Arc<Semaphore>,
    hosts: Mutex<BTreeMap<String, Host>>,
}

/// A turn; the next one's when dropped.
#[derive(Debug)]
pub(super) struct Turn(#[expect(dead_code, reason = "held, not read")] [Option<OwnedSemaphorePermit>; 2]);

impl Turns {
    pub(super) fn new() -> Self {
        Self { all: Arc::new(Semaphore::new(PULLS_MAX)), hosts: Mutex::default() }
    }

    /// Waits for a turn at a host; `None`: it was silent a moment ago, and is left alone.
    pub(super) async fn at(&self, host: &str) -> Option<Turn> {
        let turn = {
            let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
            if hosts.len() >= HOSTS_MAX {
                hosts.retain(|_, host| Arc::strong_count(&host.turn) > 1);
            }
            let new = || Host { turn: Arc::new(Semaphore::new(1)), silent: None };
            Arc::clone(&hosts.entry(host.to_owned()).or_insert_with(new).turn)
        };
        // A host that holds up its own turn holds up no other's.
        let own = turn.acquire_owned().await.ok();
        if self.is_left(host) {
            return None;
        }
        Some(Turn([own, Arc::clone(&self.all).acquire_owned().await.ok()]))
    }

    /// Notes that a host did not answer in time.
    pub(super) fn silent(&self, host: &str) {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.entry(host.to_owned()).and_modify(|host| host.silent = Some(Instant::now()));
    }

    fn is_left(&self, host: &str) -> bool {
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.get(host).and_then(|host| host.silent).is_some_and(|since| since.elapsed() < LEFT_FOR)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_slow_host_takes_one_turn_and_is_left_alone_once_it_was_silent() {
        let turns = Turns::new();
        let slow = turns.at("slow").await.unwrap();
        assert!(turns.at("slow").now_or_never().is_none(), "its own next fetch waits");
        let others = [turns.at("a").await, turns.at("b").await, turns.at("c").await];
        assert!(others.iter().all(Option::is_some) && turns.at("d").now_or_never().is_none());
        turns.silent("slow");
        drop(slow);
        assert!(turns.at("slow").await.is_none());
        tokio::time::advance(LEFT_FOR).await;
        assert!(turns.at("slow").await.is_some());
    }
}
