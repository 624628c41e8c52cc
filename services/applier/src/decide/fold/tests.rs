use std::collections::BTreeMap;

use cluster::ClusterError;
use events::state::{AppliedObject, Origin};
use model::{Digest, ObjectId};
use plan::{Action, HeldObject, HeldReason, Reason, Stage, SyncPlan};

use super::*;
use crate::decide::intent::Tried;

fn id(name: &str) -> ObjectId {
    ObjectId {
        group: String::new(),
        kind: "ConfigMap".into(),
        namespace: Some("shop".into()),
        name: name.into(),
    }
}

fn step(name: &str, action: Action) -> Step {
    let reason = Reason::New;
    Step { id: id(name), api_version: "v1".parse().unwrap(), stage: Stage::Configuration, action, reason }
}

fn plan(steps: Vec<Step>) -> SyncPlan {
    let held = vec![HeldObject { id: id("held"), reason: HeldReason::RetryBackoff }];
    SyncPlan { desired: Digest::of(b"d"), namespace: None, steps, held, in_sync: 0 }
}

fn row(name: &str, outcome: ObjectOutcome) -> AppliedObject {
    AppliedObject {
        id: id(name),
        api_version: "v1".parse().unwrap(),
        origin: Origin::Created,
        uid: Some(format!("uid-{name}")),
        resource_version: Some("1".into()),
        manifest: Some(Digest::of(b"old")),
        ignored: Default::default(),
        fingerprint: None,
        outcome,
    }
}

fn failure() -> Failure {
    forbidden().failure(Timestamp::default(), None)
}

fn forbidden() -> Fault {
    Fault::Cluster(ClusterError::Forbidden { request: "apply".into(), message: "no".into() })
}

fn uid(name: &str) -> String {
    format!("uid-{name}")
}

fn all() -> SyncPlan {
    plan(vec![
        step("new", Action::Create),
        step("old", Action::Apply { uid: uid("old") }),
        step("found", Action::Record { uid: uid("found") }),
        step("gone", Action::Forget),
        step("orphan", Action::Prune { uid: uid("orphan") }),
    ])
}

fn intent() -> Rows {
    let inventory = vec![
        row("old", ObjectOutcome::Failed(failure())),
        row("gone", ObjectOutcome::Created),
        row("orphan", ObjectOutcome::Created),
        row("calm", ObjectOutcome::Configured),
        row("held", ObjectOutcome::Failed(failure())),
        row("going", ObjectOutcome::Terminating),
    ];
    let tried = || Tried { manifest: Digest::of(b"new"), ignored: Default::default() };
    Rows::intent(inventory, &all(), &BTreeMap::from([(id("new"), tried()), (id("old"), tried())]))
}

fn shown(rows: &Rows) -> Vec<String> {
    let word = |outcome: &ObjectOutcome| {
        if let ObjectOutcome::Failed(failure) = outcome {
            return format!("{} x{}", failure.code, failure.attempts);
        }
        format!("{outcome:?}")
    };
    rows.to_vec().iter().map(|row| format!("{} {}", row.id.name, word(&row.outcome))).collect()
}

fn written(name: &str) -> StepResult {
    StepResult::Written(Box::new(Written {
        uid: uid(name),
        resource_version: "9".into(),
        fingerprint: None,
        origin: Origin::Created,
        outcome: ObjectOutcome::Created,
    }))
}

#[test]
fn the_intent_names_inventory_and_every_step() {
    let rows = intent();
    assert_eq!(
        shown(&rows),
        [
            "calm Untouched",
            "found Untouched",
            "going Terminating",
            "gone Pending",
            "held CLUSTER-FORBIDDEN x1",
            "new Pending",
            "old Pending",
            "orphan Pending",
        ]
    );
    let new = rows.get(&id("new")).unwrap();
    assert_eq!(
        (new.uid.as_deref(), new.manifest, new.origin),
        (None, Some(Digest::of(b"new")), Origin::Created)
    );
    // What is tried is recorded, so that the planner sees an attempt at it.
    assert_eq!(rows.get(&id("old")).unwrap().manifest, Some(Digest::of(b"new")));
    assert_eq!(rows.get(&id("found")).unwrap().origin, Origin::Rebuilt);
    assert_eq!(rows.get(&id("orphan")).unwrap().manifest, Some(Digest::of(b"old")));
}

