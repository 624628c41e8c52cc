//! Server-side apply.

use serde_json::{Value, json};

use crate::{alike, step::Step};

fn map(data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data})
}

fn service(ports: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": ports, "selector": {"app": "a"}}})
}

fn deployment(containers: Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": {
        "selector": {"matchLabels": {"app": "a"}},
        "template": {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": containers}}}})
}

const MAP: &str = "v1:configmaps/a";
const SERVICE: &str = "v1:services/a";
const DEPLOYMENT: &str = "apps/v1:deployments/a";

#[test]
fn fields_are_owned_conflict_and_are_forced() {
    alike(&[
        Step::apply(MAP, "alice", map(json!({"a": "1", "b": "1"}))),
        Step::apply(MAP, "alice", map(json!({"a": "1", "b": "1"}))),
        Step::apply(MAP, "bob", map(json!({"a": "2"}))),
        Step::apply(MAP, "bob", map(json!({"a": "2", "b": "2"}))),
        Step::apply(MAP, "bob", map(json!({"a": "1", "c": "1"}))),
        Step::apply(MAP, "carol", map(json!({"a": "3", "c": "3"}))),
        Step::force(MAP, "bob", map(json!({"a": "2", "c": "1"}))),
        Step::apply(MAP, "alice", map(json!({"b": "1"}))),
        Step::apply(MAP, "bob", map(json!({}))),
        Step::apply(
            MAP,
            "alice",
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}),
        ),
        Step::get(MAP),
    ]);
}

#[test]
fn what_others_update_is_no_longer_owned() {
    alike(&[
        Step::apply(MAP, "alice", map(json!({"a": "1", "b": "1", "c": "1"}))),
        Step::merge(MAP, json!({"data": {"a": "2", "d": "2"}})),
        Step::merge(MAP, json!({"data": {"b": null}})),
        Step::apply(MAP, "alice", map(json!({"a": "1", "b": "1", "c": "1"}))),
        Step::apply(&format!("{MAP}?dryRun=All"), "alice", map(json!({"a": "1", "b": "1"}))),
        Step::force(&format!("{MAP}?dryRun=All"), "alice", map(json!({"a": "1", "b": "1"}))),
        Step::force(MAP, "alice", map(json!({"a": "1", "b": "1"}))),
        Step::apply(MAP, "bob", map(json!({"d": "2"}))),
        Step::put(MAP, map(json!({"e": "1"}))),
        Step::apply(MAP, "bob", map(json!({}))),
    ]);
}

#[test]
fn items_of_lists_are_owned_one_by_one() {
    let port = |port: u16, name: &str| json!({"port": port, "name": name});
    alike(&[
        Step::apply(SERVICE, "alice", service(json!([port(80, "http"), port(443, "https")]))),
        Step::apply(SERVICE, "alice", service(json!([port(80, "http"), port(443, "https")]))),
        Step::apply(SERVICE, "bob", service(json!([port(9090, "metrics")]))),
        Step::apply(SERVICE, "bob", service(json!([port(80, "web"), port(9090, "metrics")]))),
        Step::apply(SERVICE, "alice", service(json!([port(443, "https")]))),
        Step::force(SERVICE, "bob", service(json!([{"port": 443, "name": "https", "targetPort": "tls"}]))),
        Step::apply(
            SERVICE,
            "bob",
            service(json!([{"port": 443, "name": "https", "protocol": "TCP", "targetPort": "tls"}])),
        ),
        Step::merge(SERVICE, json!({"spec": {"type": "NodePort"}})),
        Step::get(SERVICE),
    ]);
}

#[test]
fn a_deployment_keeps_what_each_applied() {
    let container = |name: &str, image: &str| json!({"name": name, "image": image});
    let with_env = |names: &[&str]| {
        let env: Vec<_> = names.iter().map(|name| json!({"name": name, "value": "1"})).collect();
        json!([{"name": "web", "image": "web:1", "env": env, "resources": {"limits": {"cpu": "1000m", "memory": "1024Mi"}},
            "ports": [{"containerPort": 80}]}])
    };
    alike(&[
        Step::apply(DEPLOYMENT, "alice", deployment(json!([container("web", "web:1")]))),
        Step::apply(DEPLOYMENT, "alice", deployment(with_env(&["A", "B", "C"]))),
        Step::apply(DEPLOYMENT, "alice", deployment(with_env(&["A", "B", "C"]))),
        Step::apply(DEPLOYMENT, "alice", deployment(with_env(&["C", "A"]))),
        Step::apply(DEPLOYMENT, "bob", deployment(json!([container("side", "side:1")]))),
        Step::apply(
            DEPLOYMENT,
            "bob",
            deployment(json!([container("side", "side:1"), container("web", "web:2")])),
        ),
        Step::force(
            DEPLOYMENT,
            "bob",
            deployment(json!([container("side", "side:1"), container("web", "web:2")])),
        ),
        Step::apply(DEPLOYMENT, "bob", deployment(json!([]))),
        Step::apply(DEPLOYMENT, "alice", deployment(with_env(&["A", "B"]))),
        Step::merge(&format!("{DEPLOYMENT}/scale"), json!({"spec": {"replicas": 3}})),
        Step::get(&format!("{DEPLOYMENT}/scale")),
        Step::get(DEPLOYMENT),
        Step::merge(
            &format!("{DEPLOYMENT}/status"),
            json!({"status": {"replicas": 3}, "spec": {"paused": true}}),
        ),
        Step::apply(
            DEPLOYMENT,
            "carol",
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"},
            "spec": {"replicas": 1, "strategy": {"type": "Recreate"}}}),
        ),
    ]);
}

