//! The renderer: makes canonical, redacted manifests from the files that the fetcher published.
//!
//! It writes `render/…` and nothing else. It must not know Git, clusters, or who applies what it makes. A
//! render is a pure function of files, parameters and engine versions; the newest event of its aggregate says
//! what it was made from, so that nothing is rendered twice. Entry point: [`run`].
//!
//! ```text
//!  watch ─▶ decide: picture, step ─▶ perform: open, engine, build, put ─▶ decide: outcome ─▶ batch append
//! ```

pub mod config;
pub mod decide;
pub mod error;
mod perform;
mod run;

pub use config::{Config, Marking};
pub use error::Error;
pub use run::run;
