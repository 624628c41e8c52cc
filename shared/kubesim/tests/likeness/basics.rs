//! Create, get, list, replace; refusals.

use serde_json::json;

use crate::{alike, step::Step};

#[test]
fn an_object_is_created_read_and_replaced() {
    alike(&[
        Step::post(
            "v1:configmaps",
            json!({"metadata": {"name": "a", "labels": {"x": "y"}}, "data": {"k": "v"}}),
        ),
        Step::get("v1:configmaps/a"),
        Step::put("v1:configmaps/a", json!({"metadata": {"name": "a"}, "data": {"k": "w", "l": "x"}}))
            .by("other"),
        Step::put("v1:configmaps/a", json!({"metadata": {"name": "a"}, "data": {"k": "w", "l": "x"}}))
            .by("third"),
        Step::put("v1:configmaps/a", json!({"metadata": {"name": "a", "resourceVersion": "{rv:1}"}})),
        Step::put("v1:configmaps/a", json!({"metadata": {"name": "a", "uid": "wrong"}})),
        Step::put("v1:configmaps/a", json!({"metadata": {"name": "b"}})),
        Step::put("v1:configmaps/none", json!({"metadata": {"name": "none"}})),
        Step::get("v1:configmaps"),
        Step::get("v1:configmaps?labelSelector=x%3Dy"),
        Step::get("v1:configmaps?fieldSelector=metadata.name%3Da"),
        Step::get("v1:configmaps/a?resourceVersion=0"),
    ]);
}

#[test]
fn what_cannot_be_done_is_refused_in_the_same_words() {
    let map = |name: &str| json!({"metadata": {"name": name}});
    alike(&[
        Step::get("v1:configmaps/none"),
        Step::get("apps/v1:deployments/none"),
        Step::post("v1:configmaps", map("a")),
        Step::post("v1:configmaps", map("a")),
        Step::post("v1:configmaps", map("A_b")),
        Step::post("v1:configmaps", json!({"metadata": {}})),
        Step::post("v1:configmaps", json!({"metadata": {"name": "a", "namespace": "other"}})),
        Step::post("v1:configmaps", json!({"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "b"}}))
            .loosely(),
        Step::post("/api/v1/namespaces/{ns}-none/configmaps", map("a")),
        Step::post("v1:frobs", map("a")),
        Step::get("/apis/apps/v9/deployments"),
        Step::post("v1:configmaps/a", map("a")),
        Step::put("v1:configmaps", map("a")),
        Step::post("/api/v1/configmaps", map("a")),
        Step::delete("/api/v1/configmaps", json!({})),
        Step::get("/api/v1/configmaps/a"),
        Step::get("/api/v1/namespaces/{ns}/nodes"),
        Step::get("/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/clusterroles/a"),
        Step::delete("/api/v1/namespaces", json!({})),
        Step::get("v1:configmaps/a/status"),
        Step::get("/api/v1/namespaces/{ns}-none/configmaps/a"),
        Step::get("/api/v1/namespaces/{ns}-none"),
        Step::merge("/api/v1/namespaces/{ns}-none/configmaps/a", json!({})),
        Step::apply(
            "/api/v1/namespaces/{ns}-none/configmaps/a",
            "alice",
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}),
        ),
        Step::post("v1:configmaps?dryRun=Some", map("b")),
        Step::get("v1:configmaps?fieldSelector=spec.foo%3Da"),
        Step::get("v1:configmaps?labelSelector=a%20b%20c").loosely(),
        Step::delete("v1:configmaps/none", json!({})),
    ]);
}

#[test]
fn a_trial_changes_nothing() {
    alike(&[
        Step::post("v1:configmaps?dryRun=All", json!({"metadata": {"name": "a"}, "data": {"k": "v"}})),
        Step::get("v1:configmaps/a"),
        Step::post("v1:configmaps", json!({"metadata": {"name": "a"}, "data": {"k": "v"}})),
        Step::put("v1:configmaps/a?dryRun=All", json!({"metadata": {"name": "a"}, "data": {"k": "w"}})),
        Step::merge("v1:configmaps/a?dryRun=All", json!({"data": {"k": "w"}})),
        Step::delete("v1:configmaps/a", json!({"dryRun": ["All"]})),
        Step::get("v1:configmaps/a"),
    ]);
}

#[test]
fn unknown_fields_are_dropped_warned_of_or_refused() {
    let body = json!({"metadata": {"name": "a"}, "data": {"k": "v"}, "foo": 1});
    alike(&[
        Step::post("v1:configmaps?fieldValidation=Strict", body.clone()),
        Step::post("v1:configmaps?fieldValidation=Warn", body.clone()),
        Step::put("v1:configmaps/a?fieldValidation=Ignore", body),
    ]);
}

#[test]
fn a_list_comes_in_pages() {
    let map = |name: &str| Step::post("v1:configmaps", json!({"metadata": {"name": name}}));
    alike(&[
        map("a"),
        map("b"),
        map("c"),
        Step::get("v1:configmaps?limit=2"),
        Step::get("v1:configmaps?limit=5"),
    ]);
}

#[test]
fn a_name_is_generated() {
    // The name itself is drawn.
    alike(&[Step::post("v1:configmaps", json!({"metadata": {"generateName": "a-"}})).quietly(201)]);
}