#[test]
fn what_is_applied_has_to_be_of_its_type() {
    let meta = json!({"name": "a"});
    alike(&[
        Step::apply(
            MAP,
            "alice",
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": "1"}, "foo": 1}),
        ),
        Step::apply(MAP, "alice", map(json!({"a": 1}))).loosely(),
        Step::apply(MAP, "", map(json!({"a": "1"}))),
        Step::apply(MAP, "alice", json!({"apiVersion": "v1", "kind": "Secret", "metadata": meta})),
        Step::apply(
            MAP,
            "alice",
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}}),
        ),
        Step::apply(MAP, "alice", map(json!({"a": "1"}))),
        Step::apply(
            MAP,
            "alice",
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "uid": "x"}}),
        ),
        Step::apply(
            MAP,
            "alice",
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "resourceVersion": "1"}}),
        ),
        Step::apply(
            MAP,
            "alice",
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "managedFields": []}}),
        ),
        Step::apply(SERVICE, "alice", service(json!([{"port": 80}, {"port": 80}]))),
        Step::apply(DEPLOYMENT, "alice", deployment(json!([{"image": "a"}]))).loosely(),
    ]);
}

#[test]
fn what_is_there_without_owners_belongs_to_nobody_and_then_to_all() {
    alike(&[
        Step::post("v1:configmaps", json!({"metadata": {"name": "a"}, "data": {"a": "1", "b": "1"}})),
        Step::merge(MAP, json!({"metadata": {"managedFields": [{}]}})),
        Step::merge(MAP, json!({"data": {"c": "1"}})),
        Step::apply(MAP, "alice", map(json!({"a": "1"}))),
        Step::apply(MAP, "alice", map(json!({"a": "2", "b": "1"}))),
        Step::force(MAP, "alice", map(json!({"a": "2"}))),
    ]);
}

#[test]
fn labels_annotations_and_finalizers_merge() {
    let with = |metadata: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata});
    alike(&[
        Step::apply(
            MAP,
            "alice",
            with(
                json!({"name": "a", "labels": {"a": "1"}, "annotations": {"x": "1"}, "finalizers": ["e.io/a", "e.io/b"]}),
            ),
        ),
        Step::apply(
            MAP,
            "bob",
            with(json!({"name": "a", "labels": {"b": "1"}, "finalizers": ["e.io/b", "e.io/c"]})),
        ),
        Step::apply(MAP, "alice", with(json!({"name": "a", "labels": {}, "finalizers": ["e.io/a"]}))),
        Step::apply(MAP, "bob", with(json!({"name": "a"}))),
        Step::apply(MAP, "alice", with(json!({"name": "a", "finalizers": []}))),
        Step::get(MAP),
    ]);
}

#[test]
fn more_than_ten_updaters_are_folded() {
    let mut steps = vec![Step::post("v1:configmaps", json!({"metadata": {"name": "a"}}))];
    for at in 0..13 {
        // Folding goes by time, and what is of one second by name: so are these, in their order.
        let name = format!("k{at:02}");
        steps.push(Step::merge(MAP, json!({"data": {name.clone(): "1"}})).by(&format!("m{at:02}")));
    }
    steps.push(Step::get(MAP));
    alike(&steps);
}

#[test]
fn empty_and_null_are_told_apart_as_the_server_does() {
    let volumes = |volume: Value| {
        let mut object = deployment(json!([{"name": "web", "image": "web:1"}]));
        object["spec"]["template"]["spec"]["volumes"] = json!([volume]);
        object
    };
    alike(&[
        Step::apply(DEPLOYMENT, "alice", volumes(json!({"name": "v", "emptyDir": {}}))),
        Step::apply(DEPLOYMENT, "alice", volumes(json!({"name": "v", "emptyDir": {}}))),
        Step::merge(
            DEPLOYMENT,
            json!({"spec": {"template": {"spec": {"volumes": [{"name": "v", "emptyDir": {"medium": "Memory"}}]}}}}),
        ),
        Step::apply(DEPLOYMENT, "alice", volumes(json!({"name": "v", "emptyDir": {}}))),
        Step::apply(MAP, "alice", map(json!({}))),
        Step::apply(
            MAP,
            "alice",
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "labels": {}, "annotations": null}, "data": null}),
        ),
        Step::apply(MAP, "bob", map(json!({"a": "1"}))),
        Step::apply(MAP, "alice", map(json!({}))),
    ]);
}

