//! The differ: owns the live state of its clusters, judges drift and health, and plans syncs.
//!
//! It reads the log and the API servers' watches, decides target by target ([`decide`], pure), and appends
//! plans and verdicts. It never writes to a cluster, dry-runs aside, and knows no other service: a plan is
//! finished when the log holds it.

mod answers;
mod config;
mod decide;
mod desired;
mod error;
mod followed;
mod intake;
mod known;
mod live;
mod perform;
mod run;
mod worker;

pub use config::{Bootstrap, Collecting, Config, FLEET_GUARD, Finds, FleetChange, SWEEP};
pub use error::Error;
pub use perform::{Collected, collect};
pub use run::run;

use model::ApplicationName;

/// The label that names the application on every object of it.
pub(crate) const LABEL: &str = "driftless.dev/application";

/// The annotation that tells the source of an object, where runs tell it that know nothing of each other.
pub(crate) const SOURCE: &str = "driftless.dev/source";

/// The field manager of an application.
pub(crate) fn field_manager(application: &ApplicationName) -> String {
    format!("driftless:{application}")
}
