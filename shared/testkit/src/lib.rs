//! What tests of several crates need: real clusters, real tools, a log that fails, waiting with a bound.
//! Development only.
//!
//! It knows no service. A missing tool fails the test that wants it and says how to get it; nothing is skipped.
//! Entry points: [`cluster::real`], [`git_server::Server`], [`chart_repository::ChartRepository`], [`tool`],
//! [`MemoryLog`], [`NatsServer`], [`Process`], [`ShakyLog`], [`eventually`].

#![warn(missing_docs)]

#[expect(clippy::unwrap_used, reason = "a repository that cannot be filled fails its test")]
pub mod chart_repository;
pub mod cluster;
#[expect(clippy::unwrap_used, reason = "a server that cannot serve fails its test")]
pub mod git_server;
#[expect(clippy::unwrap_used, reason = "a server that cannot serve fails its test")]
pub mod ssh_server;
#[expect(clippy::unwrap_used, reason = "a server that cannot serve fails its test")]
pub mod tls;

mod eventually;
mod memory_log;
mod nats_server;
mod process;
mod shaky_log;
mod stuck_log;
mod tool;

pub use eventually::eventually;
pub use memory_log::MemoryLog;
pub use nats_server::{NatsServer, free_port};
pub use process::Process;
pub use shaky_log::ShakyLog;
pub use ssh_server::SshServer;
pub use stuck_log::StuckLog;
pub use tool::tool;
