//! Faults over the wire.

use std::time::{Duration, Instant};

use cluster::{ClusterError, Force, WatchEvent};
use futures::StreamExt;
use kubesim::{Effect, Fault, Matching};
use tokio::time::timeout;

use crate::{Fixture, NAME, config_map, config_maps, id_of};

const SOON: Duration = Duration::from_secs(60);

fn on(verb: &str, effect: Effect, times: Option<u32>) -> Fault {
    Fault { matching: Matching { verb: Some(verb.into()), ..Matching::default() }, effect, times }
}

#[tokio::test]
async fn throttling_says_when_to_come_again() {
    let fixture = Fixture::new().await;
    fixture.simulator.fault(NAME, on("patch", Effect::Refuse { code: 429, retry_after: Some(3) }, Some(1)));
    let error = fixture.apply(&config_map("a", "1"), Force::No).await.unwrap_err();
    let ClusterError::Throttled { retry_after, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*retry_after, Some(Duration::from_secs(3)));
    fixture.apply(&config_map("a", "1"), Force::No).await.unwrap();
}

#[tokio::test]
async fn a_slow_answer_comes_and_a_lost_one_has_happened() {
    let fixture = Fixture::new().await;
    let (slow, begun) = (Duration::from_millis(200), Instant::now());
    fixture.simulator.fault(NAME, on("patch", Effect::Delay(slow), Some(1)));
    fixture.apply(&config_map("a", "1"), Force::No).await.unwrap();
    assert!(begun.elapsed() >= slow);

    fixture.simulator.fault(NAME, on("patch", Effect::LoseAnswer, Some(1)));
    let error = fixture.apply(&config_map("b", "1"), Force::No).await.unwrap_err();
    assert!(matches!(error, ClusterError::Timeout { .. }), "{error:?}");
    assert!(fixture.client.get(&config_maps(), &id_of(&config_map("b", "1"))).await.unwrap().is_some());
}

#[tokio::test]
async fn a_watch_breaks_off() {
    let fixture = Fixture::new().await;
    fixture.simulator.fault(NAME, on("watch", Effect::DropWatch(1), Some(1)));
    let from = fixture.client.list(&config_maps(), None, "").await.unwrap().resource_version;
    let mut watch = Box::pin(fixture.client.watch(&config_maps(), None, "app=test", &from));
    for name in ["a", "b"] {
        fixture.apply(&config_map(name, "1"), Force::No).await.unwrap();
    }
    let first = timeout(SOON, watch.next()).await.unwrap().unwrap().unwrap();
    assert!(matches!(first, WatchEvent::Added(live) if live.id.name == "a"));
    let second = timeout(SOON, watch.next()).await.unwrap();
    assert!(matches!(second, Some(Err(ClusterError::Unreachable { .. }))), "{second:?}");
    // The fault is used up: the next one goes on where this one broke.
    let mut watch = Box::pin(fixture.client.watch(&config_maps(), None, "app=test", &from));
    let names = [watch.next().await, watch.next().await].map(|event| match event {
        Some(Ok(WatchEvent::Added(live))) => live.id.name,
        other => panic!("{other:?}"),
    });
    assert_eq!(names, ["a", "b"]);
}

#[tokio::test]
async fn a_mute_watch_tells_nothing_more() {
    let fixture = Fixture::new().await;
    fixture.simulator.fault(NAME, on("watch", Effect::MuteWatch(1), None));
    let from = fixture.client.list(&config_maps(), None, "").await.unwrap().resource_version;
    let mut watch = Box::pin(fixture.client.watch(&config_maps(), None, "app=test", &from));
    for name in ["a", "b"] {
        fixture.apply(&config_map(name, "1"), Force::No).await.unwrap();
    }
    let first = timeout(SOON, watch.next()).await.unwrap().unwrap().unwrap();
    assert!(matches!(first, WatchEvent::Added(live) if live.id.name == "a"));
    assert!(timeout(Duration::from_millis(300), watch.next()).await.is_err());
}
