//! The rights in deploy/rbac are enough, to the word.

use std::{path::Path, process::Command};

use serde_json::{Value, json};
use testkit::{cluster, eventually};

use crate::{
    api::core,
    platform::{BOUND, Platform},
    rights::kubeconfig,
    scene::Scene,
    scoped::{definitions, heals, in_sync, only},
    shop,
};

fn kubectl(scene: &Scene, words: &[&str]) {
    let mut kubectl = Command::new(testkit::tool("kubectl"));
    kubectl.arg("--kubeconfig").arg(scene.kubeconfig()).args(words).env("HOME", scene.folder());
    let done = kubectl.output().unwrap();
    assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
}

fn manifest(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/rbac");
    folder.join(name).display().to_string()
}

/// Syncs all kinds of a shop into a namespace, undoes an edit, and prunes.
async fn works(scene: &Scene, definitions: Value, namespace: &str) {
    let config = shop::config("plain");
    let mut files = shop::FILES.map(|(path, text)| (path.replace("deploy/", "shop/"), text)).to_vec();
    files.push(("shop/plain.yaml".to_owned(), &config));
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    scene.repository.commit(&files);
    let platform = Platform::of(scene, definitions, &[]).await;
    in_sync(&platform, "shop").await;
    heals(scene, namespace, "plain").await;
    scene.repository.remove(&["shop/service.yaml"]);
    scene.repository.commit(&[("shop/plain.yaml", &(config.clone() + "# again\n"))]);
    let gone = async || scene.api.get(&core(namespace, "services", "web")).is_none().then_some(());
    eventually(BOUND, "the prune", gone).await;
    in_sync(&platform, "shop").await;
    assert_eq!(platform.stop(), 0);
}

#[tokio::test]
async fn a_whole_cluster_needs_no_more_than_its_manifest() {
    let cluster = cluster::own("scoped");
    let scene = Scene::on(&cluster);
    kubectl(&scene, &["apply", "-f", &manifest("user.yaml"), "-f", &manifest("cluster.yaml")]);
    let file = json!({"file": kubeconfig(&scene, "driftless", "driftless"), "context": null});
    let mut all = definitions(&scene, file, &[("shop", &scene.name)]);
    all["clusters"][0]["namespace"] = "driftless".into();
    works(&scene, all, &scene.name).await;
}

#[tokio::test]
async fn a_namespace_needs_no_more_than_its_manifest() {
    let cluster = cluster::own("scoped");
    let scene = Scene::on(&cluster);
    kubectl(&scene, &["apply", "-f", &manifest("user.yaml")]);
    kubectl(&scene, &["create", "namespace", &scene.name]);
    kubectl(&scene, &["apply", "-n", &scene.name, "-f", &manifest("namespaced.yaml")]);
    let file = kubeconfig(&scene, "driftless", "driftless");
    let all = definitions(&scene, json!({"file": file, "context": null}), &[("shop", &scene.name)]);
    works(&scene, only(all, std::slice::from_ref(&scene.name)), &scene.name).await;
    // A one-shot run, by the same user, takes over nothing but what is its own.
    scene.repository.commit(&[("deploy/run.yaml", &shop::config("run"))]);
    let (file, state) = (file.display().to_string(), scene.folder().join("run").display().to_string());
    scene.sync(&["--kubeconfig", &file, "--state", &state, "--application", "run"]);
}
