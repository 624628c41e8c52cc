//! The fetcher on real parts: the embedded log, real repositories, the real loop.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod repository;
mod scene;
mod stories;
mod troubles;
