//! All four services in one process on a real API server: self-heal, health, faults of the server.
//!
//! There is nothing here but tests; see `tests/it`.
