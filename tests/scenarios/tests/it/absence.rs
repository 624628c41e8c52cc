//! What a watch does not show is asked for before anything is said of it.

use std::time::Duration;

use events::{
    EventType, Table,
    state::{DriftedObject, SyncStatus, TargetState},
};
use model::HealthStatus;
use serde_json::json;

use crate::{
    proxy::Request,
    scene::{Scene, SelfHeal, config_map, config_maps},
};

/// So often is everything looked at here.
const SWEEP: Duration = Duration::from_millis(300);

fn drift(state: &TargetState) -> &[DriftedObject] {
    match &state.drift {
        Table::Inline(rows) => rows,
        Table::Paged { .. } => &[],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_leaves_the_watch_is_not_gone_also_where_nothing_is_healed() {
    let maps = config_maps(3);
    let scene = Scene::detecting(SWEEP, &testkit::cluster::real("scenarios"), &maps).await;
    scene.in_sync().await;
    let asks = |request: &Request| request.method == "GET" && request.path.contains("/configmaps/map-001");
    let writes = |request: &Request| request.is_write() && request.is_about("configmaps");
    let (asked, written) = (scene.proxy.count(asks), scene.proxy.count(writes));
    let strip = json!([{"op": "remove", "path": "/metadata/labels/driftless.dev~1application"}]);
    scene.hands.patch(&scene.of(&maps[1]), &strip).await;
    let state = scene.until("the drift", |state| state.status == SyncStatus::Drifted).await;
    let rows: Vec<_> = drift(&state).iter().map(|row| (row.id.name.as_str(), row.fields.join(" "))).collect();
    assert_eq!(rows, [("map-001", "metadata.labels[driftless.dev/application]".to_owned())]);
    assert!(scene.proxy.count(asks) > asked, "it was asked for");
    // The same at each look.
    let asked = scene.proxy.count(asks);
    scene.sweeps(2).await;
    assert!(scene.proxy.count(asks) > asked);
    assert_eq!(scene.proxy.count(writes), written);
    scene.until("the drift", |state| state.status == SyncStatus::Drifted).await;
}

/// Nothing of what is told meanwhile says so either, in whatever part of it.
#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_leaves_the_watch_is_at_no_time_told_as_gone_or_missing() {
    let maps = config_maps(3);
    let scene = Scene::detecting(SWEEP, &testkit::cluster::real("scenarios"), &maps).await;
    scene.in_sync().await;
    scene.healthy().await;
    let before = scene.told().await.len();
    let strip = json!([{"op": "remove", "path": "/metadata/labels/driftless.dev~1application"}]);
    scene.hands.patch(&scene.of(&maps[1]), &strip).await;
    scene.until("the drift", |state| state.status == SyncStatus::Drifted).await;
    scene.sweeps(2).await;
    for (_, state) in &scene.told().await[before..] {
        assert!(drift(state).iter().all(|row| row.fields != ["(the object is gone)"]), "{:?}", state.drift);
        let mut unhealthy = state.health.objects.iter();
        assert!(unhealthy.all(|object| object.status != HealthStatus::Missing), "{:?}", state.health);
    }
}

/// Somebody takes a field out of our entry of `managedFields`: the values stay, and only what we own differs.
#[tokio::test(flavor = "multi_thread")]
async fn who_takes_only_the_ownership_of_a_field_is_answered_quietly() {
    let maps = ["map", "other"].map(|name| config_map(name, json!({"from": "git", "more": "git"})));
    let scene = Scene::synced(SelfHeal::On, &maps).await;
    let [map, other] = maps.map(|map| scene.of(&map));
    let writes = |request: &Request| request.is_write() && request.path.contains("/configmaps/map");
    let (written, drifted) = (scene.proxy.count(writes), scene.count(EventType::DriftDetected).await);
    let live = scene.live(&map).await;
    let ours = format!("driftless:{}", scene.name);
    let entries = live["metadata"]["managedFields"].as_array().unwrap();
    let at = entries.iter().position(|entry| entry["manager"] == ours.as_str()).unwrap();
    let path = format!("/metadata/managedFields/{at}/fieldsV1/f:data/f:more");
    scene.hands.patch(&map, &json!([{"op": "remove", "path": path}])).await;
    let owns = |live: &serde_json::Value| {
        let entries = live["metadata"]["managedFields"].as_array().unwrap().iter();
        let mut own = entries.filter(|entry| entry["manager"] == ours.as_str());
        own.any(|entry| !entry["fieldsV1"]["f:data"]["f:more"].is_null())
    };
    scene.seen("the ownership", &map, owns).await;
    assert_eq!(scene.count(EventType::DriftDetected).await, drifted);
    // Watches keep the order: when this one is healed, our write before it has been judged.
    scene.hands.edit(&other, "/data/from", "hand").await;
    scene.seen("the heal", &other, |live| live["data"]["from"] == "git").await;
    scene.until("in sync", |state| state.status == SyncStatus::InSync && state.drift.is_empty()).await;
    assert_eq!(scene.proxy.count(writes), written + 1);
}