#[test]
fn what_is_recorded_under_another_key_has_another_manifest_and_is_else_as_it_was() {
    let rekeyed = Step { reason: Reason::Rekeyed, ..step("old", Action::Record { uid: uid("old") }) };
    let plan = plan(vec![rekeyed.clone()]);
    let tried = Tried { manifest: Digest::of(b"new"), ignored: Default::default() };
    let before = row("old", ObjectOutcome::Configured);
    let rows = Rows::intent(vec![before.clone()], &plan, &BTreeMap::from([(id("old"), tried)]));
    let expected =
        AppliedObject { manifest: Some(Digest::of(b"new")), outcome: ObjectOutcome::Untouched, ..before };
    assert_eq!(rows.get(&id("old")), Some(&expected));
    assert!(rows.is_done(&rekeyed) && rows.is_complete(), "it needs no request");
}

#[test]
fn results_become_rows_and_rows_the_end() {
    let mut rows = intent();
    let plan = all();
    let now = Timestamp::from_millis(5);
    rows.fold(&plan.steps[0], written("new"), now);
    rows.fold(&plan.steps[1], written("old"), now);
    rows.fold(&plan.steps[3], StepResult::Dropped, now);
    rows.fold(&plan.steps[4], StepResult::Terminating, now);
    assert_eq!(
        shown(&rows),
        [
            "calm Untouched",
            "found Untouched",
            "going Terminating",
            "held CLUSTER-FORBIDDEN x1",
            "new Created",
            "old Created",
            "orphan Terminating",
        ]
    );
    assert!(plan.steps.iter().all(|step| rows.is_done(step)));
    assert_eq!(rows.outcome(&plan), SyncOutcome::Succeeded);
    // An object that failed before and is held is still not as desired.
    assert!(!rows.is_complete());
    assert_eq!(rows.get(&id("new")).unwrap().uid, Some(uid("new")));
}

#[test]
fn a_failure_keeps_what_was_known_and_counts_on() {
    let mut rows = intent();
    let plan = all();
    let now = Timestamp::from_millis(5);
    rows.fold(&plan.steps[1], StepResult::Failed(forbidden()), now);
    rows.fail_rest(&plan.steps, &Fault::Skipped, now);
    assert_eq!(
        shown(&rows),
        [
            "calm Untouched",
            "found Untouched",
            "going Terminating",
            "gone APPLY-SKIPPED x1",
            "held CLUSTER-FORBIDDEN x1",
            "new APPLY-SKIPPED x1",
            "old CLUSTER-FORBIDDEN x2",
            "orphan APPLY-SKIPPED x1",
        ]
    );
    let old = rows.get(&id("old")).unwrap();
    assert_eq!((old.uid.clone(), old.resource_version.as_deref()), (Some(uid("old")), Some("1")));
    let SyncOutcome::Failed { failure } = rows.outcome(&plan) else { panic!("it failed") };
    assert_eq!(failure.code, "CLUSTER-FORBIDDEN", "not the one that only follows from it");
}

#[test]
fn a_resumed_sync_keeps_its_results_and_tries_the_rest() {
    let plan = all();
    let recorded = vec![
        row("new", ObjectOutcome::Created),
        row("old", ObjectOutcome::Failed(failure())),
        row("orphan", ObjectOutcome::Pending),
    ];
    let rows = Rows::resumed(recorded, &plan);
    let open: Vec<&str> =
        plan.steps.iter().filter(|step| !rows.is_done(step)).map(|step| step.id.name.as_str()).collect();
    // `gone` is gone already.
    assert_eq!(open, ["old", "orphan"]);
    assert_eq!(rows.get(&id("old")).unwrap().outcome, ObjectOutcome::Pending);
}

#[test]
fn a_refused_plan_leaves_what_was_found() {
    assert_eq!(shown(&Rows::found(&all())), ["found Untouched", "old Untouched", "orphan Untouched"]);
}
