//! The applier: carries out plans. It orders, applies, prunes and records what became of each object.
//!
//! It writes `sync/…` and nothing else. It executes exactly the plan that a target's newest event holds, or
//! refuses it as stale; it must not know how plans are made, what drift is, or who reads its events.
//! Entry point: [`run`].
//!
//! ```text
//!  watch ─▶ decide: due? ─▶ SyncStarted ─▶ stages ─▶ steps: decide ⇄ ask the cluster ─▶ SyncFinished
//! ```

pub mod config;
pub mod custody;
pub mod decide;
pub mod error;
mod perform;
mod run;

pub use config::{Config, Scope};
pub use custody::{Custody, CustodyError};
pub use error::Error;
pub use run::run;
