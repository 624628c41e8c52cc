//! The auditor: takes every event of the log, in order and once, into the audit ledger.
//!
//! It writes nothing into the log but how far it is. It must not know Git, clusters, or any secret: of what events name
//! it copies only what is redacted. The ledger outlives the log; what is in it nobody changes or removes. Entry point:
//! [`run`].
//!
//! ```text
//!  feed ─▶ gather ─▶ decide: leaf, facts, continuity ─▶ perform: blobs, append ─▶ acknowledge ─▶ sign, publish
//! ```

pub mod config;
pub mod decide;
pub mod error;
mod perform;
mod run;

pub use config::{Config, FOLDER};
pub use decide::{Continuity, Gap, facts, facts_of};
pub use error::Error;
pub use perform::{CHECKS, KeyFileError, settings, verifier_key};
pub use run::run;
