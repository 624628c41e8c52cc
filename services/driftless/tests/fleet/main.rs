//! The four roles as processes of the real program, on a real nats-server and real API servers.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![expect(
    clippy::print_stderr,
    reason = "how long what took is the point, and what the processes said helps"
)]

mod many;
mod repository;
mod scene;
mod stories;
