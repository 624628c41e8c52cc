//! Merge, JSON and strategic merge patches.

use serde_json::json;

use crate::{alike, step::Step};

const MAP: &str = "v1:configmaps/a";
const DEPLOYMENT: &str = "apps/v1:deployments/a";

fn deployment() -> Step {
    Step::post(
        "apps/v1:deployments",
        json!({"metadata": {"name": "a"}, "spec": {
        "selector": {"matchLabels": {"app": "a"}}, "template": {"metadata": {"labels": {"app": "a"}}, "spec": {
            "containers": [{"name": "web", "image": "web:1", "args": ["a"], "ports": [{"containerPort": 80}],
                "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "1"}]}, {"name": "side", "image": "side:1"}]}}}}),
    )
}

#[test]
fn merge_and_json_patches() {
    alike(&[
        Step::post("v1:configmaps", json!({"metadata": {"name": "a"}, "data": {"a": "1", "b": "1"}})),
        Step::merge(MAP, json!({"data": {"a": null, "c": "1"}})),
        Step::merge(MAP, json!({"data": {"c": "1"}})).by("other"),
        Step::json(
            MAP,
            json!([{"op": "test", "path": "/data/b", "value": "1"}, {"op": "replace", "path": "/data/b", "value": "2"}]),
        ),
        Step::json(MAP, json!([{"op": "test", "path": "/data/b", "value": "1"}])).loosely(),
        Step::json(MAP, json!([{"op": "remove", "path": "/data/none"}])).loosely(),
        Step::json(MAP, json!([{"op": "add", "path": "/metadata/labels", "value": {"x": "y"}}])),
        Step::json(MAP, json!([{"op": "test", "path": "/metadata/resourceVersion", "value": "0"}])).loosely(),
        Step::merge(MAP, json!({"metadata": {"resourceVersion": "1"}, "data": {"d": "1"}})),
        Step::merge(MAP, json!({"metadata": {"resourceVersion": "{rv:2}", "name": "a"}, "data": {"d": "1"}})),
        Step::merge("v1:configmaps/none", json!({})),
        Step::merge(&format!("{MAP}?force=true"), json!({})),
    ]);
}

#[test]
fn strategic_patches_know_the_keys_of_lists() {
    let spec = |spec: serde_json::Value| json!({"spec": {"template": {"spec": spec}}});
    alike(&[
        deployment(),
        Step::strategic(DEPLOYMENT, spec(json!({"containers": [{"name": "web", "image": "web:2"}]}))),
        Step::strategic(DEPLOYMENT, spec(json!({"containers": [{"name": "side", "$patch": "delete"}]}))),
        Step::strategic(
            DEPLOYMENT,
            spec(
                json!({"containers": [{"name": "web", "env": [{"name": "B", "$patch": "delete"}, {"name": "C", "value": "1"}]}]}),
            ),
        ),
        Step::strategic(
            DEPLOYMENT,
            spec(
                json!({"$setElementOrder/containers": [{"name": "new"}, {"name": "web"}], "containers": [{"name": "new", "image": "new:1"}]}),
            ),
        ),
        Step::strategic(
            DEPLOYMENT,
            json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}),
        ),
        Step::strategic(DEPLOYMENT, json!({"metadata": {"finalizers": ["e.io/a", "e.io/b"]}})),
        Step::strategic(DEPLOYMENT, json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["e.io/a"]}})),
        Step::strategic(
            DEPLOYMENT,
            spec(
                json!({"containers": [{"name": "web", "args": ["b"], "resources": {"limits": {"cpu": "0.5"}}}]}),
            ),
        ),
        Step::strategic(DEPLOYMENT, json!({"spec": {"selector": {"matchLabels": {"app": "b"}}}})).loosely(),
    ]);
}

#[test]
fn replacing_a_deployment_keeps_track() {
    alike(&[
        deployment(),
        Step::merge(DEPLOYMENT, json!({"spec": {"replicas": 2}})).by("scaler"),
        Step::merge(
            DEPLOYMENT,
            json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web:1"}]}}}}),
        )
        .by("other"),
        Step::json(
            DEPLOYMENT,
            json!([{"op": "add", "path": "/spec/template/metadata/labels/x", "value": "y"}]),
        )
        .by("other"),
        Step::put(
            &format!("{DEPLOYMENT}/status"),
            json!({"metadata": {"name": "a"}, "status": {"replicas": 1, "readyReplicas": 1}}),
        )
        .by("controller"),
        Step::get(DEPLOYMENT),
    ]);
}

#[test]
fn what_may_not_change_is_refused() {
    let secret = json!({"metadata": {"name": "a"}, "type": "example.io/x", "data": {"k": "dg=="}});
    let service = |spec: serde_json::Value| Step::merge("v1:services/a", json!({"spec": spec})).loosely();
    let roles = "rbac.authorization.k8s.io/v1:rolebindings";
    alike(&[
        deployment(),
        Step::merge(DEPLOYMENT, json!({"spec": {"selector": {"matchLabels": {"app": "b"}}}})).loosely(),
        Step::merge(DEPLOYMENT, json!({"spec": {"template": {"metadata": {"labels": {"app": "b"}}}}}))
            .loosely(),
        Step::merge(DEPLOYMENT, json!({"spec": {"template": {"spec": {"containers": []}}}})).loosely(),
        Step::merge(DEPLOYMENT, json!({"metadata": {"name": "b"}})).loosely(),
        Step::merge(DEPLOYMENT, json!({"kind": "StatefulSet"})).loosely(),
        Step::merge(DEPLOYMENT, json!({"apiVersion": "apps/v2"})).loosely(),
        Step::post(
            "v1:configmaps",
            json!({"metadata": {"name": "a"}, "data": {"a": "1"}, "immutable": true}),
        ),
        Step::merge(MAP, json!({"data": {"a": "2"}})).loosely(),
        Step::merge(MAP, json!({"immutable": null})).loosely(),
        Step::merge(MAP, json!({"metadata": {"labels": {"a": "b"}}})),
        Step::post("v1:secrets", secret),
        Step::merge("v1:secrets/a", json!({"type": "example.io/y"})).loosely(),
        Step::post("v1:services", json!({"metadata": {"name": "a"}, "spec": {"ports": [{"port": 80}]}})),
        service(json!({"clusterIP": "10.96.99.99"})),
        service(json!({"ports": []})),
        service(json!({"ports": [{"port": 80}, {"port": 81}]})),
        service(json!({"type": "ExternalName", "externalName": "a.example"})),
        service(json!({"type": "NodePort", "externalName": null})),
        service(json!({"type": "ClusterIP"})),
        Step::post(roles, json!({"metadata": {"name": "a"}, "roleRef": {"kind": "Role", "name": "a"}})),
        Step::merge(&format!("{roles}/a"), json!({"roleRef": {"name": "b"}})).loosely(),
    ]);
}
