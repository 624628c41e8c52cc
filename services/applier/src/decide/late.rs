//! What a process that was overtaken tells all the same: the objects that it has brought into being.

use std::collections::BTreeSet;

use events::state::{AppliedObject, ObjectOutcome};

/// The rows that a newer inventory lacks: what was created here and is known to nobody else. They stay pending,
/// so that the next plan settles what becomes of them.
pub fn late(newest: &[AppliedObject], mine: Vec<AppliedObject>) -> Vec<AppliedObject> {
    let known: BTreeSet<_> = newest.iter().map(|row| &row.id).collect();
    mine.into_iter()
        .filter(|row| row.outcome == ObjectOutcome::Created && row.uid.is_some() && !known.contains(&row.id))
        .map(|row| AppliedObject { outcome: ObjectOutcome::Pending, ..row })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, outcome: ObjectOutcome) -> AppliedObject {
        AppliedObject {
            id: crate::decide::body::namespace_id(name),
            api_version: "v1".parse().unwrap(),
            origin: events::state::Origin::Created,
            uid: Some("u".into()),
            resource_version: None,
            manifest: None,
            fingerprint: None,
            ignored: Default::default(),
            outcome,
        }
    }

    #[test]
    fn only_what_was_created_and_nobody_knows_is_told() {
        let newest = [row("known", ObjectOutcome::Pending)];
        let intended = AppliedObject { uid: None, ..row("intended", ObjectOutcome::Pending) };
        let mine = vec![
            row("known", ObjectOutcome::Created),
            row("made", ObjectOutcome::Created),
            row("applied", ObjectOutcome::Configured),
            intended,
        ];
        assert_eq!(late(&newest, mine), [row("made", ObjectOutcome::Pending)]);
    }
}
