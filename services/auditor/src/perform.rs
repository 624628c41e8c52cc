//! What the auditor does: copies blobs, appends, signs, publishes. The ledger is used on a thread that may wait.

mod bodies;
mod desk;
mod key_file;
mod scribe;

pub use bodies::Bodies;
pub use desk::Desk;
pub use key_file::{CHECKS, KeyFileError, verifier_key};
pub use scribe::{Scribe, settings};
