//! Services that hang together, tested as a chain over one log: from a commit to manifests.
//!
//! There is nothing here but tests; see `tests/it`.
