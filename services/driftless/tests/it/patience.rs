//! `--timeout` holds, whoever says nothing.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use testkit::git_server::{Behaviour, Server};

use crate::{
    scene::{Scene, Told},
    shop,
};

/// Runs with a timeout of ten seconds, long enough for what is done before the silence on a loaded machine, which
/// may not become twenty: a silence that nobody bounds is one of thirty or more.
fn run(scene: &Scene, command: &str, options: &[&str]) -> Told {
    let start = Instant::now();
    let told = scene.run(command, &[options, &["--timeout", "10s"]].concat());
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}: {told}", start.elapsed());
    told
}

#[test]
fn a_repository_that_says_nothing() {
    let scene = Scene::new();
    let server = Server::start(Behaviour::Silent);
    for (command, exit) in [("sync", 1), ("diff", 2)] {
        run(&scene, command, &["--repo", &server.url()])
            .failed(exit, "TIMEOUT")
            .naming("nothing was rendered");
    }
}

#[test]
fn a_cluster_that_says_nothing() {
    let scene = Scene::new();
    scene.repository.commit(&[("deploy/config.yaml", shop::CONFIG)]);
    // It takes connections and answers none.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("server: https://{}", silent.local_addr().unwrap());
    let file = scene.kubeconfig_with(&[("server: ", &server)]);
    for (command, exit) in [("sync", 1), ("diff", 2)] {
        run(&scene, command, &["--kubeconfig", &file]).failed(exit, "TIMEOUT").naming("nothing was planned");
    }
    let json = run(&scene, "sync", &["--kubeconfig", &file, "-o", "json"]);
    let document: serde_json::Value =
        serde_json::from_str(&json.out).unwrap_or_else(|error| panic!("{error}: {json}"));
    assert_eq!(document["failure"]["code"], "TIMEOUT", "{json}");
}

#[test]
fn long_work_says_what_it_waits_for_and_json_says_nothing() {
    let scene = Scene::new();
    let server = Server::start(Behaviour::Silent);
    let long = ["--timeout", "8s"];
    for command in ["sync", "diff"] {
        let told = scene.run(command, &[&["--repo", &server.url()], &long[..]].concat());
        assert!(told.err.contains(&format!("still fetching {}\n", server.url())), "{told}");
        let json = scene.run(command, &[&["--repo", &server.url(), "-o", "json"], &long[..]].concat());
        assert!(!json.err.contains("still"), "{json}");
    }
    scene.repository.commit(&[("deploy/deployment.yaml", shop::DEPLOYMENT)]);
    // Nobody runs the pods there.
    let told = scene.run("sync", &["--wait", "--timeout", "20s"]);
    let expected = "still waiting for health: Deployment.apps NAME/web is Progressing: ";
    assert!(scene.readable(&told.err).contains(expected), "{told}");
}
