//! Waiting for health.

use std::time::{Duration, Instant};

use testkit::cluster;

use crate::{api::deployment, scene::Scene, shop};

#[test]
fn what_is_not_healthy_in_time_is_named() {
    // Nobody runs the pods there.
    let scene = Scene::new();
    scene.repository.commit(&shop::FILES);
    let start = Instant::now();
    let told = scene.run("sync", &["--wait", "--timeout", "8s"]);
    told.failed(4, "UNHEALTHY").naming("web");
    assert!(scene.readable(&told.out).starts_with("in sync at COMMIT: 4 objects"), "{told}");
    assert!(start.elapsed() < Duration::from_secs(20), "{told}");
    let json = scene.run("sync", &["--wait", "--timeout", "4s", "-o", "json"]);
    let document: serde_json::Value =
        serde_json::from_str(&json.out).unwrap_or_else(|error| panic!("{error}: {json}"));
    assert_eq!((json.exit, document["outcome"].as_str()), (4, Some("Unhealthy")), "{json}");
    assert_eq!(document["failure"]["code"], "UNHEALTHY", "{json}");
}

#[test]
fn pods_become_ready_and_the_health_of_before_counts_for_nothing() {
    let cluster = cluster::with_controllers("driftless-pods");
    let scene = Scene::on(&cluster);
    scene.repository.commit(&shop::FILES);
    let told = scene.sync(&["--wait"]);
    assert_eq!(scene.readable(&told.out), "in sync at COMMIT: 4 objects, Healthy\n", "{told}");
    let web = deployment(&scene.name, "web");
    assert_eq!(scene.api.object(&web)["status"]["readyReplicas"], 2, "{told}");

    // A rollout that cannot end: the pods that run are those of before.
    let stuck = shop::DEPLOYMENT
        .replace("      containers:", "      nodeSelector: {no: such-node}\n      containers:");
    scene.repository.commit(&[("deploy/deployment.yaml", &stuck)]);
    let told = scene.run("sync", &["--wait", "--timeout", "12s"]);
    told.failed(4, "UNHEALTHY").naming("web");

    scene.repository.commit(&[("deploy/deployment.yaml", &shop::DEPLOYMENT.replace("web:1.0", "web:1.1"))]);
    let told = scene.sync(&["--wait"]);
    let object = scene.api.object(&web);
    assert_eq!(object["status"]["observedGeneration"], object["metadata"]["generation"], "{told}");
    assert_eq!(object["status"]["updatedReplicas"], 2, "{told}");
}
