//! Plans that are refused, and steps that cannot be done.

use events::{
    EventType,
    state::{Origin, SyncStage},
};
use model::Digest;
use plan::{Action, Reason};
use serde_json::json;

use crate::bed::{Bed, create, failure, outcomes, step, succeeded};

#[tokio::test(flavor = "multi_thread")]
async fn stale_plans_are_refused_once_and_change_nothing() {
    let mut bed = Bed::new().await;
    let map = bed.config_map("a", json!({}));
    bed.desire(std::slice::from_ref(&map)).await;
    let applier = bed.start("one");
    let fresh = bed.inputs().await;
    let mut stale = vec![];
    for (what, change) in [("definitions", 0), ("desired state", 1), ("sync event", 2)] {
        let mut inputs = bed.inputs().await;
        match change {
            0 => inputs.slice = Digest::of(b"other"),
            1 => inputs.desired = Digest::of(b"other"),
            _ => inputs.sync_n += 5,
        }
        let generation = bed.plan_from(vec![create(&map)], inputs).await;
        let state = bed.until(what, |state| state.generation == generation).await;
        let SyncStage::Rejected { reason } = &state.stage else { panic!("{:?}", state.stage) };
        assert!(reason.contains(what), "{reason}");
        stale.push(EventType::PlanRejected);
    }
    assert!(bed.get(&map).await.is_none());
    assert_eq!(bed.told().await, stale);
    // Newer definitions that say the same of this target make no plan stale.
    bed.define().await;
    let inputs = events::state::InputVector { sync_n: 3, ..fresh };
    let generation = bed.plan_from(vec![create(&map)], inputs).await;
    assert!(succeeded(&bed.finished(generation).await));
    applier.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_from_newer_definitions_waits_for_them() {
    let mut bed = Bed::new().await;
    let map = bed.config_map("a", json!({}));
    bed.desire(std::slice::from_ref(&map)).await;
    bed.change_slice();
    let mut inputs = bed.inputs().await;
    inputs.definitions_n += 1;
    let generation = bed.plan_from(vec![create(&map)], inputs).await;
    let _applier = bed.start("one");
    bed.define().await;
    assert!(succeeded(&bed.finished(generation).await));
    assert_eq!(bed.told().await, [EventType::SyncStarted, EventType::SyncFinished]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_stage_stops_what_comes_after_it() {
    let mut bed = Bed::new().await;
    let mut bad = bed.config_map("bad", json!({}));
    bad["metadata"]["labels"] = json!({"not a label": "x"});
    let good = bed.config_map("good", json!({}));
    let late = bed.deployment("late", json!({}));
    bed.desire(&[bad.clone(), good.clone(), late.clone()]).await;
    let _applier = bed.start("one");
    let state = bed.execute(vec![create(&bad), create(&good), create(&late)]).await;
    assert_eq!(failure(&state).code, "CLUSTER-INVALID");
    assert_eq!(
        outcomes(&bed.rows(&state).await),
        ["bad CLUSTER-INVALID", "good Created", "late APPLY-SKIPPED"]
    );
    assert!(bed.get(&late).await.is_none());
    assert_eq!(state.applied, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_right_is_named() {
    let mut bed = Bed::without_rights().await.with_namespace().await;
    let map = bed.config_map("a", json!({}));
    bed.desire(std::slice::from_ref(&map)).await;
    let _applier = bed.start("one");
    let failed = failure(&bed.execute(vec![create(&map)]).await);
    assert_eq!(failed.code, "CLUSTER-FORBIDDEN");
    for word in ["viewer", "configmaps", "patch"] {
        assert!(failed.message.contains(word), "{}", failed.message);
    }
    assert!(bed.get(&map).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_blob_is_a_failure_that_is_told() {
    let mut bed = Bed::new().await;
    let map = bed.config_map("a", json!({"x": "y".repeat(20_000)}));
    bed.desire(std::slice::from_ref(&map)).await;
    let now = model::Timestamp::from_millis(i64::MAX);
    bed.log.sweep_blobs(&Default::default(), now).await.unwrap();
    let _applier = bed.start("one");
    let failed = failure(&bed.execute(vec![create(&map)]).await);
    assert_eq!(failed.code, "APPLY-BLOB-MISSING", "{failed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_without_an_inventory_keeps_what_was_found() {
    let mut bed = Bed::new().await.with_namespace().await;
    let (kept, orphan) = (bed.config_map("kept", json!({})), bed.config_map("orphan", json!({})));
    let kept_uid = bed.apply_as(&bed.manager(), &kept).await.uid;
    let orphan_uid = bed.apply_as(&bed.manager(), &orphan).await.uid;
    bed.desire(std::slice::from_ref(&kept)).await;
    let mut inputs = bed.inputs().await;
    inputs.desired = Digest::of(b"other");
    let steps = vec![
        step(&kept, Action::Apply { uid: kept_uid.clone() }, Reason::Found),
        step(&orphan, Action::Record { uid: orphan_uid.clone() }, Reason::Found),
    ];
    let generation = bed.plan_from(steps, inputs).await;
    let _applier = bed.start("one");
    let state = bed.until("the refusal", |state| state.generation == generation).await;
    assert!(matches!(state.stage, SyncStage::Rejected { .. }));
    let rows = bed.rows(&state).await;
    let uids: Vec<_> = rows.iter().map(|row| (row.origin, row.uid.clone(), row.manifest)).collect();
    let row = |uid| (Origin::Rebuilt, Some(uid), None);
    assert_eq!(uids, [row(kept_uid), row(orphan_uid)]);
}
