//! What a target needs: nothing, its newest plan carried out, an interrupted sync resumed, or a stale plan refused.

use events::state::{InputVector, PlannedSync, SyncStage, SyncState};
use model::Digest;
use plan::Assignment;

/// All that the decision about a target depends on.
#[derive(Debug, Clone, Copy)]
pub struct Stand<'a> {
    /// Version of the definitions in force.
    pub definitions_n: u64,
    /// What they say about the target; `None`: it is not in them, and is released.
    pub assignment: Option<&'a Assignment>,
    /// The newest plan.
    pub planned: Option<&'a PlannedSync>,
    /// Version of the sync aggregate (0 before its first event) and its state.
    pub sync: (u64, Option<&'a SyncState>),
    /// The newest desired state of the render that the definitions name; of a target that is not in them, nothing.
    pub desired: Option<Digest>,
    /// Whether it was let go.
    pub ending: Ending,
}

/// How far the end of a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It was not let go, or its sync aggregate is retired already.
    No,
    /// It was let go, and nobody needs its sync aggregate any more.
    Released,
}

/// What a target needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// Nothing.
    Nothing,
    /// The plan was made from newer definitions than are known here: wait for them.
    NewerDefinitions,
    /// Carry out the newest plan.
    Start,
    /// Go on with the newest plan, whose sync was interrupted.
    Resume,
    /// Refuse the newest plan.
    Reject(String),
    /// Retire the sync aggregate.
    Retire,
    /// End an interrupted sync whose plan is not to be carried out any more.
    Abandon(String),
}

/// Decides. The sync must not be running in this process.
pub fn due(stand: &Stand<'_>) -> Due {
    let (sync_n, sync) = stand.sync;
    let done = sync.map_or(0, |sync| sync.generation);
    let interrupted = sync.is_some_and(|sync| matches!(sync.stage, SyncStage::Running { .. }));
    let Some(planned) = stand.planned else {
        return abandoned(interrupted, "there is no plan any more");
    };
    if planned.generation < done {
        return abandoned(interrupted, "the newest plan is an older one");
    }
    if !interrupted && (planned.generation == done || stand.ending == Ending::Released) {
        // A plan that nobody has begun when its target is released is withdrawn: whoever comes back gets another.
        return match (stand.ending, stand.assignment, sync) {
            (Ending::Released, None, Some(_)) => Due::Retire,
            (Ending::Released | Ending::No, _, _) => Due::Nothing,
        };
    }
    if planned.made_from.definitions_n > stand.definitions_n {
        return Due::NewerDefinitions;
    }
    let stale = stale(stand, &planned.made_from);
    if planned.generation == done {
        return stale.map_or(Due::Resume, Due::Abandon);
    }
    let own = (planned.made_from.sync_n != sync_n).then(|| {
        format!("it was made after sync event {}, now there are {sync_n}", planned.made_from.sync_n)
    });
    stale.or(own).map_or(Due::Start, Due::Reject)
}

fn abandoned(interrupted: bool, reason: &str) -> Due {
    if interrupted { Due::Abandon(reason.to_owned()) } else { Due::Nothing }
}

/// Why a plan that was made from these versions must not be carried out now.
fn stale(stand: &Stand<'_>, made_from: &InputVector) -> Option<String> {
    let (slice, changed) = match stand.assignment {
        Some(assignment) => (assignment.slice, "the definitions of the target have changed"),
        None => (
            plan::release::slice(stand.definitions_n),
            "the application is not assigned to the cluster any more, or the definitions have changed since",
        ),
    };
    if made_from.slice != slice {
        return Some(changed.to_owned());
    }
    if stand.desired != Some(made_from.desired) {
        return Some("the desired state has changed".to_owned());
    }
    None
}

#[cfg(test)]
mod tests {
    use events::{Content, Table, state::SyncOutcome};
    use model::{Application, Timestamp};

    use super::*;

    fn application() -> Application {
        Application {
            name: "shop".parse().unwrap(),
            source: model::definition::SourcePath { name: "repo".parse().unwrap(), path: String::new() },
            rendering: Default::default(),
            targets: Default::default(),
            overrides: Vec::new(),
            namespace: None,
            sync: Default::default(),
            deletion: Default::default(),
            guard: Default::default(),
            ignore: vec![],
            first_contact: Default::default(),
        }
    }

    fn assignment(slice: &[u8]) -> Assignment {
        Assignment { application: application(), parameters: Digest::of(b"p"), slice: Digest::of(slice) }
    }

    fn planned(generation: u64, sync_n: u64) -> PlannedSync {
        let made_from = InputVector {
            definitions_n: 5,
            slice: Digest::of(b"slice"),
            parameters: Digest::of(b"p"),
            observation: 1,
            desired: Digest::of(b"desired"),
            sync_n,
        };
        PlannedSync {
            generation,
            digest: Digest::of(b"plan"),
            plan: Content::Inline(vec![]),
            made_from,
            open: 0,
            since: Timestamp::default(),
            silence_ms: 0,
            asked: vec![],
        }
    }

    fn sync(generation: u64, stage: SyncStage) -> SyncState {
        SyncState {
            generation,
            plan: Digest::of(b"plan"),
            stage,
            applied: None,
            commit: None,
            manifests: None,
            objects: Table::default(),
            superseded: 0,
        }
    }

    fn running() -> SyncStage {
        SyncStage::Running { since: Timestamp::default(), instance: "other".into() }
    }

