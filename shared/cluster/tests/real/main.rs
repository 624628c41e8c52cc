//! Against the real API server.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod apply;
mod connect;
mod delete;
mod discovery;
mod fixture;
mod observe;
mod proxies;
mod read;
mod renewal;
mod secrets;
