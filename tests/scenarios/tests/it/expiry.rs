//! What is on its way out: finished Jobs, namespaces and objects that finalizers hold.

use events::{
    EventType,
    state::{ObjectOutcome, SyncStatus},
};
use model::HealthStatus;
use serde_json::{Value, json};
use testkit::{cluster::TestCluster, eventually};

use crate::scene::{BOUND, Scene, SelfHeal, config_map, succeeded};

fn cluster() -> TestCluster {
    testkit::cluster::with_controllers("scenarios-full")
}

fn job() -> Value {
    let container = json!({"name": "a", "image": "example.com/job:1"});
    json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "migrate"}, "spec": {
        "ttlSecondsAfterFinished": 0,
        "template": {"spec": {"restartPolicy": "Never", "containers": [container]}}}})
}

async fn gone(scene: &Scene, object: &Value) {
    let absent = async || scene.hands.get(object).await.is_none().then_some(());
    eventually(BOUND, "the end of an object", absent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_its_time_to_live_removed_is_done_not_missing() {
    let map = config_map("a", json!({"colour": "blue"}));
    let scene = Scene::begun(&cluster(), SelfHeal::On, &[map.clone(), job()]).await;
    scene.sync_until("the sync", succeeded).await;
    gone(&scene, &scene.of(&job())).await;
    // What happens to another object is judged after it.
    scene.hands.edit(&scene.of(&map), "/data/colour", "red").await;
    scene.seen("the heal", &scene.of(&map), |live| live["data"]["colour"] == "blue").await;
    let state = scene
        .until("in sync and healthy", |state| {
            state.status == SyncStatus::InSync && state.health.status == HealthStatus::Healthy
        })
        .await;
    assert!(state.drift.is_empty());
    assert!(scene.hands.get(&scene.of(&job())).await.is_none());
    let applied = scene.proxy.written().iter().filter(|write| write.contains("/jobs/")).count();
    assert_eq!(applied, 1, "{:?}", scene.proxy.written());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_finalizer_holds_up_nothing_else() {
    let (a, b) = (config_map("a", json!({})), config_map("b", json!({})));
    let scene = Scene::begun(&cluster(), SelfHeal::On, &[a.clone(), b.clone()]).await;
    scene.in_sync().await;
    let stuck = scene.of(&b);
    scene.hands.edit(&stuck, "/metadata/finalizers", json!(["example.com/wait"])).await;
    scene.commit(std::slice::from_ref(&a));
    scene.fetch().await;
    let state = scene.sync_until("the prune", |state| state.generation == 2 && succeeded(state)).await;
    assert_eq!(state.generation, 2);
    let waits = scene.rows().await.iter().any(|row| row.outcome == ObjectOutcome::Terminating);
    assert!(waits && !scene.live(&stuck).await["metadata"]["deletionTimestamp"].is_null());
    let changed = config_map("a", json!({"new": "1"}));
    scene.commit(std::slice::from_ref(&changed));
    scene.fetch().await;
    scene.seen("the next change", &scene.of(&a), |live| live["data"]["new"] == "1").await;
    scene.hands.patch(&stuck, &json!([{"op": "remove", "path": "/metadata/finalizers"}])).await;
    gone(&scene, &stuck).await;
    let forgotten = async || (scene.rows().await.len() == 1).then_some(());
    eventually(BOUND, "the inventory without it", forgotten).await;
    scene.until("in sync", |state| state.status == SyncStatus::InSync).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_is_being_deleted_is_waited_for_and_made_anew() {
    let (a, b) = (config_map("a", json!({})), config_map("b", json!({})));
    let scene = Scene::begun(&cluster(), SelfHeal::On, &[a.clone(), b.clone()]).await;
    scene.in_sync().await;
    let held = scene.of(&a);
    let uid = scene.live(&held).await["metadata"]["uid"].clone();
    scene.hands.edit(&held, "/metadata/finalizers", json!(["example.com/wait"])).await;
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": scene.name}});
    scene.hands.delete(&namespace).await;
    gone(&scene, &scene.of(&b)).await;
    scene.until("told", |state| state.status != SyncStatus::InSync).await;
    scene.hands.patch(&held, &json!([{"op": "remove", "path": "/metadata/finalizers"}])).await;
    for map in [&a, &b] {
        let anew = async || {
            let live = scene.hands.get(&scene.of(map)).await?;
            (live["metadata"]["uid"] != uid && live["metadata"]["deletionTimestamp"].is_null()).then_some(())
        };
        eventually(BOUND, "the object anew", anew).await;
    }
    scene.until("in sync", |state| state.status == SyncStatus::InSync).await;
    assert_eq!(scene.count(EventType::DriftContested).await, 0);
}
