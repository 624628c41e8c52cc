//! Deletion.

use serde_json::json;

use crate::{alike, step::Step};

const MAP: &str = "v1:configmaps/a";

fn map() -> Step {
    Step::post("v1:configmaps", json!({"metadata": {"name": "a"}}))
}

#[test]
fn preconditions_hold_or_nothing_is_deleted() {
    alike(&[
        map(),
        Step::delete(MAP, json!({"preconditions": {"uid": "nope"}})),
        Step::delete(MAP, json!({"preconditions": {"resourceVersion": "1"}})),
        Step::delete(MAP, json!({"preconditions": {"uid": "{uid:1}", "resourceVersion": "{rv:1}"}})),
        Step::delete(MAP, json!({})),
        map(),
        Step::get(MAP),
    ]);
}

#[test]
fn finalizers_hold_an_object() {
    alike(&[
        Step::post("v1:configmaps", json!({"metadata": {"name": "a", "finalizers": ["e.io/a", "e.io/b"]}})),
        Step::delete(MAP, json!({})),
        Step::delete(MAP, json!({})),
        Step::merge(MAP, json!({"metadata": {"finalizers": ["e.io/b"]}})),
        Step::apply(
            MAP,
            "alice",
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a": "1"}}),
        ),
        Step::json(MAP, json!([{"op": "remove", "path": "/metadata/finalizers"}])),
        Step::get(MAP),
        Step::watch("v1:configmaps", "{rv:0}"),
    ]);
}

#[test]
fn propagation_is_a_finalizer() {
    alike(&[
        map(),
        Step::delete(MAP, json!({"propagationPolicy": "Foreground"})),
        Step::merge(MAP, json!({"metadata": {"finalizers": null}})),
        map(),
        Step::delete(MAP, json!({"propagationPolicy": "Orphan"})),
        Step::merge(MAP, json!({"metadata": {"finalizers": null}})),
        map(),
        Step::delete(MAP, json!({"propagationPolicy": "Background"})),
    ]);
}

#[test]
fn what_a_deletion_answers_depends_on_the_kind() {
    alike(&[
        Step::post("v1:services", json!({"metadata": {"name": "a"}, "spec": {"ports": [{"port": 80}]}})),
        Step::delete("v1:services/a", json!({})),
        Step::post("v1:serviceaccounts", json!({"metadata": {"name": "a"}})),
        Step::delete("v1:serviceaccounts/a", json!({})),
        Step::post("v1:secrets", json!({"metadata": {"name": "a"}, "stringData": {"a": "b"}})),
        Step::delete("v1:secrets/a", json!({})),
        Step::post("rbac.authorization.k8s.io/v1:roles", json!({"metadata": {"name": "a"}})),
        Step::delete("rbac.authorization.k8s.io/v1:roles/a", json!({})),
    ]);
}

#[test]
fn a_collection_is_deleted_by_label() {
    let map = |name: &str, label: &str| {
        Step::post("v1:configmaps", json!({"metadata": {"name": name, "labels": {"x": label}}}))
    };
    alike(&[
        map("a", "1"),
        map("b", "2"),
        map("c", "1"),
        Step::delete("v1:configmaps?labelSelector=x%3D1", json!({})),
        Step::get("v1:configmaps"),
    ]);
}

#[test]
fn a_namespace_that_goes_takes_nothing_new() {
    alike(&[
        map(),
        Step::delete("/api/v1/namespaces/{ns}", json!({})),
        Step::get("/api/v1/namespaces/{ns}"),
        Step::post("v1:configmaps", json!({"metadata": {"name": "b"}})),
        Step::merge(MAP, json!({"data": {"a": "1"}})),
        Step::delete(MAP, json!({})),
    ]);
}

#[test]
fn options_of_a_deletion_may_be_parameters() {
    alike(&[
        map(),
        Step::delete(&format!("{MAP}?dryRun=All"), json!({})),
        map(),
        Step::plain_delete(&format!("{MAP}?dryRun=All")),
        Step::plain_delete(&format!("{MAP}?propagationPolicy=Foreground")),
        Step::merge(MAP, json!({"metadata": {"finalizers": null}})),
        map(),
        Step::delete(MAP, json!({"orphanDependents": true})),
        Step::get(MAP),
        Step::force(
            MAP,
            "alice",
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "finalizers": ["e.io/a"]}}),
        ),
    ]);
}
