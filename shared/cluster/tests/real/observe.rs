//! What an observer sees of a cluster that dies, comes back, or is brought back from a backup.

use std::{
    path::Path,
    pin::Pin,
    process::Command,
    time::{Duration, Instant},
};

use cluster::{ClusterError, Force, Observation, WatchEvent};
use futures::{Stream, StreamExt};
use serde_json::json;
use testkit::cluster::{Part, Signal, TestCluster};
use tokio::time::timeout;

use crate::fixture::{Fixture, config_maps};

type Observations = Pin<Box<dyn Stream<Item = Observation> + Send>>;

fn observe(fixture: &Fixture) -> Observations {
    Box::pin(fixture.client.observe(&config_maps(), Some(&fixture.namespace), "app=test"))
}

/// Reads on until an observation is the one looked for, and returns it.
async fn until(
    observations: &mut Observations,
    what: &str,
    wanted: impl Fn(&Observation) -> bool,
) -> Observation {
    let found = async {
        loop {
            let observation = observations.next().await.unwrap();
            if wanted(&observation) {
                return observation;
            }
        }
    };
    // A pause between attempts lasts at most 30 s.
    timeout(Duration::from_secs(60), found).await.unwrap_or_else(|_| panic!("never seen: {what}"))
}

fn is_upsert(observation: &Observation, name: &str) -> bool {
    matches!(observation, Observation::Upsert(live) if live.id.name == name)
}

fn is_current(observation: &Observation) -> bool {
    matches!(observation, Observation::Current { .. })
}

fn is_listed(observation: &Observation) -> bool {
    matches!(observation, Observation::Listed { .. })
}

async fn apply(fixture: &Fixture, name: &str) {
    fixture.apply(&fixture.config_map(name, json!({"k": "1"})), "m", Force::No).await.unwrap();
}

fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-r").args([from, to]).status().unwrap();
    assert!(done.success());
}

fn kill(cluster: &TestCluster) {
    cluster.signal(Part::ApiServer, Signal::Kill);
    cluster.signal(Part::Etcd, Signal::Kill);
}

#[tokio::test]
async fn an_observer_survives_a_restart_and_notices_a_restore() {
    let cluster = testkit::cluster::own("observe");
    let state = cluster.state();
    let fixture = Fixture::on(&cluster).await;
    apply(&fixture, "first").await;
    let mut observations = observe(&fixture);
    until(&mut observations, "the first object", |seen| is_upsert(seen, "first")).await;
    until(&mut observations, "the watch", is_current).await;

    kill(&cluster);
    until(&mut observations, "the end", |seen| matches!(seen, Observation::Unavailable(_))).await;
    copy(&state.join("etcd"), &state.join("backup"));
    cluster.restart();
    until(&mut observations, "the server's return", is_listed).await;
    apply(&fixture, "second").await;
    until(&mut observations, "an object made after the restart", |seen| is_upsert(seen, "second")).await;

    // The new process keeps no events from before its start.
    let watch = fixture.client.watch(&config_maps(), Some(&fixture.namespace), "", "1");
    assert_eq!(watch.collect::<Vec<_>>().await, [Ok(WatchEvent::Gone)]);

    // A cluster writes some versions while it starts: more must be lost than that to be seen from the number.
    for round in 0..200 {
        fixture
            .apply(&fixture.config_map("second", json!({"round": round.to_string()})), "m", Force::No)
            .await
            .unwrap();
    }
    until(
        &mut observations,
        "the last round",
        |seen| matches!(seen, Observation::Upsert(live) if live.value.value()["data"]["round"] == "199"),
    )
    .await;
    kill(&cluster);
    std::fs::remove_dir_all(state.join("etcd")).unwrap();
    std::fs::rename(state.join("backup"), state.join("etcd")).unwrap();
    cluster.restart();
    until(&mut observations, "the restore", |seen| matches!(seen, Observation::Restored { .. })).await;
    let listed = until(&mut observations, "a list", is_listed).await;
    let Observation::Listed { present, .. } = listed else { unreachable!() };
    assert_eq!(present.keys().map(|id| id.name.as_str()).collect::<Vec<_>>(), ["first"]);
}

#[tokio::test]
async fn a_server_that_goes_silent_is_noticed() {
    let cluster = testkit::cluster::own("silent");
    let fixture = Fixture::on(&cluster).await;
    let mut observations = observe(&fixture);
    until(&mut observations, "the watch", is_current).await;
    cluster.signal(Part::ApiServer, Signal::Stop);
    let body = fixture.config_map("a", json!({}));
    let (applied, _) = tokio::join!(
        fixture.apply(&body, "m", Force::No),
        until(&mut observations, "the silence", |seen| matches!(seen, Observation::Unavailable(_))),
    );
    assert!(matches!(applied, Err(ClusterError::Timeout { .. })), "{applied:?}");
    cluster.signal(Part::ApiServer, Signal::Continue);
    until(&mut observations, "the server's return", is_listed).await;
}

#[tokio::test]
async fn a_server_that_was_away_for_long_is_noticed_within_seconds() {
    let cluster = testkit::cluster::own("away");
    let fixture = Fixture::on(&cluster).await;
    let mut observations = observe(&fixture);
    until(&mut observations, "the watch", is_current).await;
    kill(&cluster);
    // As many as bring the waits to their longest.
    for _ in 0..6 {
        until(&mut observations, "a failure", |seen| matches!(seen, Observation::Unavailable(_))).await;
    }
    cluster.restart();
    let back = Instant::now();
    until(&mut observations, "the server's return", is_listed).await;
    assert!(back.elapsed() < Duration::from_secs(6), "{:?}", back.elapsed());
}

/// As many as one client carries, over more connections than one; the next one is told at once, not left to wait.
#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_watches_are_open_at_once_and_one_more_is_refused() {
    let fixture = Fixture::new().await;
    let namespaces = (0..cluster::WATCHES_MAX).map(|at| format!("{}-{at}", fixture.namespace));
    let mut open: Vec<Observations> = vec![];
    for namespace in namespaces {
        open.push(Box::pin(fixture.client.observe(&config_maps(), Some(&namespace), "app=test")));
    }
    let opening = open.iter_mut().map(|watch| until(watch, "an open watch", is_current));
    let opened = futures::future::join_all(opening);
    timeout(Duration::from_secs(60), opened).await.expect("every watch is open");
    let mut more = observe(&fixture);
    let refused =
        |it: &Observation| matches!(it, Observation::Unavailable(ClusterError::TooManyWatches { .. }));
    until(&mut more, "the refusal of one more", refused).await;
    // Whoever ends makes room.
    open.pop();
    until(&mut more, "an open watch", is_current).await;
}
