//! The border of a process: whatever it says or hears passes here, as long as it runs.

use tokio::sync::watch;

/// How a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Being {
    /// It runs.
    Running,
    /// It was stopped, and may go on some day: what it was about to say is said then.
    Frozen,
    /// It is no more.
    Dead,
}

/// The border of one process.
#[derive(Clone)]
pub struct Gate(watch::Sender<Being>);

impl Default for Gate {
    fn default() -> Self {
        Self(watch::Sender::new(Being::Running))
    }
}

impl Gate {
    /// From now on it is so.
    pub fn set(&self, being: Being) {
        self.0.send_replace(being);
    }

    /// How it is.
    pub fn being(&self) -> Being {
        *self.0.borrow()
    }

    /// Waits until it runs; for ever if it is dead.
    pub async fn pass(&self) {
        let mut being = self.0.subscribe();
        if being.wait_for(|being| *being == Being::Running).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
