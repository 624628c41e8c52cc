//! A slip in the fleet repository, as the person meets it who made it: held back, approved, taken back.

use serde_json::Value;
use testkit::eventually;

use crate::{
    api::core,
    fleet::{LABEL, config_map, definitions},
    platform::{BOUND, Platform},
    repository::Repository,
    scene::Scene,
};

const OBJECTS: [&str; 4] = ["a", "b", "c", "d"];

/// Uid and our mark of each object.
fn objects(scene: &Scene) -> Vec<(Value, Value)> {
    let object = |name: &&str| scene.api.get(&core(&scene.name, "configmaps", name));
    let told =
        |object: Value| (object["metadata"]["uid"].clone(), object["metadata"]["labels"][LABEL].clone());
    OBJECTS.iter().filter_map(object).map(told).collect()
}

/// Waits until every object is there, with or without our mark.
async fn until_marked(scene: &Scene, what: &str, marked: fn(&Value) -> bool) -> Vec<Value> {
    eventually(BOUND, what, async || {
        let found = objects(scene);
        let all = found.len() == OBJECTS.len() && found.iter().all(|(_, mark)| marked(mark));
        all.then(|| found.into_iter().map(|(uid, _)| uid).collect())
    })
    .await
}

async fn held(platform: &Platform<'_>) -> String {
    eventually(BOUND, "the guard of the fleet", async || {
        let told = platform.ask(&["status"]);
        let (_, rest) = told.out.split_once("definitions rejected: GUARD-FLEET: all 4 objects")?;
        let (_, digest) = rest.split_once("driftless approve ")?;
        Some(digest.split_whitespace().next()?.to_owned())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slip_in_a_label_lets_nothing_go_unless_it_is_approved_and_is_taken_back_by_a_revert() {
    let scene = Scene::new();
    let text: String = OBJECTS.iter().map(|name| config_map(name) + "---\n").collect();
    scene.repository.commit(&[("one/all.yaml", &text)]);
    let fleet = Repository::new();
    let good = definitions(&scene, &["one"]);
    fleet.commit(&[("all.yaml", &good)]);
    let url = fleet.url();
    let platform = Platform::with(&scene, &["--fleet", &url, "--fleet-poll", "1s"]).await;
    let before = until_marked(&scene, "the objects", Value::is_string).await;
    platform.until("in sync", |it| it["sync"] == "InSync").await;

    let slip = good.replace("labels: {env: test}", "labels: {env: tset}");
    let slipped = fleet.commit(&[("all.yaml", &slip)]);
    let digest = held(&platform).await;
    assert_eq!(until_marked(&scene, "the objects", Value::is_string).await, before);
    platform.ask(&["approve", &"0".repeat(64)]).failed(1, "API-NOT-HELD");

    let approved = platform.ask(&["approve", &digest]);
    assert_eq!((approved.exit, approved.out), (0, format!("in force at {slipped}\n")));
    assert_eq!(until_marked(&scene, "the objects let go of", Value::is_null).await, before);
    platform.ask(&["approve", &digest]).failed(1, "API-NOT-HELD");

    // The same again is another time.
    fleet.commit(&[("all.yaml", &good)]);
    assert_eq!(until_marked(&scene, "the objects taken back", Value::is_string).await, before);
    let status = platform.until("in sync again", |it| it["sync"] == "InSync").await;
    assert_eq!((&status["objects"], &status["problem"]), (&Value::from(4), &Value::Null));
    fleet.commit(&[("all.yaml", &slip)]);
    assert_eq!(held(&platform).await, digest);
    assert_eq!(until_marked(&scene, "the objects", Value::is_string).await, before);
}
