//! What the applier is started with.

use std::{fmt, sync::Arc};

use manifest::InstallKey;
use model::ClusterName;

use crate::decide::claim::Claim;

/// Says what entitles this process to write to a cluster, now.
pub trait Claims: Send + Sync + 'static {
    /// The claim on a cluster.
    fn claim(&self, cluster: &ClusterName) -> Claim;
}

/// There is no other applier: the claim on every cluster always holds.
#[derive(Debug, Clone, Copy)]
pub struct Sole;

impl Claims for Sole {
    fn claim(&self, _: &ClusterName) -> Claim {
        Claim::Sole
    }
}

/// What the applier is started with.
#[derive(Clone)]
pub struct Config {
    /// Opens sealed secret values and redacts live objects.
    pub key: InstallKey,
    /// Names this process in its events; unique over restarts, or an interrupted sync looks like its own.
    pub instance: String,
    /// What entitles it to write.
    pub claims: Arc<dyn Claims>,
    /// Most syncs at once per cluster. One waits for the server most of the time, and how many requests fly is
    /// bounded elsewhere; a cluster that hangs must not hold up the others.
    pub syncs_per_cluster: usize,
}

impl Config {
    /// The only applier, with that key and name.
    pub fn new(key: InstallKey, instance: impl Into<String>) -> Self {
        Self { key, instance: instance.into(), claims: Arc::new(Sole), syncs_per_cluster: 64 }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Config({})", self.instance)
    }
}
