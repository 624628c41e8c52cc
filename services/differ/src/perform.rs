//! Effects of decisions: reading manifests, asking API servers, appending.

mod append;
mod ask;
mod collect;
mod definitions;
mod last_applied;
mod load;
mod pages;
mod preview;
mod provenance;
mod refusal;
mod retire;

pub use append::{Due, End, append};
pub use ask::{Asker, Attempt, failure, mark};
pub use collect::{Collected, collect, keep_collecting};
pub use definitions::DefinitionsKeeper;
pub use last_applied::{AppliedSet, LastApplied};
pub use load::{Loaded, load, sealed, unreadable};
pub use preview::{Shown, preview};
pub use provenance::provenance;
pub use retire::retire_cluster;
