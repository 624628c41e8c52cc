//! Something is taken out of Git.

use crate::{
    api::{core, version},
    scene::Scene,
    shop,
};

/// `deploy/c0.yaml` and so on: ConfigMaps.
fn configs(count: usize) -> Vec<(String, String)> {
    (0..count).map(|i| (format!("deploy/c{i}.yaml"), shop::config(&format!("c{i}")))).collect()
}

fn synced(count: usize) -> Scene {
    let scene = Scene::new();
    let files = configs(count);
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    scene.repository.commit(&files);
    scene.sync(&[]);
    scene
}

fn there(scene: &Scene, name: &str) -> bool {
    let object = scene.api.get(&core(&scene.name, "configmaps", name));
    object.is_some_and(|object| object["metadata"]["deletionTimestamp"].is_null())
}

#[test]
fn what_left_git_is_kept_until_prune_is_said() {
    let scene = synced(4);
    scene.repository.remove(&["deploy/c0.yaml"]);

    let kept = scene.sync(&[]);
    assert!(there(&scene, "c0"));
    let told = scene.readable(&format!("{}{}", kept.out, kept.err));
    assert!(told.contains("NAME/c0") && told.contains("--prune"), "what is kept is noted: {kept}");

    let diff = scene.run("diff", &["--prune"]);
    assert_eq!((diff.exit, scene.readable(&diff.out).as_str()), (1, "- prune ConfigMap NAME/c0\n"), "{diff}");
    assert!(there(&scene, "c0"), "a diff deletes nothing");

    let pruned = scene.sync(&["--prune"]);
    assert!(!there(&scene, "c0"), "{pruned}");
    assert!(scene.readable(&pruned.err).contains("  pruned      ConfigMap NAME/c0\n"), "{pruned}");
    assert!((1..4).all(|i| there(&scene, &format!("c{i}"))));
    assert!(pruned.out.contains(": 3 objects"), "{pruned}");
}

#[test]
fn a_prune_of_more_than_the_guard_allows_is_refused() {
    let scene = synced(5);
    scene.repository.remove(&["deploy/c0.yaml", "deploy/c1.yaml"]);
    let refused = scene.run("sync", &["--prune"]);
    refused.failed(3, "GUARD-SHARE").naming("2 of 5 objects").naming("30 %");
    assert!((0..5).all(|i| there(&scene, &format!("c{i}"))), "{refused}");

    let (_, rest) = refused.err.split_once("driftless approve ").expect("what to do if it is meant");
    let digest: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
    // Consent to one plan is none to another.
    scene.repository.remove(&["deploy/c2.yaml"]);
    let other = scene.run("sync", &["--prune", "--approve", &digest]);
    other.failed(3, "GUARD-SHARE").naming("3 of 5 objects");
    scene.repository.git(&["revert", "--no-edit", "HEAD"]);
    let approved = scene.run("sync", &["--prune", "--approve", &digest]);
    assert_eq!(approved.exit, 0, "{approved}");
    assert_eq!(
        (0..5).map(|i| there(&scene, &format!("c{i}"))).collect::<Vec<_>>(),
        [false, false, true, true, true]
    );
}

#[test]
fn an_object_under_a_generated_name_is_replaced_within_the_guard() {
    let scene = Scene::new();
    let kustomization = |value: &str| {
        format!(
            "configMapGenerator:\n- {{name: web, literals: [a={value}]}}\nsecretGenerator:\n- {{name: web, literals: [a={value}]}}\n"
        )
    };
    scene.repository.commit(&[("deploy/kustomization.yaml", &kustomization("one"))]);
    let first = scene.sync(&["--prune"]);
    assert!(first.out.contains(": 2 objects"), "{first}");
    scene.repository.commit(&[("deploy/kustomization.yaml", &kustomization("two"))]);
    let second = scene.sync(&["--prune"]);
    assert!(second.out.contains(": 2 objects"), "{second}");
    assert_eq!(scene.readable(&second.err).matches("  pruned ").count(), 2, "{second}");
}

#[test]
fn a_folder_without_objects_is_not_a_reason_to_delete_everything() {
    let scene = synced(2);
    scene.repository.remove(&["deploy/c0.yaml", "deploy/c1.yaml"]);
    scene.repository.commit(&[("deploy/README.md", "nothing here\n")]);
    let refused = scene.run("sync", &["--prune"]);
    refused.failed(3, "GUARD-EVERYTHING");
    assert!(there(&scene, "c0") && there(&scene, "c1"), "{refused}");
}

#[test]
fn a_field_that_left_the_manifest_leaves_the_object() {
    let scene = Scene::new();
    scene.repository.commit(&[("deploy/config.yaml", shop::CONFIG)]);
    scene.sync(&[]);
    let path = core(&scene.name, "configmaps", "settings");
    scene.repository.commit(&[("deploy/config.yaml", &shop::CONFIG.replace(", size: large", ""))]);

    let diff = scene.run("diff", &[]);
    assert!(diff.exit == 1 && diff.out.contains("size"), "{diff}");
    scene.sync(&[]);
    let object = scene.api.object(&path);
    assert_eq!(object["data"], serde_json::json!({"colour": "blue"}));
    scene.sync(&[]);
    assert_eq!(version(&scene.api.object(&path)), version(&object));
}

/// A kind at two versions, of which the older one can be switched off.
fn kind_at_two_versions(group: &str, name: &str, older: bool) -> String {
    let schema = "schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}";
    format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: {name}s.{group}}}\n\
         spec:\n  group: {group}\n  scope: Namespaced\n  names: {{plural: {name}s, singular: {name}, kind: T{name}}}\n  \
         versions:\n  - {{name: v1, served: true, storage: true, {schema}}}\n  \
         - {{name: v1beta1, served: {older}, storage: false, {schema}}}\n"
    )
}

#[test]
fn an_object_outlives_the_version_that_it_was_written_at_and_is_deleted_all_the_same() {
    let scene = Scene::new();
    let (group, name) = ("removal.example", scene.name.replace('-', ""));
    let definition = |older| kind_at_two_versions(group, &name, older);
    let thing =
        |thing: &str| format!("apiVersion: {group}/v1beta1\nkind: T{name}\nmetadata: {{name: {thing}}}\n");
    let path = |thing: &str| format!("/apis/{group}/v1/namespaces/{}/{name}s/{thing}", scene.name);
    let is_there = |thing: &str| scene.api.get(&path(thing)).is_some();
    scene.repository.commit(&[
        ("deploy/crd.yaml", &definition(true)),
        ("deploy/a.yaml", &thing("a")),
        ("deploy/b.yaml", &thing("b")),
        ("deploy/c0.yaml", &shop::config("c0")),
        ("deploy/c1.yaml", &shop::config("c1")),
        ("deploy/c2.yaml", &shop::config("c2")),
        ("deploy/c3.yaml", &shop::config("c3")),
    ]);
    scene.sync(&[]);
    assert!(is_there("a") && is_there("b"));

    scene.repository.remove(&["deploy/a.yaml", "deploy/b.yaml"]);
    scene.repository.commit(&[("deploy/crd.yaml", &definition(false))]);
    let kept = scene.sync(&[]);
    assert!(is_there("a") && is_there("b"), "{kept}");
    let pruned = scene.sync(&["--prune"]);
    assert!(!is_there("a") && !is_there("b"), "{pruned}");
    let again = scene.sync(&["--prune"]);
    assert!(again.out.contains(": 5 objects"), "{again}");
}
