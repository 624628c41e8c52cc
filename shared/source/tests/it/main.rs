//! Mirrors of real repositories, made by the git program, over every transport.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its scene has failed")]

mod bounds;
mod closure;
mod contents;
mod https;
mod incremental;
mod references;
mod repository;
mod signatures;
mod ssh;
mod transports;
