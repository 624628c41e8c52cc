//! A plan is tried before its first write.

use serde_json::json;

use crate::{
    api::{core, deployment, version},
    scene::Scene,
    shop,
};

#[test]
fn a_field_of_somebody_else_stops_the_plan_before_its_first_write() {
    let scene = Scene::new();
    scene.repository.commit(&shop::FILES);
    scene.sync(&[]);
    let (settings, web) = (core(&scene.name, "configmaps", "settings"), deployment(&scene.name, "web"));
    scene.api.edit(&web, json!({"spec": {"minReadySeconds": 7}}));
    let before = scene.api.object(&settings);

    let claiming = shop::DEPLOYMENT.replace("  replicas: 2\n", "  replicas: 2\n  minReadySeconds: 3\n");
    let config = shop::CONFIG.replace("blue", "green");
    scene.repository.commit(&[("deploy/deployment.yaml", &claiming), ("deploy/config.yaml", &config)]);
    let told = scene.run("sync", &[]);
    told.failed(1, "APPLY-CONFLICT").naming(".spec.minReadySeconds belongs to kubectl-edit");
    assert_eq!(version(&scene.api.object(&settings)), version(&before), "nothing is written: {told}");
    assert!(scene.run("diff", &[]).out.contains("belongs to kubectl-edit"));

    // Our own field that was taken is no obstacle: it is taken back with the change.
    let plain = shop::DEPLOYMENT.replace("replicas: 2", "replicas: 4");
    scene.api.edit(&web, json!({"spec": {"replicas": 9}}));
    scene.repository.commit(&[("deploy/deployment.yaml", &plain)]);
    scene.sync(&[]);
    assert_eq!(scene.api.object(&web)["spec"]["replicas"], 4);
    assert_eq!(scene.api.object(&settings)["data"]["colour"], "green");
}

#[test]
fn a_bad_new_object_stops_the_change_of_another() {
    let scene = Scene::new();
    scene.repository.commit(&shop::FILES);
    scene.sync(&[]);
    let settings = core(&scene.name, "configmaps", "settings");
    let before = scene.api.object(&settings);
    let bad = shop::SERVICE.replace("name: web", "name: bad").replace("port: 80,", "port: 0,");
    let config = shop::CONFIG.replace("blue", "green");
    scene.repository.commit(&[("deploy/bad.yaml", &bad), ("deploy/config.yaml", &config)]);
    scene.run("sync", &[]).failed(1, "CLUSTER-INVALID");
    assert_eq!(version(&scene.api.object(&settings)), version(&before));
}

#[test]
fn a_default_in_the_way_of_a_change_is_cleared() {
    let scene = Scene::new();
    scene.repository.commit(&shop::FILES);
    scene.sync(&[]);
    let recreate =
        shop::DEPLOYMENT.replace("  replicas: 2\n", "  replicas: 2\n  strategy: {type: Recreate}\n");
    scene.repository.commit(&[("deploy/deployment.yaml", &recreate)]);
    let diff = scene.run("diff", &[]);
    assert!(diff.exit == 1 && diff.out.contains("strategy"), "{diff}");
    scene.sync(&[]);
    let web = scene.api.object(&deployment(&scene.name, "web"));
    assert_eq!(web["spec"]["strategy"], json!({"type": "Recreate"}));
}

#[test]
fn a_field_that_never_changes_needs_consent_to_make_the_object_anew() {
    let scene = Scene::new();
    scene.repository.commit(&shop::FILES);
    scene.sync(&[]);
    let (settings, web) = (core(&scene.name, "configmaps", "settings"), deployment(&scene.name, "web"));
    let before = [scene.api.object(&settings), scene.api.object(&web)];
    let moved = shop::DEPLOYMENT.replace("{app: web}", "{app: web, part: front}");
    let config = shop::CONFIG.replace("blue", "green");
    scene.repository.commit(&[("deploy/deployment.yaml", &moved), ("deploy/config.yaml", &config)]);
    let told = scene.run("sync", &[]);
    told.failed(1, "APPLY-IMMUTABLE").naming("spec.selector").naming("driftless.dev/recreate: allowed");
    assert_eq!(version(&scene.api.object(&settings)), version(&before[0]), "nothing is written");
    assert_eq!(version(&scene.api.object(&web)), version(&before[1]), "nothing is deleted");

    let consenting = moved.replace(
        "metadata: {name: web}",
        "metadata: {name: web, annotations: {driftless.dev/recreate: allowed}}",
    );
    scene.repository.commit(&[("deploy/deployment.yaml", &consenting)]);
    let diff = scene.run("diff", &[]);
    assert!(diff.exit == 1 && diff.err.contains("deleted and created anew"), "{diff}");
    scene.sync(&[]);
    let after = scene.api.object(&web);
    assert_ne!(after["metadata"]["uid"], before[1]["metadata"]["uid"]);
    assert_eq!(after["spec"]["selector"]["matchLabels"]["part"], "front");
}
