//! Objects that change hands and applications that leave, with differ and applier on a real API server.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod scene;
mod stories;
