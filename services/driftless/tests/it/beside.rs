//! `driftless up` more than once on one broker, and what it leaves when it is stopped at work.

use std::fs;

use bus::LogConfig;
use events::{
    EventType,
    state::{SyncState, decode},
};
use model::{Aggregate, TargetId};
use serde_json::{Value, json};
use testkit::{NatsServer, eventually};

use crate::{
    apart,
    api::{core, version},
    platform::{BOUND, Platform, definitions},
    scene::Scene,
    shop,
};

/// Generations of the syncs that were begun, oldest first.
async fn begun(url: &str, name: &str) -> Vec<u64> {
    let log = bus::open(LogConfig::nats(url)).await.unwrap();
    let target = TargetId { cluster: "eu".parse().unwrap(), application: name.parse().unwrap() };
    let mut events = log.history(&Aggregate::Sync(target), 256).await.unwrap();
    events.reverse();
    let started = events.iter().filter(|event| event.draft.kind == EventType::SyncStarted);
    let state = started.map(|event| decode::<SyncState>(event.draft.format, &event.draft.payload).unwrap());
    state.map(|state| state.generation).collect()
}

fn evaluated_by(status: &Value) -> Option<&str> {
    (status["evaluated"]["state"] == "Fresh").then(|| status["evaluated"]["by"].as_str()).flatten()
}

#[tokio::test]
async fn of_two_platforms_on_one_broker_the_other_carries_on_alone() {
    let (one, other) = (Scene::new(), Scene::new());
    let first = one.repository.commit(&shop::FILES);
    let broker = NatsServer::start(one.folder()).await;
    let url = broker.url();
    let key = one.folder().join("key");
    fs::write(&key, apart::key()).unwrap();
    let key = key.display().to_string();
    let options = ["--nats", &url, "--key", &key];
    let warnings = [("DRIFTLESS_LOG", "warn".to_owned())];
    let mut platforms = vec![];
    for scene in [&one, &other] {
        platforms.push(Platform::within(scene, definitions(&one), (&options, &warnings)).await);
    }
    for platform in &platforms {
        platform.in_sync_at(&first).await;
    }
    // Whoever is asked, the same platform answers: both know what only one of them did.
    let status = platforms[1].until("an evaluation", |it| evaluated_by(it).is_some()).await;
    let holder = platforms.iter().position(|it| it.is(evaluated_by(&status).unwrap())).unwrap();
    drop(platforms.remove(holder));
    let left = &platforms[0];
    // Whether the broker flushes could not be asked.
    assert!(left.said().contains("a power failure loses acknowledged events"), "{}", left.said());
    let second = one.repository.commit(&[("deploy/config.yaml", &shop::CONFIG.replace("blue", "green"))]);
    let synced = left.ask(&["sync", &one.name]);
    assert_eq!(synced.exit, 0, "{synced}");
    left.in_sync_at(&second).await;
    assert_eq!(one.api.object(&core(&one.name, "configmaps", "settings"))["data"]["colour"], "green");
    left.until("its own word", |it| evaluated_by(it).is_some_and(|name| left.is(name))).await;
    let generations = begun(&url, &one.name).await;
    assert!(generations.is_sorted_by(|a, b| a < b), "a sync was begun twice: {generations:?}");
}

const MAPS: usize = 500;

fn maps(scene: &Scene, value: &str) -> String {
    let text = |i| {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("map-{i:04}")}, "data": {"value": value}})
            .to_string()
    };
    let all = (0..MAPS).map(text).collect::<Vec<_>>().join("\n---\n");
    scene.repository.commit(&[("deploy/maps.yaml", &all)])
}

/// Each object's value and version.
fn written(scene: &Scene) -> Vec<(Value, Value)> {
    let list = scene.api.get(&format!(
        "/api/v1/namespaces/{0}/configmaps?labelSelector=driftless.dev/application={0}",
        scene.name
    ));
    let items = list.map(|mut list| list["items"].take()).unwrap_or_default();
    let items = items.as_array().cloned().unwrap_or_default();
    items.iter().map(|map| (map["data"]["value"].clone(), version(map).into())).collect()
}

/// It ends cleanly, and whoever is started next does the rest and nothing twice.
#[tokio::test]
async fn a_platform_that_is_stopped_in_the_middle_of_a_sync_ends_cleanly_and_is_carried_on() {
    let scene = Scene::new();
    let mut interrupted = 0;
    // A sync may be too fast to be caught in the middle, once or twice.
    for round in 0..8 {
        let value = format!("round {round}");
        let done = |(found, _): &&(Value, Value)| *found == *value;
        let commit = maps(&scene, &value);
        let platform = Platform::up(&scene, &[]).await;
        eventually(BOUND, "a write", async || written(&scene).iter().any(|map| done(&map)).then_some(()))
            .await;
        assert_eq!(platform.stop(), 0);
        let before: Vec<_> = written(&scene).into_iter().filter(|map| done(&map)).collect();
        let platform = Platform::up(&scene, &[]).await;
        platform.in_sync_at(&commit).await;
        let after = written(&scene);
        assert_eq!((after.len(), after.iter().filter(done).count()), (MAPS, MAPS));
        assert_eq!(platform.stop(), 0);
        if before.len() < MAPS {
            let again = before.iter().filter(|map| !after.contains(map)).count();
            assert_eq!(again, 0, "of {} that were written", before.len());
            interrupted += 1;
        }
        if interrupted == 2 {
            return;
        }
    }
    panic!("no sync was caught in the middle");
}
