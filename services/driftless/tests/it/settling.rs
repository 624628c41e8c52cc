//! Manifests whose apply the server answers with something else, or that it changes at every apply.

use std::time::Duration;

use serde_json::json;
use testkit::eventually;

use crate::{
    api::{core, version},
    scene::Scene,
    shop,
};

const DEFINITION: &str = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: GROUP}
spec:
  group: settling.example
  scope: Namespaced
  names: {plural: NAMEs, singular: NAME, kind: KIND}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              items: {type: array, x-kubernetes-list-type: set, items: {type: string}}
";

/// Empties that a NetworkPolicy counts as a change at every apply, a container that others may fill, and a set
/// that becomes empty.
const MANIFESTS: &str = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed}
spec: {podSelector: {matchLabels: {}}, ingress: [], policyTypes: [Ingress]}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: open}
spec: {hard: {}}
---
apiVersion: settling.example/v1
kind: KIND
metadata: {name: thing}
spec: {items: [a]}
";

/// The name of the kind of a scene.
fn kind(scene: &Scene) -> String {
    scene.name.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// Puts the kind of a scene into a manifest.
fn fill(scene: &Scene) -> impl Fn(&str) -> String + use<> {
    let name = kind(scene);
    move |text: &str| {
        let group = format!("{name}s.settling.example");
        text.replace("GROUP", &group).replace("NAME", &name).replace("KIND", &format!("T{name}"))
    }
}

#[test]
fn such_manifests_end_in_sync_without_a_heal() {
    let scene = Scene::new();
    let (name, fill) = (kind(&scene), fill(&scene));
    scene.repository.commit(&[("deploy/crd.yaml", &fill(DEFINITION)), ("deploy/all.yaml", &fill(MANIFESTS))]);
    scene.sync(&[]);
    scene.repository.commit(&[("deploy/all.yaml", &fill(MANIFESTS).replace("items: [a]", "items: []"))]);
    scene.sync(&[]);

    let policy = format!("/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies/closed", scene.name);
    let thing = format!("/apis/settling.example/v1/namespaces/{}/{name}s/thing", scene.name);
    let quota = core(&scene.name, "resourcequotas", "open");
    let paths = [policy.as_str(), &thing, &quota];
    let versions = || paths.map(|path| version(&scene.api.object(path)).to_owned());
    let settled = versions();
    for _ in 0..2 {
        assert_eq!(scene.run("diff", &[]).exit, 0);
        scene.sync(&[]);
        assert_eq!(versions(), settled, "nothing is written");
    }
    // Others touch them elsewhere: still no drift.
    let note = json!({"metadata": {"annotations": {"example.com/note": "x"}}});
    for path in [policy.as_str(), &quota] {
        scene.api.edit(path, note.clone());
    }
    let touched = versions();
    let diff = scene.run("diff", &[]);
    assert_eq!(diff.exit, 0, "{diff}");
    scene.sync(&[]);
    assert_eq!(versions(), touched);
}

const PORTS: &str = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: GROUP}
spec:
  group: settling.example
  scope: Namespaced
  names: {plural: NAMEs, singular: NAME, kind: KIND}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              note: {type: string}
              ports:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [protocol]
                items:
                  type: object
                  properties:
                    protocol: {type: string, default: TCP}
                    port: {type: integer}
";

/// An item whose only key has a default: each apply of it may add or remove the item.
const TOGGLING: &str = "\
apiVersion: settling.example/v1
kind: KIND
metadata: {name: thing}
spec: {note: first, ports: [{}]}
";

#[test]
fn an_item_whose_only_key_has_a_default_is_no_immutable_field() {
    let scene = Scene::new();
    let fill = fill(&scene);
    scene.repository.commit(&[("deploy/crd.yaml", &fill(PORTS)), ("deploy/all.yaml", &fill(TOGGLING))]);
    scene.sync(&[]);
    let diff = scene.run("diff", &[]);
    assert_eq!(diff.exit, 0, "{diff}");
    // Never applied again while it is in sync. The server drops the item whose key it filled in.
    scene.repository.commit(&[("deploy/all.yaml", &fill(TOGGLING).replace("first", "second"))]);
    let told = scene.run("sync", &[]);
    told.failed(1, "CLUSTER-INVALID").naming("spec.ports").naming("state every key of the list items");
    scene.repository.commit(&[(
        "deploy/all.yaml",
        &fill(TOGGLING).replace("first", "second").replace("{}", "{protocol: TCP}"),
    )]);
    scene.sync(&[]);
    assert_eq!(scene.run("diff", &[]).exit, 0);
}

const MUTATION: &str = r#"
[{"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicy", "metadata": {"name": "NAME"},
  "spec": {"reinvocationPolicy": "Never", "failurePolicy": "Fail",
    "matchConstraints": {"resourceRules": [
      {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["configmaps"]}]},
    "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression":
      "Object{data: {\"colour\": \"mutated\", \"added\": \"by admission\"}}"}}]}},
 {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicyBinding", "metadata": {"name": "NAME"},
  "spec": {"policyName": "NAME", "matchResources": {"namespaceSelector": {"matchLabels":
    {"kubernetes.io/metadata.name": "NAME"}}}}}]
"#;

#[tokio::test]
async fn what_admission_changes_is_in_sync_and_never_healed() {
    let scene = Scene::new();
    let [policy, binding]: [serde_json::Value; 2] =
        serde_json::from_str(&MUTATION.replace("NAME", &scene.name)).unwrap();
    let collection = "/apis/admissionregistration.k8s.io/v1";
    scene.api.create("/api/v1/namespaces", json!({"metadata": {"name": scene.name}}));
    scene.api.create(&format!("{collection}/mutatingadmissionpolicies"), policy);
    scene.api.create(&format!("{collection}/mutatingadmissionpolicybindings"), binding);
    let mut tries = 0;
    eventually(Duration::from_secs(90), "the policy in force", async || {
        tries += 1;
        let name = format!("try-{tries}");
        let configs = format!("/api/v1/namespaces/{}/configmaps", scene.name);
        scene.api.create(&configs, json!({"metadata": {"name": name}}));
        let made = scene.api.object(&core(&scene.name, "configmaps", &name));
        (made["data"]["colour"] == "mutated").then_some(())
    })
    .await;
    scene.repository.commit(&[("deploy/config.yaml", shop::CONFIG)]);
    scene.sync(&[]);
    let settings = core(&scene.name, "configmaps", "settings");
    let first = scene.api.object(&settings);
    assert_eq!(first["data"]["colour"], "mutated", "{first}");
    for _ in 0..2 {
        assert_eq!(scene.run("diff", &[]).exit, 0);
        scene.sync(&[]);
        assert_eq!(version(&scene.api.object(&settings)), version(&first), "nothing is written");
    }
    // What somebody changes on top of it is drift, and the heal ends as the first apply did.
    scene.api.edit(&settings, json!({"data": {"size": "huge"}}));
    assert_eq!(scene.run("diff", &[]).exit, 1);
    scene.sync(&[]);
    assert_eq!(scene.api.object(&settings)["data"], first["data"]);
    assert_eq!(scene.run("diff", &[]).exit, 0);
    scene.api.delete(&format!("{collection}/mutatingadmissionpolicybindings/{}", scene.name));
    scene.api.delete(&format!("{collection}/mutatingadmissionpolicies/{}", scene.name));
}
