//! All four services in one process, on a real API server behind a proxy that counts, holds and spoils requests.
//!
//! One subject a file. Stories share a cluster and keep to a namespace of their own, unless they stop it.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod absence;
mod definitions;
mod expiry;
mod faults;
mod finalizers;
mod freshness;
mod hands;
mod healing;
mod health;
mod intent;
mod large;
mod outage;
mod proxy;
mod quiet;
mod scene;
mod strays;
