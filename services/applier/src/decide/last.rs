//! Which manifest of an object we applied last: the paths that we may force, and those that may stay behind.

use events::state::{AppliedObject, ObjectOutcome};
use model::Digest;

/// Where the manifest applied last is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last {
    /// It is the one that is desired now: a heal.
    Desired,
    /// It is that of the desired state that was applied in full last.
    Full,
    /// It is of a desired state in between, which was applied in part.
    Between(Digest),
}

/// Finds it, from the row before the sync and the digests of the object's manifests. A failed or interrupted
/// attempt records the manifest that it tried, not one that the server took.
pub fn last(row: &AppliedObject, desired: Option<Digest>, full: Option<Digest>) -> Option<Last> {
    let applied = match row.outcome {
        ObjectOutcome::Pending | ObjectOutcome::Failed(_) => None,
        ObjectOutcome::Created
        | ObjectOutcome::Configured
        | ObjectOutcome::Unchanged
        | ObjectOutcome::Untouched
        | ObjectOutcome::Terminating => row.manifest,
    };
    match applied {
        None => full.map(|_| Last::Full),
        Some(digest) if Some(digest) == desired => Some(Last::Desired),
        Some(digest) if Some(digest) == full => Some(Last::Full),
        Some(digest) => Some(Last::Between(digest)),
    }
}

#[cfg(test)]
mod tests {
    use events::state::Origin;
    use model::{ObjectId, Timestamp};

    use super::*;
    use crate::decide::error::Fault;

    fn row(manifest: &[u8], outcome: ObjectOutcome) -> AppliedObject {
        AppliedObject {
            id: ObjectId { group: String::new(), kind: "A".into(), namespace: None, name: "a".into() },
            api_version: "v1".parse().unwrap(),
            origin: Origin::Created,
            uid: None,
            resource_version: None,
            manifest: Some(Digest::of(manifest)),
            ignored: Default::default(),
            fingerprint: None,
            outcome,
        }
    }

    #[test]
    fn what_was_tried_is_not_what_was_applied() {
        let failed = ObjectOutcome::Failed(Fault::Skipped.failure(Timestamp::default(), None));
        let (desired, full) = (Some(Digest::of(b"new")), Some(Digest::of(b"old")));
        for (manifest, outcome, expected) in [
            (&b"new"[..], ObjectOutcome::Untouched, Some(Last::Desired)),
            (b"old", ObjectOutcome::Created, Some(Last::Full)),
            (b"mid", ObjectOutcome::Configured, Some(Last::Between(Digest::of(b"mid")))),
            (b"new", ObjectOutcome::Pending, Some(Last::Full)),
            (b"new", failed.clone(), Some(Last::Full)),
        ] {
            assert_eq!(last(&row(manifest, outcome.clone()), desired, full), expected, "{outcome:?}");
        }
        assert_eq!(last(&row(b"new", failed), desired, None), None);
    }
}
