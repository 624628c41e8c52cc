//! What the differ is told at its start.

use std::time::Duration;

use bus::{Evaluated, Share};
use cluster::Dialer;
use manifest::InstallKey;
use model::{DefinitionSet, Timestamp, definition::Fleet};
use plan::RebuiltPrune;

/// Time between two looks at everything: nothing rests on a wake-up.
pub const SWEEP: Duration = Duration::from_secs(60);

/// The share that one revision of the fleet repository may let go of, in percent: as much as one sync may prune.
pub const FLEET_GUARD: u8 = 30;

/// Where definitions come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bootstrap {
    /// From whoever starts the differ.
    Set(DefinitionSet),
    /// From a fleet repository.
    Fleet(Fleet),
}

/// Whether definitions may come from elsewhere than the log says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FleetChange {
    /// No: it is most often a mistake, and would take away what is in force.
    #[default]
    Refused,
    /// Yes: a person said so.
    Allowed,
}

/// Which objects with our mark are ours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Finds {
    /// Those of the application: nobody else on the cluster has one of that name.
    #[default]
    OfApplication,
    /// Those that came from the same source: somebody else may have an application of that name.
    OfSource,
}

/// When blobs that nothing names are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Collecting {
    /// Time between two rounds. Each reads the whole log.
    pub every: Duration,
    /// How long ago a blob was last put. Longer than any decision takes: it is named only at the end of one.
    pub grace: Duration,
}

impl Default for Collecting {
    /// Hourly, what is a day old: a person has a day to find out why something is not named any more.
    fn default() -> Self {
        let hour = Duration::from_secs(3600);
        Self { every: hour, grace: hour * 24 }
    }
}

impl Collecting {
    /// What was last put before that instant may go now.
    pub fn limit(&self, now: Timestamp) -> Timestamp {
        let grace = i64::try_from(self.grace.as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(now.as_millis().saturating_sub(grace))
    }
}

/// Settings of a differ.
#[derive(Debug, Clone)]
pub struct Config {
    /// Name of this process, for the audit log of the API servers.
    pub instance: String,
    /// Opens sealed blobs and redacts live objects.
    pub key: InstallKey,
    /// Where definitions come from; `None`: from where the log says.
    pub bootstrap: Option<Bootstrap>,
    /// Whether that may be elsewhere than the log says.
    pub fleet_change: FleetChange,
    /// Largest share of all objects, in percent, that one revision of the fleet repository may let go of without a
    /// person's word.
    pub fleet_guard: u8,
    /// Whether a person allowed prunes of an inventory that was rebuilt from a cluster.
    pub rebuilt_prune: RebuiltPrune,
    /// Which objects with our mark are ours.
    pub finds: Finds,
    /// How long the applier may be silent about a plan before its target counts as stalled.
    pub silence: Duration,
    /// Its share of the partitions: of the clusters, and of the definitions.
    pub share: Share,
    /// Where it notes what it has evaluated.
    pub evaluated: Evaluated,
    /// Time between two looks at everything.
    pub sweep: Duration,
    /// How API servers are reached.
    pub dialer: Dialer,
    /// When blobs that nothing names are removed.
    pub collecting: Collecting,
}

impl Config {
    /// The defaults, for a process of that name.
    pub fn new(key: InstallKey, instance: impl Into<String>, share: Share) -> Self {
        Self {
            instance: instance.into(),
            key,
            bootstrap: None,
            fleet_change: FleetChange::default(),
            fleet_guard: FLEET_GUARD,
            rebuilt_prune: RebuiltPrune::Unconfirmed,
            finds: Finds::default(),
            silence: plan::patience::SILENCE,
            share,
            evaluated: Evaluated::default(),
            sweep: SWEEP,
            dialer: Dialer::default(),
            collecting: Collecting::default(),
        }
    }
}
