//! A status says how old it is and who evaluated it, and turns stale by itself.

use std::time::Duration;

use bus::Freshness;
use events::state::{SyncStatus, TargetState};
use serde_json::json;
use testkit::{
    cluster::{Part, Signal},
    eventually,
};

use crate::scene::{BOUND, Scene, config_map, config_maps};

/// So often is everything looked at here.
const SWEEP: Duration = Duration::from_millis(300);

/// A few sweeps of the scene's differ.
const STALE: Duration = Duration::from_secs(6);

async fn until(scene: &Scene, what: &str, is: impl Fn(&Freshness) -> bool) -> Freshness {
    let probe = async || {
        let now = scene.freshness(STALE).await;
        is(&now).then_some(now)
    };
    eventually(BOUND, what, probe).await
}

fn age(freshness: &Freshness) -> Option<Duration> {
    match freshness {
        Freshness::Fresh { by, age } | Freshness::Stale { by, age } if by == "scenarios" => Some(*age),
        Freshness::Fresh { .. } | Freshness::Stale { .. } | Freshness::Unknown { .. } => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_in_sync_turns_stale_while_the_server_is_silent_and_fresh_when_it_is_back() {
    let cluster = testkit::cluster::own("stale");
    let scene = Scene::sweeping(SWEEP, &cluster, &config_maps(2)).await;
    scene.in_sync().await;
    let fresh = until(&scene, "fresh", |it| matches!(it, Freshness::Fresh { .. })).await;
    assert!(age(&fresh).is_some(), "{fresh:?}");
    // Nothing happens in this cluster, and still its status does not age beyond a sweep.
    scene.sweeps(3).await;
    let told = scene.told().await.len();
    cluster.signal(Part::ApiServer, Signal::Stop);
    let stale = until(&scene, "stale", |it| matches!(it, Freshness::Stale { .. })).await;
    assert!(age(&stale).is_some_and(|age| age > STALE), "{stale:?}");
    let told = scene.told().await.split_off(told);
    assert!(
        told.iter().all(|(_, state)| state.status == SyncStatus::InSync),
        "nothing else says so: {told:?}"
    );
    cluster.signal(Part::ApiServer, Signal::Continue);
    until(&scene, "fresh again", |it| matches!(it, Freshness::Fresh { .. })).await;
}

/// The worker lives, the server answers, and the log is heard: only what the application desires cannot be read.
#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_cannot_be_evaluated_says_so_and_is_not_in_sync() {
    let map = config_map("small", json!({"from": "git"}));
    let scene =
        Scene::sweeping(SWEEP, &testkit::cluster::real("scenarios"), std::slice::from_ref(&map)).await;
    scene.in_sync().await;
    until(&scene, "fresh", |it| matches!(it, Freshness::Fresh { .. })).await;
    // More than an event holds, so that it is kept in a blob, which is gone before the differ reads it.
    let large = config_map("large", json!({"text": "x".repeat(60_000)}));
    scene.stuck.lose_blobs();
    scene.commit(&[map, large.clone()]);
    scene.fetch().await;
    let lost = |state: &TargetState| state.refused.as_ref().is_some_and(|it| it.code == "BLOB-MISSING");
    let told = scene.until("what is lost", lost).await;
    assert_eq!(told.status, SyncStatus::Unknown);
    until(&scene, "fresh", |it| matches!(it, Freshness::Fresh { .. })).await;
    scene.stuck.go_on();
    scene.seen("the object", &scene.of(&large), |_| true).await;
    assert_eq!(scene.in_sync().await.refused, None);
}
