//! Definitions and custom resources.

use serde_json::{Value, json};

use crate::{alike, step::Step};

fn definition(schema: Value) -> Value {
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
    "metadata": {"name": "carts.{ns}.example"},
    "spec": {"group": "{ns}.example", "scope": "Namespaced",
        "names": {"plural": "carts", "singular": "cart", "kind": "Cart", "shortNames": ["ct"]},
        "versions": [
            {"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}, "subresources": {"status": {}}},
            {"name": "v1beta1", "served": true, "storage": false, "schema": {"openAPIV3Schema": schema}, "subresources": {"status": {}}},
        ]}})
}

fn schema() -> Value {
    json!({"type": "object", "properties": {
        "spec": {"type": "object", "properties": {
            "size": {"type": "integer", "minimum": 1, "maximum": 9},
            "inner": {"type": "object", "required": ["must"], "properties": {"must": {"type": "string"}}},
            "color": {"type": "string", "default": "red", "enum": ["red", "blue"]},
            "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
            "plain": {"type": "array", "items": {"type": "string"}},
            "items": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "count": {"type": "integer", "default": 1}}}},
            "atom": {"type": "object", "x-kubernetes-map-type": "atomic", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "port": {"x-kubernetes-int-or-string": true},
        }},
        "status": {"type": "object", "properties": {"seen": {"type": "integer"}}},
    }})
}

const CARTS: &str = "{ns}.example/v1:carts";
pub const CART: &str = "{ns}.example/v1:carts/a";
const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

fn cart(spec: Value) -> Value {
    json!({"apiVersion": "{ns}.example/v1", "kind": "Cart", "metadata": {"name": "a"}, "spec": spec})
}

pub fn defined() -> Vec<Step> {
    vec![
        Step::post(DEFINITIONS, definition(schema())),
        Step::get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/carts.{ns}.example")
            .until_holds("InitialNamesAccepted"),
        Step::get(CARTS).quietly(200),
    ]
}

#[test]
fn objects_are_validated_pruned_and_defaulted() {
    let mut steps = defined();
    steps.extend([
        Step::post(CARTS, cart(json!({"size": 1, "unknown": 1, "items": [{"name": "x"}], "free": {"any": [1, {"a": null}]}}))),
        Step::get(CART),
        Step::get("{ns}.example/v1beta1:carts/a"),
        Step::get(CARTS),
        Step::post(CARTS, json!({"apiVersion": "{ns}.example/v1", "kind": "Cart", "metadata": {"name": "b"}, "spec": {"size": 10}})),
        Step::post(CARTS, json!({"apiVersion": "{ns}.example/v1", "kind": "Cart", "metadata": {"name": "b"}, "spec": {"inner": {}}})),
        Step::post(CARTS, json!({"apiVersion": "{ns}.example/v1", "kind": "Cart", "metadata": {"name": "b"}, "spec": {"size": "x"}})).loosely(),
        Step::put(CART, cart(json!({"size": 2}))),
        Step::merge(CART, json!({"spec": {"size": 2}, "status": {"seen": 1}})),
        Step::merge(&format!("{CART}/status"), json!({"spec": {"size": 3}, "status": {"seen": 1}})).by("controller"),
        Step::strategic(CART, json!({})),
        Step::get("/apis/{ns}.example/v1").quietly(200),
        Step::delete(CART, json!({})),
        Step::get("v1:carts").loosely(),
    ]);
    alike(&steps);
}

#[test]
fn custom_resources_are_applied() {
    let mut steps = defined();
    let item = |name: &str, count: u8| json!({"name": name, "count": count});
    steps.extend([
        Step::apply(CART, "alice", cart(json!({"size": 1, "tags": ["b", "a"], "items": [item("x", 1), {"name": "y"}], "atom": {"a": "1"}}))),
        Step::apply(CART, "alice", cart(json!({"size": 1, "tags": ["b", "a"], "items": [item("x", 1), {"name": "y"}], "atom": {"a": "1"}}))),
        Step::apply(CART, "bob", cart(json!({"tags": ["c", "a"], "items": [item("z", 2)], "plain": ["1"]}))),
        Step::apply(CART, "bob", cart(json!({"items": [item("x", 2)], "atom": {"b": "1"}}))),
        Step::force(CART, "bob", cart(json!({"items": [item("x", 2)], "atom": {"b": "1"}}))),
        Step::apply(CART, "alice", cart(json!({"size": 1, "tags": ["a"]}))),
        Step::apply(CART, "alice", cart(json!({"size": 1, "unknown": 1}))),
        Step::apply(CART, "alice", cart(json!({"size": 1, "free": {"a": {"b": 1}, "l": [1]}}))),
        Step::apply(CART, "carol", cart(json!({"free": {"a": {"c": 1}}}))),
        Step::apply("{ns}.example/v1beta1:carts/a", "dora", json!({"apiVersion": "{ns}.example/v1beta1", "kind": "Cart", "metadata": {"name": "a"}, "spec": {"size": 1, "port": "http"}})),
        Step::apply(&format!("{CART}/status"), "controller", json!({"apiVersion": "{ns}.example/v1", "kind": "Cart", "metadata": {"name": "a"}, "status": {"seen": 3}})),
        Step::get(CART),
    ]);
    alike(&steps);
}

#[test]
fn a_definition_takes_its_objects_along() {
    let mut steps = defined();
    steps.extend([
        Step::post(CARTS, cart(json!({"size": 1}))),
        Step::delete("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/carts.{ns}.example", json!({}))
            .quietly(200),
        Step::get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/carts.{ns}.example").until(404),
        Step::get(CARTS).quietly(404),
    ]);
    alike(&steps);
}

#[test]
fn a_custom_kind_may_be_called_like_a_built_in_one() {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let version =
        json!({"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}});
    let definition = json!({"metadata": {"name": "carts.{ns}.example"}, "spec": {"group": "{ns}.example",
        "scope": "Namespaced", "names": {"plural": "carts", "singular": "cart", "kind": "Service"}, "versions": [version]}});
    let service = json!({"apiVersion": "{ns}.example/v1", "kind": "Service", "metadata": {"name": "a"},
        "spec": {"ports": [{"port": 1}]}, "status": {"x": 1}});
    alike(&[
        Step::post(DEFINITIONS, definition),
        Step::get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/carts.{ns}.example")
            .until_holds("InitialNamesAccepted"),
        Step::get(CARTS).quietly(200),
        Step::post(CARTS, service.clone()),
        Step::apply(CART, "alice", service),
        Step::merge(CART, json!({"metadata": {"annotations": {"a": "b"}}, "status": {"x": 2}})),
        Step::delete(CART, json!({})),
    ]);
}
