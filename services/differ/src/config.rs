//! What the differ is told at its start.

use std::time::Duration;

use bus::Share;
use manifest::InstallKey;
use model::DefinitionSet;
use plan::RebuiltPrune;

/// Settings of a differ.
#[derive(Debug, Clone)]
pub struct Config {
    /// Name of this process, for the audit log of the API servers.
    pub instance: String,
    /// Opens sealed blobs and redacts live objects.
    pub key: InstallKey,
    /// Definitions handed over by the command line; `None`: whatever the log holds.
    pub bootstrap: Option<DefinitionSet>,
    /// Whether a person allowed prunes of an inventory that was rebuilt from a cluster.
    pub rebuilt_prune: RebuiltPrune,
    /// How long the applier may be silent about a plan before its target counts as stalled.
    pub silence: Duration,
    /// Its share of the partitions: of the clusters, and of the definitions.
    pub share: Share,
}
