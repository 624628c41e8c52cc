//! The differ and the applier on simulated clusters, a simulated log and a simulated clock: one seed, one world.
//!
//! There is nothing here but tests; see `tests/it`.
