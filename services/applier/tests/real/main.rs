//! Against the real API server, with the embedded log.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod bed;
mod cluster_side;
mod contact;
mod custody;
mod fields;
mod ignored;
mod interrupted;
mod parting;
mod plain;
mod platform;
mod recreated;
mod refused;
mod restored;
mod secrets;
mod superseded;
