//! The ledger as its users see it: on real files, in one process and in several.

mod appending;
mod proving;
mod publishing;
mod querying;
mod samples;
mod surface;
mod surviving;
mod vectors;
mod verifying;
