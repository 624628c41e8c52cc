//! The auditor on real logs: what is in the ledger is what was appended, in order and once, whatever happens to it.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod scene;
mod stories;