    fn finished() -> SyncStage {
        SyncStage::Finished { at: Timestamp::default(), outcome: SyncOutcome::Succeeded }
    }

    struct Case {
        definitions_n: u64,
        slice: &'static [u8],
        desired: &'static [u8],
        planned: Option<PlannedSync>,
        sync: (u64, Option<SyncState>),
    }

    fn case(planned: Option<PlannedSync>, sync: (u64, Option<SyncState>)) -> Case {
        Case { definitions_n: 5, slice: b"slice", desired: b"desired", planned, sync }
    }

    fn verdict(case: &Case) -> Due {
        let assignment = assignment(case.slice);
        due(&Stand {
            definitions_n: case.definitions_n,
            assignment: Some(&assignment),
            planned: case.planned.as_ref(),
            sync: (case.sync.0, case.sync.1.as_ref()),
            desired: Some(Digest::of(case.desired)),
            ending: Ending::No,
        })
    }

    #[test]
    fn generations_decide_what_is_due() {
        let finish = |generation| Some(sync(generation, finished()));
        let run = |generation| Some(sync(generation, running()));
        let rejected = Some(sync(3, SyncStage::Rejected { reason: String::new() }));
        for (planned, sync, expected) in [
            (None, (0, None), Due::Nothing),
            (Some(planned(1, 0)), (0, None), Due::Start),
            (Some(planned(3, 7)), (7, finish(2)), Due::Start),
            (Some(planned(3, 7)), (9, finish(3)), Due::Nothing),
            (Some(planned(3, 7)), (9, rejected), Due::Nothing),
            (Some(planned(2, 7)), (9, finish(3)), Due::Nothing),
            // Interrupted: its own events have moved the aggregate on, so its version is no reason.
            (Some(planned(3, 7)), (9, run(3)), Due::Resume),
            (Some(planned(4, 9)), (9, run(3)), Due::Start),
            (None, (9, run(3)), Due::Abandon("there is no plan any more".into())),
            (Some(planned(2, 7)), (9, run(3)), Due::Abandon("the newest plan is an older one".into())),
        ] {
            assert_eq!(verdict(&case(planned.clone(), sync)), expected, "{planned:?}");
        }
    }

    #[test]
    fn a_plan_is_stale_by_slice_desired_or_sync_and_nothing_else() {
        let fresh = || case(Some(planned(3, 7)), (7, Some(sync(2, finished()))));
        let moved = |case: Case| matches!(verdict(&case), Due::Reject(_));
        assert!(!moved(Case { definitions_n: 9, ..fresh() }));
        assert!(moved(Case { slice: b"other", ..fresh() }));
        assert!(moved(Case { desired: b"other", ..fresh() }));
        assert!(moved(Case { sync: (8, Some(sync(2, finished()))), ..fresh() }));
        assert!(moved(Case { sync: (8, Some(sync(2, running()))), ..fresh() }));
        assert_eq!(verdict(&Case { definitions_n: 4, slice: b"old", ..fresh() }), Due::NewerDefinitions);
        let resumed = || case(Some(planned(3, 7)), (9, Some(sync(3, running()))));
        assert_eq!(
            verdict(&Case { desired: b"other", ..resumed() }),
            Due::Abandon("the desired state has changed".into())
        );
    }

    #[test]
    fn a_target_that_left_is_released_by_a_plan_made_for_just_these_definitions() {
        let old = planned(3, 7);
        let mut release = planned(3, 7);
        release.made_from.slice = plan::release::slice(5);
        release.made_from.desired = plan::release::nothing();
        let idle = sync(2, finished());
        let stand = |definitions_n, planned, sync| Stand {
            definitions_n,
            assignment: None,
            planned: Some(planned),
            sync,
            desired: Some(plan::release::nothing()),
            ending: Ending::No,
        };
        assert_eq!(due(&stand(5, &release, (7, Some(&idle)))), Due::Start);
        let not_assigned = |due: Due| matches!(due, Due::Reject(reason) if reason.contains("not assigned"));
        assert!(not_assigned(due(&stand(5, &old, (7, Some(&idle))))));
        // Added and removed again meanwhile, perhaps under another policy.
        assert!(not_assigned(due(&stand(7, &release, (7, Some(&idle))))));
        assert_eq!(due(&stand(4, &release, (7, Some(&idle)))), Due::NewerDefinitions);
        let begun = sync(3, running());
        assert_eq!(due(&stand(5, &release, (9, Some(&begun)))), Due::Resume);
        // Added again: nothing is let go any more.
        let back = assignment(b"slice");
        let readded = Stand { assignment: Some(&back), ..stand(6, &release, (7, Some(&idle))) };
        assert!(matches!(due(&readded), Due::Reject(reason) if reason.contains("have changed")));

        let done = sync(3, finished());
        let ended = |assignment| Stand {
            ending: Ending::Released,
            assignment,
            ..stand(5, &release, (9, Some(&done)))
        };
        assert_eq!(due(&ended(None)), Due::Retire);
        assert_eq!(due(&ended(Some(&back))), Due::Nothing);
        assert_eq!(due(&Stand { ending: Ending::No, ..ended(None) }), Due::Nothing);
        // Who has not heard that it left must not begin what was planned before.
        let unheard = Stand { sync: (0, None), planned: Some(&old), ..ended(Some(&back)) };
        assert_eq!(due(&unheard), Due::Nothing);
        assert_eq!(due(&Stand { assignment: None, sync: (7, Some(&idle)), ..unheard }), Due::Retire);
    }
}
