//! An API server that goes away and comes back.

use std::time::Duration;

use events::{
    EventType,
    state::{Reachability, SyncStatus},
};
use testkit::cluster::{Part, Signal};

use crate::scene::{Scene, SelfHeal, config_maps};

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_a_killed_server_interrupts_is_done_when_it_is_back() {
    let cluster = testkit::cluster::own("scenarios");
    let maps = config_maps(200);
    let scene = Scene::begun(&cluster, SelfHeal::On, &maps).await;
    scene.seen("an early object", &scene.of(&maps[5]), |_| true).await;
    cluster.signal(Part::ApiServer, Signal::Kill);
    cluster.restart();
    scene.until("in sync", |state| state.status == SyncStatus::InSync).await;
    let rows = scene.rows().await;
    assert_eq!(rows.len(), maps.len());
    for (row, map) in rows.iter().zip(&maps) {
        let live = scene.live(&scene.of(map)).await;
        assert_eq!(row.uid.as_deref(), live["metadata"]["uid"].as_str(), "{}", row.id);
    }
    // What could not be seen was never taken for gone, nor for somebody else's.
    assert_eq!(scene.count(EventType::DriftDetected).await, 0);
    assert_eq!(scene.count(EventType::PlanRefused).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_edited_while_nobody_watched_is_healed_after_a_restart() {
    let cluster = testkit::cluster::own("scenarios");
    let maps = config_maps(3);
    let scene = Scene::begun(&cluster, SelfHeal::On, &maps).await;
    scene.in_sync().await;
    cluster.signal(Part::ApiServer, Signal::Kill);
    cluster.restart();
    scene.hands.edit(&scene.of(&maps[1]), "/data/from", "hand").await;
    scene.seen("the heal", &scene.of(&maps[1]), |live| live["data"]["from"] == "git").await;
    scene.until("in sync", |state| state.status == SyncStatus::InSync && state.drift.is_empty()).await;
    let healed: Vec<_> = scene.told().await.into_iter().flat_map(|(_, state)| state.heals).collect();
    assert!(!healed.is_empty() && healed.iter().all(|heal| heal.id.name == "map-001"), "{healed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_dies_is_told_though_nothing_waits_for_it() {
    let cluster = testkit::cluster::own("dies");
    let scene = Scene::begun(&cluster, SelfHeal::On, &config_maps(1)).await;
    scene.in_sync().await;
    cluster.signal(Part::ApiServer, Signal::Kill);
    scene.cluster_until("told as dead", |told| matches!(told, Reachability::Unreachable { .. })).await;
    cluster.restart();
    scene.cluster_until("told as back", |told| matches!(told, Reachability::Connected { .. })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_takes_connections_and_answers_nothing_is_told_and_got_over() {
    let cluster = testkit::cluster::own("silent");
    let maps = config_maps(2);
    // Only a sweep doubts a server whose watches just stand still.
    let scene = Scene::sweeping(Duration::from_secs(5), &cluster, &maps).await;
    scene.in_sync().await;
    let told = scene.told().await.len();
    cluster.signal(Part::ApiServer, Signal::Stop);
    scene.cluster_until("told as silent", |told| matches!(told, Reachability::Unreachable { .. })).await;
    cluster.signal(Part::ApiServer, Signal::Continue);
    scene.cluster_until("told as back", |told| matches!(told, Reachability::Connected { .. })).await;
    scene.hands.edit(&scene.of(&maps[1]), "/data/from", "hand").await;
    scene.seen("the heal", &scene.of(&maps[1]), |live| live["data"]["from"] == "git").await;
    scene.until("in sync", |state| state.status == SyncStatus::InSync && state.drift.is_empty()).await;
    let drift = scene.told().await.split_off(told).into_iter().map(|(_, state)| state.drift);
    for table in drift {
        let events::Table::Inline(rows) = table else { panic!("a short table") };
        assert!(
            rows.iter().all(|row| row.id.name == "map-001"),
            "what is not answered is not gone: {rows:?}"
        );
    }
}
