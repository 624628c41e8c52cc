//! Objects with our mark that are in no inventory: only those that our own history knows are ours.

use events::state::SyncStatus;
use serde_json::{Value, json};
use testkit::eventually;

use crate::scene::{BOUND, Scene, SelfHeal, config_map, config_maps, succeeded};

const LABEL: &str = "/metadata/labels/driftless.dev~1application";

/// Applies it as whoever copies our mark, or as another installation of ours would.
async fn with_our_mark(scene: &Scene, map: &Value) {
    let mut marked = scene.of(map);
    marked["metadata"]["labels"] = json!({"driftless.dev/application": scene.name});
    scene.hands.apply(&format!("driftless:{}", scene.name), &marked).await;
}

async fn told(scene: &Scene, name: &str) {
    scene.until("a stray", |state| state.strays.iter().any(|stray| stray.id.name == name)).await;
}

/// A commit is carried out, so that whatever is decided about strays has been.
async fn next_commit(scene: &Scene, maps: &[Value]) {
    scene.commit(maps);
    scene.fetch().await;
    scene.seen("the commit", &scene.of(maps.last().unwrap()), |_| true).await;
    scene.sync_until("its end", succeeded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_knows_is_told_and_left_alone() {
    let mut maps = config_maps(3);
    let scene = Scene::synced(SelfHeal::On, &maps).await;
    let unknown = config_map("unknown", json!({"from": "elsewhere"}));
    with_our_mark(&scene, &unknown).await;
    told(&scene, "unknown").await;
    let before = scene.live(&scene.of(&unknown)).await;
    maps.push(config_map("more", json!({})));
    next_commit(&scene, &maps).await;
    told(&scene, "unknown").await;
    assert_eq!(scene.live(&scene.of(&unknown)).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_anew_under_a_name_of_ours_is_not_ours() {
    let mut maps = config_maps(3);
    let scene = Scene::synced(SelfHeal::On, &maps).await;
    let gone = maps.remove(0);
    maps.push(config_map("more", json!({})));
    next_commit(&scene, &maps).await;
    let is_gone = async || scene.hands.get(&scene.of(&gone)).await.is_none().then_some(());
    eventually(BOUND, "the prune", is_gone).await;
    with_our_mark(&scene, &gone).await;
    told(&scene, "map-000").await;
    let before = scene.live(&scene.of(&gone)).await;
    maps.push(config_map("and-more", json!({})));
    next_commit(&scene, &maps).await;
    told(&scene, "map-000").await;
    assert_eq!(scene.live(&scene.of(&gone)).await, before);
}

/// The very object that was ours, which lost its mark, was forgotten for that, and has it again.
#[tokio::test(flavor = "multi_thread")]
async fn what_our_own_history_knows_is_pruned() {
    let mut maps = config_maps(4);
    let scene = Scene::synced(SelfHeal::Off, &maps).await;
    let lost = maps.remove(0);
    let strip = json!([{"op": "remove", "path": LABEL}]);
    scene.hands.patch(&scene.of(&lost), &strip).await;
    // Before the watch has told that, the commit would prune it: its uid is the one that was applied.
    scene.until("that it lost its mark", |state| state.status == SyncStatus::Drifted).await;
    maps.push(config_map("more", json!({})));
    next_commit(&scene, &maps).await;
    let forgotten = async || scene.rows().await.iter().all(|row| row.id.name != "map-000").then_some(());
    eventually(BOUND, "that it is forgotten", forgotten).await;
    assert!(scene.hands.get(&scene.of(&lost)).await.is_some(), "what is not ours is not deleted");
    let again = json!({"driftless.dev/application": scene.name});
    scene.hands.edit(&scene.of(&lost), "/metadata/labels", again).await;
    let is_gone = async || scene.hands.get(&scene.of(&lost)).await.is_none().then_some(());
    eventually(BOUND, "its end", is_gone).await;
    scene.until("no stray", |state| state.strays.is_empty()).await;
}
