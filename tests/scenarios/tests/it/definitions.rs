//! The definition of a kind goes, or one of its versions, while we watch.

use std::time::{Duration, Instant};

use bus::Freshness;
use events::state::SyncStatus;
use serde_json::{Value, json};
use testkit::{
    cluster::{real, unique},
    eventually,
};

use crate::scene::{BOUND, Scene, config_map};

/// A kind of its own for each story, with an older version that can be switched off.
fn definition(name: &str, older: bool) -> Value {
    let schema = json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
    let version =
        |name, served, storage| json!({"name": name, "served": served, "storage": storage, "schema": schema});
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{name}s.scenarios.example")},
        "spec": {"group": "scenarios.example", "scope": "Namespaced",
            "names": {"plural": format!("{name}s"), "singular": name, "kind": name},
            "versions": [version("v1", true, true), version("v1beta1", older, false)]}})
}

fn thing(name: &str, version: &str) -> Value {
    json!({"apiVersion": format!("scenarios.example/{version}"), "kind": name, "metadata": {"name": "a"}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definition_that_is_deleted_by_hand_comes_back_with_its_objects() {
    let name = unique("k").replace('-', "");
    let manifests = [definition(&name, true), thing(&name, "v1"), config_map("m", json!({"from": "git"}))];
    let scene = Scene::sweeping(Duration::from_secs(2), &real("scenarios"), &manifests).await;
    scene.in_sync().await;
    let object = scene.of(&manifests[1]);
    let before = scene.live(&object).await["metadata"]["uid"].clone();
    scene.hands.delete(&manifests[0]).await;
    scene.seen("the object", &object, |live| live["metadata"]["uid"] != before).await;
    scene.until("in sync", |state| state.status == SyncStatus::InSync && state.drift.is_empty()).await;
    // What came back is watched like what was there before.
    scene.hands.edit(&object, "/metadata/labels/driftless.dev~1application", "other").await;
    let ours = json!(scene.name);
    scene
        .seen("the heal", &object, |live| live["metadata"]["labels"]["driftless.dev/application"] == ours)
        .await;
    scene.hands.delete(&manifests[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_goes_leaves_the_rest_of_the_cluster_fresh() {
    let name = unique("k").replace('-', "");
    let cluster = real("scenarios");
    let (both, one) = (definition(&name, true), definition(&name, false));
    let hands = crate::hands::Hands::on(&cluster).await;
    hands.apply("alice", &both).await;
    let manifests = [thing(&name, "v1beta1"), config_map("m", json!({"from": "git"}))];
    let scene = Scene::sweeping(Duration::from_millis(300), &cluster, &manifests).await;
    scene.in_sync().await;
    hands.apply("alice", &one).await;
    scene.until("told", |state| state.status != SyncStatus::InSync).await;
    let told = Instant::now();
    let since = async || match scene.freshness(BOUND).await {
        Freshness::Fresh { age, .. } => (age < told.elapsed()).then_some(()),
        Freshness::Stale { .. } | Freshness::Unknown { .. } => None,
    };
    eventually(BOUND, "everything looked at since", since).await;
    let map = scene.of(&manifests[1]);
    scene.hands.edit(&map, "/data/from", "hand").await;
    hands.apply("alice", &both).await;
    scene.seen("the heal", &map, |live| live["data"]["from"] == "git").await;
    scene.until("in sync", |state| state.status == SyncStatus::InSync && state.drift.is_empty()).await;
    hands.delete(&both).await;
}
