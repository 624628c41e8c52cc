//! The property test of the drift fingerprint; all of it is in `tests/drift`.
