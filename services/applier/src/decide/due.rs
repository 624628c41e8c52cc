//! What a target needs: nothing, its newest plan carried out, an interrupted sync resumed, or a stale plan refused.

use events::state::{InputVector, PlannedSync, SyncStage, SyncState};
use model::Digest;
use plan::Assignment;

/// All that the decision about a target depends on.
#[derive(Debug, Clone, Copy)]
pub struct Stand<'a> {
    /// Version of the definitions in force.
    pub definitions_n: u64,
    /// What they say about the target; `None`: it is not in them.
    pub assignment: Option<&'a Assignment>,
    /// The newest plan.
    pub planned: Option<&'a PlannedSync>,
    /// Version of the sync aggregate (0 before its first event) and its state.
    pub sync: (u64, Option<&'a SyncState>),
    /// The newest desired state of the render that the definitions name.
    pub desired: Option<Digest>,
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
    if planned.generation == done && !interrupted {
        return Due::Nothing;
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
    let Some(assignment) = stand.assignment else {
        return Some("the application is not assigned to the cluster any more".to_owned());
    };
    if made_from.slice != assignment.slice {
        return Some("the definitions of the target have changed".to_owned());
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
        let planned = planned(3, 7);
        let stand = Stand {
            definitions_n: 5,
            assignment: None,
            planned: Some(&planned),
            sync: (7, None),
            desired: None,
        };
        assert!(matches!(due(&stand), Due::Reject(reason) if reason.contains("not assigned")));
    }
}
