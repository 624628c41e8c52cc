//! What a process that was overtaken tells all the same: the objects that it has brought into being.

use std::collections::BTreeSet;

use events::state::{AppliedObject, ObjectOutcome, SyncStage, SyncState};

/// Whether the sync of that generation, which this process has begun, is still its own. One that has ended was ended
/// by another process: what this one would say of it would open it again, and nobody would run it.
pub fn is_run_by(instance: &str, generation: u64, newest: &SyncState) -> bool {
    let mine = match &newest.stage {
        SyncStage::Running { instance: runner, .. } => runner == instance,
        SyncStage::Finished { .. } | SyncStage::Rejected { .. } | SyncStage::Superseded { .. } => false,
    };
    mine && newest.generation == generation
}

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
    use events::state::SyncOutcome;
    use model::{Digest, Timestamp};

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
    fn a_sync_that_another_process_runs_or_has_ended_is_not_ones_own() {
        let at = Timestamp::default();
        let running = |instance: &str| SyncStage::Running { since: at, instance: instance.into() };
        let finished = SyncStage::Finished { at, outcome: SyncOutcome::Succeeded };
        for (generation, stage, mine) in [
            (7, running("a"), true),
            (8, running("a"), false),
            (7, running("b"), false),
            (7, finished, false),
            (7, SyncStage::Superseded { at }, false),
            (8, SyncStage::Rejected { reason: String::new() }, false),
        ] {
            let newest = SyncState {
                generation,
                plan: Digest::of(b""),
                stage,
                applied: None,
                commit: None,
                manifests: None,
                objects: events::Table::default(),
                superseded: 0,
            };
            assert_eq!(is_run_by("a", 7, &newest), mine, "{:?}", newest.stage);
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
