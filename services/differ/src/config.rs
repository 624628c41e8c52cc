//! What the differ is told at its start.

use std::time::Duration;

use bus::{Evaluated, Share};
use manifest::InstallKey;
use model::DefinitionSet;
use plan::RebuiltPrune;

/// Time between two looks at everything: nothing rests on a wake-up.
pub const SWEEP: Duration = Duration::from_secs(60);

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
    /// Where it notes what it has evaluated.
    pub evaluated: Evaluated,
    /// Time between two looks at everything.
    pub sweep: Duration,
}

impl Config {
    /// The defaults, for a process of that name.
    pub fn new(key: InstallKey, instance: impl Into<String>, share: Share) -> Self {
        Self {
            instance: instance.into(),
            key,
            bootstrap: None,
            rebuilt_prune: RebuiltPrune::Unconfirmed,
            silence: plan::patience::SILENCE,
            share,
            evaluated: Evaluated::default(),
            sweep: SWEEP,
        }
    }
}
