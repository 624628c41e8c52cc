//! An autoscaler scales what Git describes.

use serde_json::json;

use crate::{
    api::{deployment, version},
    scene::Scene,
    shop,
};

const RULE: [&str; 2] = ["--ignore", "Deployment:/spec/replicas"];

#[test]
fn what_an_autoscaler_does_under_a_rule_is_nobodys_drift() {
    let scene = Scene::new();
    scene.repository.commit(&shop::FILES);
    scene.sync(&RULE);
    let web = deployment(&scene.name, "web");
    assert_eq!(scene.api.object(&web)["spec"]["replicas"], 2, "Git's value is used on create");
    scene.api.edit(&format!("{web}/scale"), json!({"spec": {"replicas": 7}}));
    let scaled = scene.api.object(&web);
    assert_eq!(scaled["spec"]["replicas"], 7);

    let diff = scene.run("diff", &RULE);
    assert_eq!(diff.exit, 0, "{diff}");
    scene.sync(&RULE);
    assert_eq!(version(&scene.api.object(&web)), version(&scaled), "nothing is written");

    // A commit that touches the Deployment leaves it as scaled.
    let next = shop::DEPLOYMENT.replace("web:1.0", "web:2.0").replace("replicas: 2", "replicas: 3");
    scene.repository.commit(&[("deploy/deployment.yaml", &next)]);
    let diff = scene.run("diff", &RULE);
    assert_eq!(diff.exit, 1, "{diff}");
    assert!(diff.out.contains("image") && !diff.out.contains("replicas"), "{diff}");
    scene.sync(&RULE);
    assert_eq!(scene.api.object(&web)["spec"]["replicas"], 7);

    // Without the rule Git rules again.
    let diff = scene.run("diff", &[]);
    assert!(diff.exit == 1 && diff.out.contains("replicas"), "{diff}");
    scene.sync(&[]);
    assert_eq!(scene.api.object(&web)["spec"]["replicas"], 3);
}

#[test]
fn a_rule_for_a_running_object_is_no_difference_and_changes_no_value() {
    let scene = Scene::new();
    scene.repository.commit(&shop::FILES);
    scene.sync(&[]);
    let web = deployment(&scene.name, "web");

    let diff = scene.run("diff", &RULE);
    assert_eq!(diff.exit, 0, "{diff}");
    scene.sync(&RULE);
    assert_eq!(scene.api.object(&web)["spec"]["replicas"], 2);
    scene.api.edit(&format!("{web}/scale"), json!({"spec": {"replicas": 7}}));
    assert_eq!(scene.run("diff", &RULE).exit, 0);
    scene.sync(&RULE);
    assert_eq!(scene.api.object(&web)["spec"]["replicas"], 7);
}

#[test]
fn a_field_of_a_named_manager_is_not_healed() {
    let scene = Scene::new();
    scene.repository.commit(&shop::FILES);
    let rule = ["--ignore", "Deployment:kubectl-edit"];
    scene.sync(&rule);
    let web = deployment(&scene.name, "web");
    scene.api.edit(&web, json!({"spec": {"replicas": 7}}));
    let edited = scene.api.object(&web);

    assert_eq!(scene.run("diff", &rule).exit, 0);
    scene.sync(&rule);
    assert_eq!(version(&scene.api.object(&web)), version(&edited));
    assert_eq!(scene.run("diff", &[]).exit, 1);
}

#[test]
fn a_rule_that_cannot_be_one_is_refused() {
    let scene = Scene::new();
    for rule in ["Deployment", "Deployment:/metadata/name", "Deployment:/a~9"] {
        let told = scene.run("diff", &["--ignore", rule]);
        assert_eq!(told.exit, 2, "{told}");
        assert!(told.err.contains(rule), "{told}");
    }
}