#[test]
fn entries_that_a_writer_sends_are_taken() {
    let entry = |manager: &str, fields: Value| json!({"manager": manager, "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields});
    let with = |entries: Value| json!({"metadata": {"name": "a", "managedFields": entries}, "data": {"a": "1", "b": "1"}});
    alike(&[
        Step::post("v1:configmaps", with(json!([entry("alice", json!({"f:data": {"f:a": {}}}))]))),
        Step::put(MAP, with(json!([entry("bob", json!({"f:data": {"f:b": {}}}))]))),
        Step::merge(MAP, json!({"metadata": {"managedFields": []}})),
        Step::apply(MAP, "alice", map(json!({"a": "1"}))),
        Step::json(
            MAP,
            json!([{"op": "remove", "path": "/metadata/managedFields"}, {"op": "remove", "path": "/data/b"}]),
        ),
        Step::put(MAP, with(json!([{"manager": "x", "operation": "Wrong"}]))).loosely(),
    ]);
}

#[test]
fn a_part_has_owners_of_its_own() {
    let status = |replicas: u8| {
        let condition = json!({"type": "Available", "status": "True", "reason": "x", "message": "y"});
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"},
            "status": {"replicas": replicas, "conditions": [condition]}})
    };
    let mut own = deployment(json!([{"name": "web", "image": "web:1"}]));
    own["spec"]["replicas"] = json!(1);
    own["status"] = json!({"replicas": 9});
    let (path, scale) = (format!("{DEPLOYMENT}/status"), format!("{DEPLOYMENT}/scale"));
    alike(&[
        Step::apply(DEPLOYMENT, "alice", own.clone()),
        Step::apply(&path, "controller", status(1)),
        Step::apply(&path, "controller", status(2)),
        Step::apply(&path, "other", status(3)),
        Step::apply(DEPLOYMENT, "alice", own),
        Step::merge(&scale, json!({"spec": {"replicas": 4}})).by("scaler"),
        Step::put(&scale, json!({"metadata": {"name": "a", "namespace": "{ns}"}, "spec": {"replicas": 5}}))
            .by("scaler"),
        Step::get(DEPLOYMENT),
        Step::apply(
            "apps/v1:deployments/none/status",
            "controller",
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "none"}}),
        ),
    ]);
}

#[test]
fn namespaces_are_applied() {
    let path = "/api/v1/namespaces/{ns}";
    let namespace = |labels: Value| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "{ns}", "labels": labels}});
    alike(&[
        Step::apply(path, "alice", namespace(json!({"a": "1"}))),
        Step::apply(path, "alice", namespace(json!({"a": "1"}))),
        Step::apply(path, "bob", namespace(json!({"a": "2"}))),
        Step::apply(path, "alice", namespace(json!({}))),
        Step::merge(path, json!({"spec": {"finalizers": []}, "status": {"phase": "Terminating"}})),
        Step::merge(path, json!({"metadata": {"labels": {"kubernetes.io/metadata.name": "x"}}})),
    ]);
}

#[test]
fn preconditions_of_an_apply() {
    let with = |metadata: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "1"}});
    alike(&[
        Step::apply(MAP, "alice", with(json!({"name": "a", "uid": "12"}))),
        Step::apply(MAP, "alice", with(json!({"name": "a", "resourceVersion": "1"}))),
        Step::apply(MAP, "alice", with(json!({"name": "a", "resourceVersion": "1"}))),
        Step::force(MAP, "alice", with(json!({"name": "a", "resourceVersion": "0"}))),
        Step::apply(MAP, "alice", with(json!({"name": "a", "resourceVersion": "{rv:1}", "uid": "{uid:1}"}))),
        Step::post("v1:configmaps", json!({"metadata": {"name": "b", "resourceVersion": "1"}})).loosely(),
        Step::post(
            "v1:configmaps",
            json!({"metadata": {"name": "c", "uid": "x", "generation": 7, "creationTimestamp": "2020-01-01T00:00:00Z"}}),
        ),
        Step::put("v1:configmaps/a", with(json!({"name": "a", "resourceVersion": "0"}))),
        Step::put(
            "coordination.k8s.io/v1:leases/a",
            json!({"metadata": {"name": "a", "resourceVersion": "5"}, "spec": {"holderIdentity": "x"}}),
        ),
        Step::put(
            "coordination.k8s.io/v1:leases/a",
            json!({"metadata": {"name": "a", "uid": "12"}, "spec": {"holderIdentity": "x"}}),
        ),
        Step::put(
            "coordination.k8s.io/v1:leases/a",
            json!({"metadata": {"name": "a"}, "spec": {"holderIdentity": "x"}}),
        ),
    ]);
}
