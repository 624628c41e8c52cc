//! Intent before effect: nothing is done to a cluster before the log says that it will be.

use events::EventType;
use serde_json::json;
use testkit::eventually;

use crate::{
    proxy::Request,
    scene::{BOUND, Scene, SelfHeal, config_map, succeeded},
};

fn touches(request: &Request) -> bool {
    request.is_write() && request.is_about("configmaps")
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_or_pruned_before_the_log_has_the_intent() {
    let old = ["a", "b"].map(|name| config_map(name, json!({"from": "git"})));
    let scene = Scene::synced(SelfHeal::On, &old).await;
    let before = scene.proxy.count(touches);
    scene.stuck.hold(EventType::SyncStarted);
    scene.commit(&[config_map("a", json!({"from": "git", "more": "yes"}))]);
    scene.fetch().await;
    tokio::time::timeout(BOUND, scene.stuck.held()).await.expect("the sync begins");
    assert_eq!(scene.proxy.count(touches), before, "the intent is not in the log");
    scene.stuck.go_on();
    scene.seen("the change", &scene.of(&old[0]), |live| live["data"]["more"] == "yes").await;
    eventually(BOUND, "the prune", async || {
        scene.hands.get(&scene.of(&old[1])).await.is_none().then_some(())
    })
    .await;
    let sync = scene.sync_until("done", succeeded).await;
    let names: Vec<String> = scene.all_rows(&sync.objects).await.into_iter().map(|row| row.id.name).collect();
    assert_eq!(names.iter().filter(|name| *name == "a" || *name == "b").collect::<Vec<_>>(), ["a"]);
}
