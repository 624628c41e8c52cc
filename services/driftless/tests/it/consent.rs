//! What goes only by a person's word, however often it is gone from Git.

use serde_json::json;

use crate::{api::core, scene::Scene, shop};

fn file(name: &str) -> (String, String) {
    (format!("deploy/{name}.yaml"), shop::config(name))
}

fn commit(scene: &Scene, files: &[(String, String)]) {
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    scene.repository.commit(&files);
}

#[test]
fn what_was_taken_over_is_not_pruned() {
    let scene = Scene::new();
    scene.api.create("/api/v1/namespaces", json!({"metadata": {"name": scene.name}}));
    let collection = format!("/api/v1/namespaces/{}/configmaps", scene.name);
    scene.api.create(&collection, json!({"metadata": {"name": "theirs"}, "data": {"from": "them"}}));
    let theirs = core(&scene.name, "configmaps", "theirs");
    let uid = scene.api.object(&theirs)["metadata"]["uid"].clone();
    commit(&scene, &["theirs", "a", "b", "c"].map(file));
    scene.sync(&["--take-over"]);
    assert_eq!(scene.api.object(&theirs)["data"]["from"], "git");
    scene.repository.remove(&["deploy/theirs.yaml"]);
    for _ in 0..2 {
        let told = scene.sync(&["--prune"]);
        assert_eq!(scene.api.object(&theirs)["metadata"]["uid"], uid, "{told}");
        told.naming("theirs").naming("existed before it was taken over");
    }
    let diff = scene.run("diff", &["--prune"]);
    assert_eq!(diff.exit, 0, "{diff}");
    diff.naming("theirs").naming("guard.pruneAdopted");
}

/// A namespace, a kind and two volumes, with names of their own.
fn precious(scene: &Scene) -> (String, [String; 4]) {
    let name = &scene.name;
    let group = format!("{name}.example");
    let manifests = format!(
        "apiVersion: v1
kind: Namespace
metadata: {{name: {name}-more}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: toys.{group}}}
spec:
  group: {group}
  scope: Namespaced
  names: {{plural: toys, singular: toy, kind: Toy, listKind: ToyList}}
  versions:
  - {{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object}}}}}}
---
apiVersion: v1
kind: PersistentVolume
metadata: {{name: {name}}}
spec: {{capacity: {{storage: 1Mi}}, accessModes: [ReadWriteOnce], hostPath: {{path: /nowhere}}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: claim}}
spec: {{accessModes: [ReadWriteOnce], storageClassName: none, resources: {{requests: {{storage: 1Mi}}}}}}
"
    );
    let paths = [
        format!("/api/v1/namespaces/{name}-more"),
        format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/toys.{group}"),
        format!("/api/v1/persistentvolumes/{name}"),
        core(name, "persistentvolumeclaims", "claim"),
    ];
    (manifests, paths)
}

#[test]
fn what_holds_data_is_not_pruned() {
    let scene = Scene::new();
    let (manifests, paths) = precious(&scene);
    let mut files: Vec<_> = (0..16).map(|i| file(&format!("c{i}"))).collect();
    files.push(("deploy/precious.yaml".to_owned(), manifests));
    commit(&scene, &files);
    scene.sync(&[]);
    let uids = || paths.each_ref().map(|path| scene.api.object(path)["metadata"]["uid"].clone());
    let before = uids();
    scene.repository.remove(&["deploy/precious.yaml", "deploy/c0.yaml"]);
    let told = scene.sync(&["--prune"]);
    assert!(scene.api.get(&core(&scene.name, "configmaps", "c0")).is_none(), "{told}");
    assert_eq!(uids(), before, "{told}");
    let deleted =
        paths.each_ref().map(|path| scene.api.object(path)["metadata"]["deletionTimestamp"].clone());
    assert!(deleted.iter().all(serde_json::Value::is_null), "{deleted:?}");
    let said = scene.readable(&told.err);
    for id in [
        "Namespace NAME-more",
        "CustomResourceDefinition.apiextensions.k8s.io toys.NAME.example",
        "PersistentVolume NAME",
        "PersistentVolumeClaim NAME/claim",
    ] {
        let note = format!("note: {id} is no longer in Git and is kept (more than itself would go with it");
        assert!(said.contains(&note), "{note}: {told}");
    }
    assert_eq!(told.err.matches("delete it by hand").count(), 4, "{told}");
    // Nothing is due: neither for them nor for the rest.
    let diff = scene.run("diff", &["--prune"]);
    assert_eq!((diff.exit, diff.out.as_str()), (0, "no difference\n"), "{diff}");
    // Objects without a namespace are there for all tests on the cluster.
    paths[..3].iter().for_each(|path| scene.api.delete(path));
}

/// The guard counts what the cluster vouches for as it counts what the log does.
#[test]
fn what_is_known_from_the_cluster_alone_is_pruned_within_the_guard() {
    let scene = Scene::new();
    commit(&scene, &["a", "b", "c", "d"].map(file));
    scene.sync(&[]);
    std::fs::remove_dir_all(scene.state()).unwrap();
    scene.repository.remove(&["deploy/a.yaml", "deploy/b.yaml"]);
    // That it was refused once is no consent either.
    for _ in 0..2 {
        let refused = scene.run("sync", &["--prune"]);
        refused.failed(3, "GUARD-SHARE").naming("2 of 4 objects");
        for name in ["a", "b", "c", "d"] {
            assert!(scene.api.get(&core(&scene.name, "configmaps", name)).is_some(), "{refused}");
        }
    }
}
