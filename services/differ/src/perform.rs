//! Effects of decisions: reading manifests, asking API servers, appending.

mod append;
mod ask;
mod definitions;
mod load;
mod preview;
mod provenance;

pub use append::{Due, End, append};
pub use ask::{Asker, failure, mark};
pub use definitions::commit_definitions;
pub use load::{Loaded, load};
pub use preview::preview;
pub use provenance::provenance;
