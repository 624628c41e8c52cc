//! What the applier is started with.

use std::{fmt, sync::Arc};

use bus::Share;
use cluster::Dialer;
use manifest::InstallKey;

use crate::Custody;

/// What the applier is started with.
#[derive(Clone)]
pub struct Config {
    /// Opens sealed secret values and redacts live objects.
    pub key: InstallKey,
    /// Names this process in its events; unique over restarts, or an interrupted sync looks like its own.
    pub instance: String,
    /// Its share of the clusters, which entitles it to write.
    pub share: Share,
    /// Most syncs at once per cluster: half as many again as requests that may fly, so that syncs of one object each
    /// use all of these while others wait for the log. More would only share them, and each sync would last so long
    /// that it tells its progress. A cluster that hangs must not hold up the others.
    pub syncs_per_cluster: usize,
    /// What has to be held before anything is written.
    pub scope: Scope,
    /// How API servers are reached.
    pub dialer: Dialer,
}

/// What has to be held before anything is written.
#[derive(Debug, Clone)]
pub enum Scope {
    /// Each cluster: this is a platform.
    Clusters,
    /// One application: this is a run that ends.
    Application(Arc<Custody>),
}

impl Config {
    /// An applier of a platform, with that key, name and share.
    pub fn new(key: InstallKey, instance: impl Into<String>, share: Share) -> Self {
        Self {
            key,
            instance: instance.into(),
            share,
            syncs_per_cluster: 24,
            scope: Scope::Clusters,
            dialer: Dialer::default(),
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Config({})", self.instance)
    }
}
