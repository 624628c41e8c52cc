//! The state folder is lost, or another machine has none: what was applied is known from the cluster alone.

use std::fs;

use serde_json::json;
use testkit::{cluster, eventually};

use crate::{api::core, platform::BOUND, scene::Scene, shop};

fn scene() -> (Scene, String) {
    let scene = Scene::new();
    scene.repository.commit(&[("deploy/config.yaml", shop::CONFIG)]);
    scene.sync(&[]);
    let settings = core(&scene.name, "configmaps", "settings");
    (scene, settings)
}

fn lose_state(scene: &Scene) {
    fs::remove_dir_all(scene.state()).unwrap();
}

#[test]
fn what_nobody_touched_is_changed_as_ever() {
    let (scene, settings) = scene();
    lose_state(&scene);
    assert_eq!(scene.run("diff", &[]).exit, 0);
    scene.repository.commit(&[("deploy/config.yaml", &shop::CONFIG.replace("blue", "green"))]);
    scene.sync(&[]);
    assert_eq!(scene.api.object(&settings)["data"]["colour"], "green");
}

#[test]
fn a_field_that_our_own_entry_names_is_ours() {
    let (scene, settings) = scene();
    // Somebody else applies it, too, with the value that it has.
    let same = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"},
        "data": {"colour": "blue"}});
    scene.api.apply(&settings, "bob", same);
    lose_state(&scene);
    scene.repository.commit(&[("deploy/config.yaml", &shop::CONFIG.replace("blue", "green"))]);
    let diff = scene.run("diff", &[]);
    assert_eq!(diff.exit, 1, "{diff}");
    scene.sync(&[]);
    assert_eq!(scene.api.object(&settings)["data"]["colour"], "green");
    assert_eq!(scene.run("diff", &[]).exit, 0);
}

#[test]
fn a_field_that_somebody_took_is_theirs_until_a_person_says_otherwise() {
    let (scene, settings) = scene();
    scene.api.edit(&settings, json!({"data": {"colour": "red"}}));
    let edited = scene.api.object(&settings);
    lose_state(&scene);
    for _ in 0..2 {
        let told = scene.run("sync", &[]);
        told.failed(1, "APPLY-CONFLICT").naming("kubectl-edit").naming("colour").naming("--take-over");
        assert_eq!(scene.api.object(&settings), edited, "{told}");
        let diff = scene.run("diff", &[]);
        assert!(diff.exit == 2 && diff.out.contains("! refused"), "{diff}");
    }
    let diff = scene.run("diff", &["--take-over"]);
    assert!(diff.exit == 1 && diff.out.contains("red") && diff.out.contains("blue"), "{diff}");
    scene.sync(&["--take-over"]);
    assert_eq!(scene.api.object(&settings)["data"], json!({"colour": "blue", "size": "large"}));
    // From then on it is known, and an edit of it is healed.
    scene.api.edit(&settings, json!({"data": {"colour": "red"}}));
    scene.sync(&[]);
    assert_eq!(scene.api.object(&settings)["data"]["colour"], "blue");
}

/// Controllers copy labels: an EndpointSlice bears that of its Service, and no entry of our manager.
#[tokio::test]
async fn what_a_controller_copied_our_label_to_is_never_ours() {
    let scene = Scene::on(&cluster::with_controllers("driftless-pods"));
    scene.repository.commit(&[("deploy/config.yaml", shop::CONFIG), ("deploy/service.yaml", shop::SERVICE)]);
    scene.sync(&[]);
    let slices = format!(
        "/apis/discovery.k8s.io/v1/namespaces/{0}/endpointslices?labelSelector=driftless.dev/application={0}",
        scene.name
    );
    let uids = || -> Vec<String> {
        let list = scene.api.object(&slices);
        let items = list["items"].as_array().unwrap().iter();
        items.map(|slice| slice["metadata"]["uid"].as_str().unwrap().to_owned()).collect()
    };
    let copied = eventually(BOUND, "the copy", async || Some(uids()).filter(|uids| !uids.is_empty())).await;
    lose_state(&scene);
    scene.repository.commit(&[("deploy/config.yaml", &shop::CONFIG.replace("blue", "green"))]);
    for _ in 0..2 {
        let told = scene.sync(&["--prune"]);
        assert!(!told.err.contains("EndpointSlice") && !told.out.contains("EndpointSlice"), "{told}");
        assert!(told.out.contains(": 2 objects"), "{told}");
    }
    assert_eq!(uids(), copied);
    assert_eq!(scene.run("diff", &["--prune"]).exit, 0);
}
