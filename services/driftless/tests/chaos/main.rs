//! Real processes of the real program, killed and frozen at random moments, on a real nats-server or an embedded log,
//! against real API servers. What has to be true afterwards is checked on the API servers and in the whole log.
//!
//! Whatever happens follows from a printed seed. `tests/chaos-run` has more rounds than fit into every build.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![expect(clippy::print_stderr, reason = "seeds and times are the point")]

mod audited;
mod desired;
mod fleet;
mod hand;
mod ledger;
mod options;
mod platform;
#[path = "../fleet/repository.rs"]
mod repository;
mod rounds;
mod script;
mod takeover;
mod wiped;
mod witness;
mod world;
