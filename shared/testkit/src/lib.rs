//! What tests of several crates need: real clusters, real tools, waiting with a bound. Development only.
//!
//! It knows nothing of the crates under test. A missing tool fails the test that wants it and says how to get
//! it; nothing is skipped. Entry points: [`cluster::real`], [`git_server::Server`],
//! [`tool`], [`eventually`].

pub mod cluster;
#[expect(clippy::unwrap_used, reason = "a server that cannot serve fails its test")]
pub mod git_server;

mod eventually;
mod tool;

pub use eventually::eventually;
pub use tool::tool;
