//! Effects: the log, the clusters, and the syncs that use both.

mod ask;
mod attend;
mod clusters;
mod established;
mod hold;
mod load;
mod namespace;
mod pulse;
mod read;
mod record;
mod stage;
mod supersede;
mod sync;

use std::sync::Arc;

use bus::{Log, now};
use model::{ClusterName, Partition, TargetId};
use tokio_util::sync::CancellationToken;

use crate::{Config, Error};
use clusters::Clusters;
use supersede::Running;

pub use attend::Attended;

/// Carries out what was decided.
pub struct Performer {
    log: Arc<dyn Log>,
    config: Config,
    clusters: Clusters,
    stop: CancellationToken,
    running: Running,
}

/// Why work on a target ends before its end.
#[derive(Debug)]
enum Halt {
    /// The process is to stop.
    Stopping,
    /// A state of the target cannot be read here, so none of it may be written.
    Parked,
    /// Nothing of it can be done here yet; the next sweep looks again.
    Waits,
    /// Another event stands where the decision was to stand: read again, decide again.
    Overtaken,
    /// Another process runs the sync, or a newer one, or is to: the cluster is not this one's any more.
    TakenOver,
    /// The process cannot go on.
    Fatal(Error),
}

impl Performer {
    /// With that log and configuration, until `stop`.
    pub fn new(log: Arc<dyn Log>, config: Config, stop: CancellationToken) -> Self {
        let clusters = Clusters::new(&log, &config);
        Self { log, config, clusters, stop, running: Running::default() }
    }

    /// Asks the sync of that generation to stop at its next step, if it runs here.
    pub fn supersede(&self, target: &TargetId, generation: u64) {
        self.running.supersede(target, generation);
    }

    /// Whether the cluster is this process's to write to, now.
    fn holds(&self, cluster: &ClusterName) -> bool {
        self.config.share.holds(Partition::of_cluster(cluster))
    }
}
