//! An object that is deleted, and that somebody holds.

use serde_json::json;

use crate::scene::{Scene, SelfHeal, config_map};

#[tokio::test(flavor = "multi_thread")]
async fn a_finalizer_that_nobody_removes_is_named_in_the_status() {
    let [a, b] = ["a", "b"].map(|name| config_map(name, json!({"k": "v"})));
    let scene = Scene::synced(SelfHeal::On, &[a.clone(), b.clone()]).await;
    let held = scene.of(&a);
    let wait = json!([{"op": "add", "path": "/metadata/finalizers", "value": ["example.com/wait"]}]);
    scene.hands.patch(&held, &wait).await;
    scene.commit(&[b]);
    scene.fetch().await;
    let state = scene.until("the wait", |state| !state.waits.is_empty()).await;
    assert_eq!(
        state.waits[0].to_string(),
        format!(
            "ConfigMap {}/a is deleted and not gone yet, held by the finalizer example.com/wait",
            scene.name
        )
    );
    scene.hands.patch(&held, &json!([{"op": "remove", "path": "/metadata/finalizers"}])).await;
    let state = scene.until("its end", |state| state.waits.is_empty()).await;
    assert!(state.refused.is_none(), "{:?}", state.refused);
    scene.in_sync().await;
}
