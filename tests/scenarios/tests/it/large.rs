//! What is to be told of a target takes more than an event holds.

use events::{
    Table,
    state::{DriftedObject, SyncStatus},
};
use serde_json::{Map, Value, json};

use crate::scene::{Scene, SelfHeal, config_map};

/// Twenty values, each under a name as long as the API server takes it.
fn values(of: &str) -> Value {
    let entry = |i: usize| (format!("{i:0>253}"), Value::from(of));
    Value::Object((0..20).map(entry).collect::<Map<_, _>>())
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_that_fits_into_no_event_is_told_and_the_differ_goes_on() {
    let maps: Vec<Value> = (0..8).map(|i| config_map(&format!("map-{i}"), values("git"))).collect();
    let scene = Scene::synced(SelfHeal::Off, &maps).await;
    let live: Vec<Value> = maps.iter().map(|map| scene.of(map)).collect();
    for map in &live {
        scene.hands.patch(map, &json!([{"op": "replace", "path": "/data", "value": values("hand")}])).await;
    }
    let state = scene.until("all drift", |state| state.drift.len() == 8).await;
    assert_eq!(state.status, SyncStatus::Drifted);
    let rows: Vec<DriftedObject> = scene.all_rows(&state.drift).await;
    assert!(matches!(state.drift, Table::Paged { .. }) && rows.iter().all(|row| row.fields.len() == 20));
    for map in &live {
        scene.hands.patch(map, &json!([{"op": "replace", "path": "/data", "value": values("git")}])).await;
    }
    scene.until("its end", |state| state.status == SyncStatus::InSync && state.drift.is_empty()).await;
}
