//! Objects that change hands, or are let go.

use events::{
    EventType,
    state::{ObjectOutcome, Origin, SyncStage},
};
use model::Aggregate;
use plan::{Action, Reason, Step};
use serde_json::{Value, json};

use crate::bed::{Bed, apply, create, failure, outcomes, prune, step, succeeded};

const LABEL: &str = applier::decide::ownership::LABEL;

fn orphan(body: &Value, uid: &str) -> Step {
    step(body, Action::Orphan { uid: uid.to_owned(), origin: plan::Origin::Created }, Reason::Released)
}

fn receive(body: &Value, uid: &str) -> Step {
    let (from, origin) = ("other".parse().unwrap(), plan::Origin::Created);
    step(body, Action::Receive { uid: uid.to_owned(), from, origin }, Reason::HandOver)
}

/// The body with the mark of an application.
fn marked(body: &Value, application: &str) -> Value {
    let mut body = body.clone();
    body["metadata"]["labels"][LABEL] = application.into();
    body
}

fn managers(live: &Value) -> Vec<&str> {
    let entries = live["metadata"]["managedFields"].as_array().map(Vec::as_slice).unwrap_or_default();
    entries.iter().filter_map(|entry| entry["manager"].as_str()).collect()
}

/// All but what a write moves of itself.
fn values(live: &Value) -> Value {
    let mut live = live.clone();
    let metadata = live["metadata"].as_object_mut().unwrap();
    for name in ["managedFields", "resourceVersion", "labels"] {
        metadata.remove(name);
    }
    live
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orphan_keeps_every_value_and_loses_our_mark() {
    let mut bed = Bed::new().await;
    let alone = bed.config_map("alone", json!({"x": "1"}));
    let shared = bed.config_map("shared", json!({"x": "1"}));
    let web = bed.deployment("web", json!({}));
    let all = [alone, shared, web];
    bed.desire(&all).await;
    let _applier = bed.start("one");
    bed.execute(all.iter().map(create).collect()).await;
    let more = json!([{"op": "add", "path": "/data/y", "value": "2"}, {"op": "add", "path": "/metadata/labels/team", "value": "a"}]);
    bed.patch_as("alice", &all[1], more).await;
    let mut before = vec![];
    for body in &all {
        before.push(bed.get(body).await.unwrap());
    }
    bed.leave().await;
    let state =
        bed.release(all.iter().zip(&before).map(|(body, live)| orphan(body, &live.uid)).collect()).await;
    assert!(succeeded(&state), "{state:?}");
    assert!(bed.rows(&state).await.is_empty());
    assert_eq!((state.applied, state.commit, state.manifests), (None, None, None));
    for (body, before) in all.iter().zip(&before) {
        let (before, after) = (before.value.value(), bed.value(body).await);
        assert_eq!(values(&after), values(before));
        assert_eq!(after["metadata"]["labels"].get(LABEL), None);
        assert!(!managers(&after).contains(&bed.manager().as_str()), "{after}");
    }
    assert_eq!(bed.value(&all[1]).await["metadata"]["labels"], json!({"team": "a"}));
    assert_eq!(managers(&bed.value(&all[1]).await), ["alice"]);
    // To apply again is a first contact.
    let other = bed.apply_without_force("driftless:other", &marked(&all[0], "other")).await;
    assert!(other.is_ok(), "nobody owns its fields: {other:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_definition_of_the_cluster_serves_a_release_that_ends_in_a_retired_aggregate() {
    let mut bed = Bed::new().await;
    let maps = [bed.config_map("a", json!({"x": "1"})), bed.config_map("b", json!({"x": "1"}))];
    bed.desire(&maps).await;
    let _applier = bed.start("one");
    bed.execute(maps.iter().map(create).collect()).await;
    let uid = bed.get(&maps[0]).await.unwrap().uid;
    // An old plan is refused as soon as the target left.
    bed.leave().await;
    let stale = bed.plan_stale(vec![prune(&maps[0], &uid)]).await;
    bed.until("the refusal", |state| {
        state.generation == stale && matches!(state.stage, SyncStage::Rejected { .. })
    })
    .await;
    assert!(bed.get(&maps[0]).await.is_some());
    let state = bed.release(vec![prune(&maps[0], &uid)]).await;
    assert_eq!(outcomes(&bed.rows(&state).await), ["b Untouched"]);
    assert!(bed.get(&maps[0]).await.is_none());
    bed.released().await;
    bed.until_told(EventType::SyncRetired).await;
    let history = bed.log.history(&Aggregate::Sync(bed.target.clone()), 10).await.unwrap();
    assert_eq!(history.len(), 1, "a retired aggregate is rolled up");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_received_from_its_giver_and_from_nobody_else() {
    let mut bed = Bed::new().await.with_namespace().await;
    let theirs = marked(&bed.config_map("a", json!({"x": "1", "y": "1"})), "other");
    let ours = bed.config_map("a", json!({"x": "2"}));
    let given = bed.apply_as("driftless:other", &theirs).await;
    let claimed = bed.config_map("b", json!({"x": "2"}));
    let contested =
        bed.apply_as("driftless:other", &marked(&bed.config_map("b", json!({"y": "1"})), "other")).await;
    bed.apply_as("alice", &bed.config_map("b", json!({"x": "1"}))).await;
    bed.desire(&[ours.clone(), claimed.clone()]).await;
    let _applier = bed.start("one");
    let state = bed.execute(vec![receive(&ours, &given.uid), receive(&claimed, &contested.uid)]).await;
    let rows = bed.rows(&state).await;
    assert_eq!(outcomes(&rows), ["a Configured", "b APPLY-CONFLICT"]);
    assert!(failure(&state).message.contains("alice"), "{state:?}");
    assert_eq!((rows[0].origin, rows[0].uid.as_deref()), (Origin::Created, Some(given.uid.as_str())));
    assert_eq!(rows[1].uid, None, "it is not ours");
    let live = bed.value(&ours).await;
    assert_eq!(live["metadata"]["labels"][LABEL], bed.target.application.as_str());
    assert_eq!((&live["data"], live["metadata"]["uid"] == *given.uid), (&json!({"x": "2", "y": "1"}), true));
    let untouched = bed.value(&claimed).await;
    assert_eq!(untouched["metadata"]["labels"][LABEL], "other");
    assert_eq!(untouched["data"], json!({"x": "1", "y": "1"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_handed_over_loses_what_only_we_wanted() {
    let mut bed = Bed::new().await;
    let map = bed.config_map("a", json!({"x": "1", "y": "1", "z": "1"}));
    let keep = bed.config_map("keep", json!({}));
    bed.desire(&[map.clone(), keep.clone()]).await;
    let _applier = bed.start("one");
    bed.execute(vec![create(&map), create(&keep)]).await;
    let uid = bed.get(&map).await.unwrap().uid;
    // The other target applies: one field otherwise, one as it is, one not at all.
    let theirs = marked(&bed.config_map("a", json!({"x": "2", "y": "1"})), "other");
    bed.apply_as("driftless:other", &theirs).await;
    bed.desire(std::slice::from_ref(&keep)).await;
    let give = step(&map, Action::GiveBack { uid: uid.clone() }, Reason::HandOver);
    let live = bed.get(&keep).await.unwrap();
    let state = bed.execute(vec![apply(&keep, &live), give]).await;
    assert!(succeeded(&state), "{state:?}");
    let rows = bed.rows(&state).await;
    assert_eq!(outcomes(&rows), ["keep Unchanged"]);
    assert_eq!(rows[0].outcome, ObjectOutcome::Unchanged);
    let live = bed.value(&map).await;
    assert_eq!(live["metadata"]["uid"], uid.as_str(), "it was never deleted");
    assert_eq!(live["data"], json!({"x": "2", "y": "1"}));
    assert_eq!(live["metadata"]["labels"][LABEL], "other");
    assert_eq!(managers(&live), ["driftless:other"]);
}
