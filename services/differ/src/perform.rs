//! Effects of decisions: reading manifests, asking API servers, appending.

mod append;
mod ask;
mod load;
mod preview;

pub use append::{Due, append};
pub use ask::{Asker, failure, mark};
pub use load::{Loaded, load};
pub use preview::preview;
