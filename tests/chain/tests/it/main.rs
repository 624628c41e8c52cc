//! From a commit to manifests: the real fetcher and renderer over the embedded log.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod charts;
mod collected;
mod fleet;
mod nats;
mod scene;
mod stories;
