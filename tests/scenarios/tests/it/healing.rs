//! Somebody edits what we applied, while the services run.

use events::{EventType, Table, state::SyncStatus};
use serde_json::json;

use crate::{
    hands::version,
    proxy::Request,
    scene::{Scene, SelfHeal, config_map},
};

fn colours() -> [serde_json::Value; 2] {
    [config_map("a", json!({"colour": "blue", "size": "large"})), config_map("b", json!({"colour": "blue"}))]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owned_field_comes_back_and_one_of_others_stays() {
    let scene = Scene::synced(SelfHeal::On, &colours()).await;
    let [a, b] = colours().map(|object| scene.of(&object));
    let writes = scene.proxy.written().len();
    let others = scene.hands.edit(&a, "/data/added", "by hand").await;
    // Watches keep the order: when this one is healed, the edit before it has been judged.
    scene.hands.edit(&b, "/data/colour", "red").await;
    scene.seen("the heal", &b, |live| live["data"] == json!({"colour": "blue"})).await;
    scene
        .until("the end of the drift", |state| state.status == SyncStatus::InSync && state.drift.is_empty())
        .await;

    assert_eq!(version(&scene.live(&a).await), version(&others), "it was written");
    let written = scene.proxy.written();
    assert_eq!(written.len() - writes, 1, "{written:#?}");
    assert_eq!(scene.proxy.count(Request::is_dry_run), 1, "the edit of an unowned field asks nothing");
    let told = scene.told().await;
    let detected: Vec<_> =
        told.iter().filter(|(event, _)| event.draft.kind == EventType::DriftDetected).collect();
    assert_eq!(detected.len(), 1);
    let Table::Inline(drift) = &detected[0].1.drift else { panic!("a short table") };
    assert_eq!((drift.len(), drift[0].id.name.as_str()), (1, "b"));
    assert_eq!(
        (&drift[0].fields[..], &drift[0].managers[..]),
        (&["data.colour".into()][..], &["kubectl-edit".into()][..])
    );
    assert_eq!(scene.count(EventType::DriftResolved).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_object_comes_back_and_one_of_others_is_not_missed() {
    let scene = Scene::synced(SelfHeal::On, &colours()).await;
    let [a, _] = colours().map(|object| scene.of(&object));
    let foreign = scene.of(&config_map("foreign", json!({})));
    scene.hands.apply("alice", &foreign).await;
    let before = scene.live(&a).await["metadata"]["uid"].clone();
    let writes = scene.proxy.written().len();
    scene.hands.delete(&foreign).await;
    scene.hands.delete(&a).await;
    scene.seen("the object", &a, |live| live["metadata"]["uid"] != before).await;
    scene
        .until("the end of the drift", |state| state.status == SyncStatus::InSync && state.drift.is_empty())
        .await;
    assert_eq!(scene.proxy.written().len() - writes, 1, "{:?}", scene.proxy.written());
    assert!(scene.hands.get(&foreign).await.is_none());
}

/// Watches select by our label: without it an object is not shown any more, and still it is there.
#[tokio::test(flavor = "multi_thread")]
async fn an_object_whose_label_was_taken_off_is_neither_gone_nor_lost() {
    let scene = Scene::synced(SelfHeal::On, &colours()).await;
    let [a, _] = colours().map(|object| scene.of(&object));
    let before = scene.live(&a).await["metadata"]["uid"].clone();
    let writes = scene.proxy.written().len();
    let label = json!([
        {"op": "remove", "path": "/metadata/labels/driftless.dev~1application"},
        {"op": "replace", "path": "/data/colour", "value": "red"},
    ]);
    scene.hands.patch(&a, &label).await;
    let ours = |live: &serde_json::Value| live["metadata"]["labels"]["driftless.dev/application"].is_string();
    let live = scene.seen("the heal", &a, |live| ours(live) && live["data"]["colour"] == "blue").await;
    assert_eq!(live["metadata"]["uid"], before, "it is healed, not made anew");
    scene
        .until("the end of the drift", |state| state.status == SyncStatus::InSync && state.drift.is_empty())
        .await;
    assert_eq!(scene.proxy.written().len() - writes, 1, "{:?}", scene.proxy.written());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fight_waits_two_then_six_seconds() {
    let scene = Scene::synced(SelfHeal::On, &colours()).await;
    let [a, b] = colours().map(|object| scene.of(&object));
    for heal in 1..=3 {
        scene.hands.edit(&a, "/data/colour", "red").await;
        scene.seen("the heal", &a, |live| live["data"]["colour"] == "blue").await;
        let counted = scene
            .until("the count", |state| {
                state.status == SyncStatus::InSync && state.heals.iter().any(|it| it.attempts == heal)
            })
            .await;
        assert_eq!(counted.heals.len(), 1, "{:?}", counted.heals);
        // Another object does not pay for it.
        if heal == 2 {
            scene.hands.edit(&b, "/data/colour", "green").await;
            let state =
                scene.until("the other", |state| state.heals.len() == 2 && state.drift.is_empty()).await;
            assert!(state.heals.iter().any(|it| it.id.name == "b" && it.attempts == 1));
            // Its record would stand in the way of the next count.
            break;
        }
    }
    scene.hands.edit(&a, "/data/colour", "red").await;
    scene.seen("the heal", &a, |live| live["data"]["colour"] == "blue").await;
    let told = scene.until("the third", |state| state.heals.iter().any(|it| it.attempts == 3)).await;
    assert_eq!(told.status, SyncStatus::Drifted, "told with the plan");
    let mut heals: Vec<i64> = vec![];
    for (_, state) in scene.told().await {
        let last = state.heals.iter().find(|heal| heal.id.name == "a").map(|heal| heal.last.as_millis());
        heals.extend(last.filter(|last| heals.last() != Some(last)));
    }
    let waits: Vec<i64> = heals.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(waits.len() == 2 && waits[0] >= 2_000 && waits[1] >= 6_000, "{waits:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_self_heal_drift_is_told_and_left() {
    let scene = Scene::synced(SelfHeal::Off, &colours()).await;
    let [a, b] = colours().map(|object| scene.of(&object));
    let writes = scene.proxy.written().len();
    let red = scene.hands.edit(&a, "/data/colour", "red").await;
    let state = scene.until("the drift", |state| !state.drift.is_empty()).await;
    assert_eq!(state.status, SyncStatus::Drifted);
    scene.hands.delete(&b).await;
    scene
        .until("the second drift", |state| matches!(&state.drift, Table::Inline(rows) if rows.len() == 2))
        .await;
    scene.hands.apply("bob", &b).await;
    assert_eq!(version(&scene.live(&a).await), version(&red));
    scene.hands.edit(&a, "/data/colour", "blue").await;
    scene
        .until(
            "one drift less",
            |state| matches!(&state.drift, Table::Inline(rows) if rows.iter().all(|row| row.id.name == "b")),
        )
        .await;
    assert_eq!(scene.proxy.written().len(), writes, "{:?}", scene.proxy.written());
    assert!(scene.count(EventType::DriftDetected).await >= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_self_heal_the_end_of_drift_is_told() {
    let scene = Scene::synced(SelfHeal::Off, &colours()).await;
    let [a, _] = colours().map(|object| scene.of(&object));
    let writes = scene.proxy.written().len();
    scene.hands.edit(&a, "/data/colour", "red").await;
    scene.until("the drift", |state| state.status == SyncStatus::Drifted).await;
    let blue = scene.hands.edit(&a, "/data/colour", "blue").await;
    let state = scene.until("its end", |state| state.drift.is_empty()).await;
    assert_eq!(state.status, SyncStatus::InSync);
    assert_eq!(
        (scene.count(EventType::DriftDetected).await, scene.count(EventType::DriftResolved).await),
        (1, 1)
    );
    assert_eq!(version(&scene.live(&a).await), version(&blue));
    assert_eq!(scene.proxy.written().len(), writes);
}
