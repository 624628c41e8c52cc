//! Intent before effect: nothing is done to a cluster before the log says that it will be.

use std::time::Duration;

use events::EventType;
use serde_json::json;
use testkit::eventually;

use crate::{
    proxy::Request,
    scene::{BOUND, Scene, config_map, succeeded},
};

/// So often is everything looked at here: what would be done meanwhile has the time for it.
const SWEEP: Duration = Duration::from_millis(300);

fn touches(request: &Request) -> bool {
    request.is_write() && request.is_about("configmaps")
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_created_changed_or_pruned_before_the_log_has_the_intent() {
    let old = ["a", "b"].map(|name| config_map(name, json!({"from": "git"})));
    let new = ["a", "c"].map(|name| config_map(name, json!({"from": "git", "more": "yes"})));
    let scene = Scene::sweeping(SWEEP, &testkit::cluster::real("scenarios"), &old).await;
    scene.in_sync().await;
    let before = scene.proxy.count(touches);
    scene.stuck.hold(EventType::SyncStarted);
    scene.commit(&new);
    scene.fetch().await;
    tokio::time::timeout(BOUND, scene.stuck.held()).await.expect("the sync begins");
    scene.sweeps(2).await;
    assert_eq!(scene.proxy.count(touches), before, "the intent is not in the log");
    scene.stuck.go_on();
    for map in &new {
        scene.seen("the change", &scene.of(map), |live| live["data"]["more"] == "yes").await;
    }
    let gone = async || scene.hands.get(&scene.of(&old[1])).await.is_none().then_some(());
    eventually(BOUND, "the prune", gone).await;
    let done = scene.sync_until("done", |state| succeeded(state) && !state.objects.is_empty()).await;
    let rows = scene.all_rows(&done.objects).await;
    let names: Vec<_> = rows.iter().map(|row| row.id.name.as_str()).filter(|name| name.len() == 1).collect();
    assert_eq!(names, ["a", "c"]);
}
