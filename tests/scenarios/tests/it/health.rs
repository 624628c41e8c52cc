//! Health follows the watch: nothing is asked for it.

use model::HealthStatus;
use serde_json::{Value, json};

use crate::{
    proxy::Request,
    scene::{Scene, SelfHeal},
};

fn deployment() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {
        "replicas": 2, "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {
            "nodeSelector": {"only": "later"},
            "containers": [{"name": "web", "image": "example.com/web:1"}]}}}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_becomes_healthy_without_a_request() {
    let cluster = testkit::cluster::with_controllers("scenarios-full");
    let scene = Scene::begun(&cluster, SelfHeal::On, &[deployment()]).await;
    scene.in_sync().await;
    let waits = |status: HealthStatus| status == HealthStatus::Progressing;
    let state = scene.until("progressing", |state| waits(state.health.status)).await;
    assert_eq!(state.health.objects[0].id.name, "web");
    // Whether the server is there at all is asked once a minute.
    let asked = |request: &Request| !request.is_watch() && request.path != "/version";
    let before = scene.proxy.count(asked);
    // Somebody gives the pods a node to run on; not a field of ours.
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": format!("node-{}", scene.name), "labels": {"only": "later", "type": "kwok"}}});
    scene.hands.apply("alice", &node).await;
    let state = scene.healthy().await;
    assert!(state.health.objects.is_empty() && state.drift.is_empty());
    assert_eq!(scene.proxy.count(asked), before);
    scene.hands.delete(&node).await;
}
