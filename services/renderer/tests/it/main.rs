//! The renderer on real parts: the embedded log, the real helm and kustomize, the real loop.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod engines;
mod fleet;
mod hostile;
mod scene;
mod secrets;
mod stories;
