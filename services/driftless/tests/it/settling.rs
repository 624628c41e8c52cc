//! Manifests whose apply the server answers with something else, or that it changes at every apply.

use serde_json::json;

use crate::{
    api::{core, version},
    scene::Scene,
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

#[test]
fn such_manifests_end_in_sync_without_a_heal() {
    let scene = Scene::new();
    let name: String = scene.name.chars().filter(char::is_ascii_alphanumeric).collect();
    let fill = |text: &str| {
        let group = format!("{name}s.settling.example");
        text.replace("GROUP", &group).replace("NAME", &name).replace("KIND", &format!("T{name}"))
    };
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
