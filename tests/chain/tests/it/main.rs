//! From a commit to manifests: the real fetcher and renderer over the embedded log.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod charts;
mod fleet;
mod scene;
mod stories;
