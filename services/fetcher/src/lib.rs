//! The fetcher: looks at Git sources and publishes, for each path that an application reads, the digest of
//! all that it can read, and the sealed files, with the charts that a chart there is locked to.
//!
//! It writes `source/…` and nothing else. It must not know how manifests are made from files, which clusters
//! there are, or who reads its events. Entry point: [`run`].
//!
//! ```text
//!  watch ─▶ decide: picture, what is due ─▶ visit of a remote ─▶ perform: fetch, survey, put ─▶ append
//! ```

pub mod config;
pub mod decide;
pub mod error;
mod perform;
mod run;

pub use config::Config;
pub use error::Error;
pub use run::run;
