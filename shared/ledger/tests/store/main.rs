//! The ledger as its users see it: on real files, in one process and in several.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod appending;
mod proving;
mod publishing;
mod querying;
mod samples;
mod surface;
mod surviving;
mod vectors;
mod verifying;
