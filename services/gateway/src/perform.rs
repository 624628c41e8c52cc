//! Effects: reads events and what they keep in blobs, and appends commands.

mod ask;
mod read;

pub use ask::{AskError, ask};
pub use read::{ReadStateError, history, rows, state};
