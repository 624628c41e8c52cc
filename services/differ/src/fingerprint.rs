//! Fingerprints between the wire and the algorithm.

use diff::{Empty, FieldPath};
use events::state::{EmptyMark, Fingerprint};

/// The recorded form as the algorithm takes it.
pub fn from_event(recorded: &Fingerprint) -> diff::Fingerprint {
    let empty = |mark: &EmptyMark| Empty { path: FieldPath(mark.path.clone()), present: mark.present };
    diff::Fingerprint { hash: recorded.hash, empties: recorded.empties.iter().map(empty).collect() }
}

/// The algorithm's form as it is recorded.
pub fn to_event(fingerprint: diff::Fingerprint) -> Fingerprint {
    let mark = |empty: Empty| EmptyMark { path: empty.path.0, present: empty.present };
    Fingerprint { hash: fingerprint.hash, empties: fingerprint.empties.into_iter().map(mark).collect() }
}
