//! Many clusters in one process.

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use kubesim::Controllers;
use serde_json::json;

use crate::Fixture;

const CLUSTERS: usize = 1_000;
const OBJECTS: usize = 5;

/// What a cluster with 5 Deployments may cost, allocator and all: objects are kept as text, changes share it.
const BYTES_PER_CLUSTER: u64 = 100 << 10;

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

fn deployment(at: usize) -> String {
    let name = format!("app-{at}");
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {
        "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}}}})
    .to_string()
}

#[tokio::test]
async fn a_thousand_clusters_fit_into_one_process() {
    let fixture = Fixture::new().await;
    let before = resident();
    for cluster in 0..CLUSTERS {
        let name = format!("c-{cluster}");
        fixture.simulator.add(&name, Controllers::Lifecycle);
        let objects = fixture.simulator.with(&name, |cluster| {
            for at in 0..OBJECTS {
                let path = format!(
                    "/apis/apps/v1/namespaces/default/deployments/app-{at}?fieldManager=driftless:test&force=true"
                );
                let request = http::Request::patch(path).header("content-type", "application/apply-patch+yaml");
                cluster.handle(&request.body(deployment(at).into()).unwrap(), jiff::Timestamp::now());
            }
            cluster.objects()
        });
        assert_eq!(objects, Some(OBJECTS + 4));
    }
    let each = resident().saturating_sub(before) / CLUSTERS as u64;
    println!("{} KiB for a cluster with {OBJECTS} Deployments", each >> 10);
    assert!(each < BYTES_PER_CLUSTER, "{each} bytes");

    // Each is a cluster of its own, with its own address.
    let client = Client::builder(TokioExecutor::new()).build_http();
    for name in ["c-1", "c-999"] {
        let url = format!("{}/api/v1/namespaces/default/configmaps", fixture.simulator.url(name));
        let body = json!({"metadata": {"name": "a"}}).to_string();
        let request = http::Request::post(url).body(Full::new(Bytes::from(body))).unwrap();
        assert_eq!(client.request(request).await.unwrap().status(), 201);
        assert_eq!(fixture.simulator.with(name, |cluster| cluster.objects()), Some(OBJECTS + 5));
    }
    assert_eq!(fixture.simulator.with("c-2", |cluster| cluster.objects()), Some(OBJECTS + 4));
}
