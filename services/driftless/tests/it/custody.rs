//! Two runs from two machines on one application, and runs that died while they held it.

use std::{
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use serde_json::json;
use testkit::{
    cluster::{self, TestCluster},
    eventually,
};

use crate::{
    api::{Api, core},
    scene::{Scene, Told},
    shop,
};

fn leases(scene: &Scene) -> String {
    format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", scene.name)
}

fn lease(scene: &Scene) -> String {
    format!("{}/driftless-{}", leases(scene), scene.name)
}

fn prepared() -> Scene {
    let scene = Scene::new();
    scene.repository.commit(&[("deploy/config.yaml", shop::CONFIG)]);
    scene
}

/// A Lease that nobody renews.
fn left_behind(scene: &Scene, seconds: u32) {
    scene.api.create(
        "/api/v1/namespaces",
        json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": scene.name}}),
    );
    scene.api.create(
        &leases(scene),
        json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": format!("driftless-{}", scene.name)},
        "spec": {"holderIdentity": "a-run-elsewhere", "leaseDurationSeconds": seconds,
            // Its clock is wrong by years: only what is seen here counts.
            "renewTime": "2001-01-01T00:00:00.000000Z"}}),
    );
}

fn config_maps(scene: &Scene) -> usize {
    let path =
        format!("/api/v1/namespaces/{0}/configmaps?labelSelector=driftless.dev/application={0}", scene.name);
    scene.api.object(&path)["items"].as_array().unwrap().len()
}

/// A run from another machine: another state folder, and with it another key and log.
fn elsewhere(scene: &Scene, options: &[&str]) -> Told {
    let state = scene.folder().join("elsewhere").display().to_string();
    scene.run("sync", &[&["--state", &state], options].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_from_elsewhere_is_refused_while_the_first_is_at_work() {
    let scene = prepared();
    // Nothing makes its pods ready here: the first run holds on until it is killed.
    scene.repository.commit(&[("deploy/web.yaml", shop::DEPLOYMENT)]);
    let mut first = scene.command("sync", &["--wait", "--timeout", "120s"]);
    let mut first = first.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    eventually(std::time::Duration::from_secs(90), "the first run's Lease", async || {
        scene.api.get(&lease(&scene))
    })
    .await;
    scene.repository.commit(&[("deploy/second.yaml", &shop::config("second"))]);
    let second = elsewhere(&scene, &[]);
    second.failed(3, "CUSTODY-HELD").naming("driftless-sync").naming(&scene.name);
    assert!(scene.api.get(&core(&scene.name, "configmaps", "second")).is_none(), "{second}");
    first.kill().unwrap();
    first.wait().unwrap();
    // Who has its state folder knows that it is dead, and does not wait for the Lease to end.
    let held = scene.api.object(&lease(&scene));
    let (start, told) = (std::time::Instant::now(), scene.sync(&[]));
    assert!(start.elapsed().as_secs() < 30, "{told}");
    assert!(scene.api.get(&core(&scene.name, "configmaps", "second")).is_some(), "{told}");
    assert!(scene.api.get(&lease(&scene)).is_none(), "it is given back, as {held}");
    let third = elsewhere(&scene, &[]);
    assert_eq!(third.exit, 0, "{third}");
}

#[test]
fn a_lease_that_nobody_renews_is_waited_for_and_taken_over() {
    let scene = prepared();
    left_behind(&scene, 4);
    let start = std::time::Instant::now();
    let told = scene.sync(&[]);
    assert!(start.elapsed().as_secs() >= 4, "{told}");
    told.naming("waiting: another run");
    assert!(config_maps(&scene) > 0 && scene.api.get(&lease(&scene)).is_none(), "{told}");
}

/// A platform's Lease on a cluster, renewed until it is dropped.
struct Platform {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Platform {
    fn holding(cluster: &TestCluster, application: &str) -> Self {
        let api = Api::of(cluster.kubeconfig_file());
        let leases = "/apis/coordination.k8s.io/v1/namespaces/driftless/leases";
        api.create(
            "/api/v1/namespaces",
            json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": "driftless"}}),
        );
        api.create(leases, json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": "driftless.platform", "annotations": {
                "driftless.dev/install": "0011", "driftless.dev/applications": format!("first,{application}")}},
            "spec": {"holderIdentity": "the-platform", "leaseDurationSeconds": 5}}));
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            for transitions in 1.. {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let renewed = json!({"spec": {"leaseTransitions": transitions}});
                api.edit(&format!("{leases}/driftless.platform"), renewed);
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

#[test]
fn an_application_that_a_platform_holds_is_refused_and_another_is_not() {
    let cluster = cluster::own("driftless");
    let scene = Scene::on(&cluster);
    scene.repository.commit(&[("deploy/config.yaml", shop::CONFIG)]);
    let platform = Platform::holding(&cluster, &scene.name);
    let told = scene.run("sync", &[]);
    told.failed(3, "CUSTODY-PLATFORM").naming("the-platform").naming("driftless/driftless.platform");
    assert_eq!(config_maps(&scene), 0);
    // Looking is free, and so is what it does not name.
    assert_eq!(scene.run("diff", &[]).exit, 1);
    let state = scene.folder().join("other").display().to_string();
    let other = scene.run("sync", &["--application", "other", "--state", &state]);
    assert_eq!(other.exit, 0, "{other}");
    drop(platform);
    // A platform that is no more keeps nobody out for longer than its Lease counts. The objects are the other's by now.
    let start = std::time::Instant::now();
    scene.run("sync", &[]).failed(1, "APPLY-FIRST-CONTACT");
    assert!(start.elapsed().as_secs() >= 5);
}

#[test]
fn nothing_is_written_before_the_lease_is_held_and_nothing_is_held_to_look() {
    let scene = prepared();
    left_behind(&scene, 250);
    assert_eq!(scene.run("diff", &[]).exit, 1);
    scene.run("sync", &["--timeout", "5s"]).failed(3, "CUSTODY-HELD");
    assert_eq!(config_maps(&scene), 0);
    assert_eq!(scene.api.object(&lease(&scene))["spec"]["holderIdentity"], "a-run-elsewhere");
}
