//! What befalls a fleet, and what is true of the clusters then.

use std::time::Duration;

use bus::{Freshness, freshness};
use model::Aggregate;
use testkit::eventually;

use crate::scene::{Scene, all};

/// For a fleet that starts: two of a role that start together wait for each other for 20 s before they create;
/// the rest is for slow machines.
const BOUND: Duration = Duration::from_secs(90);

/// A dead differ or applier is noticed within 9 s; the rest is for listing again, and for slow machines.
const TAKEOVER: Duration = Duration::from_secs(40);

async fn two_and_two(applications: usize) -> Scene {
    let mut scene = Scene::new(applications, 2).await;
    for role in
        ["fetcher", "fetcher-2", "renderer", "renderer-2", "differ", "differ-2", "applier", "applier-2"]
    {
        scene.start(role);
    }
    scene
}

/// Commits, and waits until the rollout is under way.
async fn begin(scene: &Scene, value: &str, count: usize) {
    scene.commit(value, count);
    let expected = all(value, count);
    eventually(BOUND, "the first target", async || (scene.converged(&expected).await > 0).then_some(()))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_each_applies_a_commit() {
    let mut scene = Scene::new(2, 1).await;
    scene.commit("one", 2);
    for role in ["fetcher", "renderer", "differ", "applier"] {
        scene.start(role);
    }
    scene.converge(BOUND, &all("one", 2)).await;
    scene.commit("two", 2);
    scene.converge(BOUND, &all("two", 2)).await;
}

/// Which of two holds a cluster is chance: both are struck in turn, and each time the other remains.
#[tokio::test(flavor = "multi_thread")]
async fn killed_workers_are_replaced() {
    let mut scene = two_and_two(15).await;
    scene.commit("one", 4);
    scene.converge(BOUND, &all("one", 4)).await;
    for (value, count, struck) in [
        ("two", 5, ["fetcher", "renderer", "differ", "applier"]),
        ("three", 6, ["fetcher-2", "renderer-2", "differ-2", "applier-2"]),
    ] {
        begin(&scene, value, count).await;
        struck.iter().for_each(|role| drop(scene.roles.remove(role)));
        scene.converge(TAKEOVER, &all(value, count)).await;
        struck.into_iter().for_each(|role| scene.start(role));
    }
    scene.commit("four", 5);
    scene.converge(TAKEOVER, &all("four", 5)).await;
}

/// A process that stands still is replaced; when it goes on, it brings nothing back that was pruned meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn stopped_workers_are_replaced_and_do_no_harm_when_they_go_on() {
    let mut scene = two_and_two(15).await;
    scene.commit("one", 5);
    scene.converge(BOUND, &all("one", 5)).await;
    for (value, count, struck) in [("two", 6, ["differ", "applier"]), ("three", 5, ["differ-2", "applier-2"])]
    {
        begin(&scene, value, count).await;
        struck.iter().for_each(|role| scene.roles[role].signal("-STOP"));
        scene.converge(TAKEOVER, &all(value, count)).await;
        // What follows happens without them too.
        let (later, fewer) = (format!("{value} and a half"), count - 1);
        scene.commit(&later, fewer);
        scene.converge(TAKEOVER, &all(&later, fewer)).await;
        struck.iter().for_each(|role| scene.roles[role].signal("-CONT"));
        let last = format!("{value} and more");
        scene.commit(&last, fewer);
        scene.converge(TAKEOVER, &all(&last, fewer)).await;
    }
}

/// A differ that stands still says nothing any more: its statuses count no more until another one has looked.
#[tokio::test(flavor = "multi_thread")]
async fn a_status_does_not_outlive_the_differ_that_stands_still() {
    let mut scene = Scene::new(1, 1).await;
    let log = bus::open(bus::LogConfig::nats(scene.nats.url())).await.unwrap();
    let cluster = Aggregate::Cluster("alpha".parse().unwrap());
    let until = async |what: &str, is: fn(&Freshness) -> bool| {
        let probe = async || {
            let now = freshness(&cluster, &log.members("differ").await.unwrap(), bus::freshness::STALE_AFTER);
            is(&now).then_some(now)
        };
        eventually(TAKEOVER, what, probe).await
    };
    scene.start("differ");
    let Freshness::Fresh { by: first, .. } = until("fresh", is_fresh).await else { unreachable!() };
    scene.roles["differ"].signal("-STOP");
    until("nobody", |now| *now == Freshness::Unknown { owner: None }).await;
    scene.start("differ-2");
    let Freshness::Fresh { by: second, .. } = until("fresh again", is_fresh).await else { unreachable!() };
    assert_ne!(first, second);
}

fn is_fresh(now: &Freshness) -> bool {
    matches!(now, Freshness::Fresh { .. })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_the_broker_is_survived() {
    let mut scene = two_and_two(15).await;
    scene.commit("one", 3);
    scene.converge(BOUND, &all("one", 3)).await;
    begin(&scene, "two", 4).await;
    scene.nats.kill();
    scene.nats.run().await;
    scene.converge(TAKEOVER, &all("two", 4)).await;
    // Now for so long that every claim ends.
    scene.commit("three", 5);
    scene.nats.kill();
    let down = tokio::time::timeout(Duration::from_secs(15), std::future::pending::<()>()).await;
    assert!(down.is_err());
    scene.nats.run().await;
    scene.converge(TAKEOVER, &all("three", 5)).await;
}
