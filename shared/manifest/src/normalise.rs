//! Normal form of a desired object: the same bytes are applied, compared and fingerprinted.
//!
//! Each rule removes a way in which two spellings of one intent behave differently under server-side apply.
//! Source: measured on an API server 1.36; each rule names the behaviour that forces it.

use serde_json::{Map, Value};

use crate::text_maps::{encode_base64, is_secret};

/// Fields of `metadata` that only the server writes. Stated in a manifest they are refused (managed fields),
/// make every apply fail (resource version, uid) or mean nothing.
const SERVER_WRITTEN: [&str; 8] = [
    "managedFields",
    "resourceVersion",
    "uid",
    "creationTimestamp",
    "generation",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

/// Containers of `metadata` that are dropped when empty: left in, they raise the version at every apply.
const DROPPED_IF_EMPTY: [&str; 4] = ["labels", "annotations", "finalizers", "ownerReferences"];

/// Brings a desired object into normal form; doing it twice changes nothing more.
///
/// It must be called on what is desired, never on what is live.
pub fn normalise(object: &mut Value) {
    drop_nulls(object);
    drop_server_written(object);
    encode_string_data(object);
    drop_empty_metadata(object);
    drop_aggregated_rules(object);
}

/// Keys whose value is null say nothing, yet as part of a list item's key they make every apply append
/// another copy of the item.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(drop_nulls);
        }
    }
}

fn drop_server_written(object: &mut Value) {
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        metadata.retain(|key, _| !SERVER_WRITTEN.contains(&key.as_str()));
    }
}

/// `stringData` is owned as such while its effect lands in `data`, where nobody would see it changed. It wins
/// over `data`, as on the server.
fn encode_string_data(object: &mut Value) {
    if !is_secret(object) {
        return;
    }
    let Some(map) = object.as_object_mut() else { return };
    // Shapes that the server refuses anyway are left for it to name.
    let sound = map.get("data").is_none_or(Value::is_object);
    let Some(Value::Object(texts)) = map.get_mut("stringData").filter(|_| sound) else { return };
    let texts = std::mem::take(texts);
    map.shift_remove("stringData");
    if texts.is_empty() {
        return;
    }
    if let Value::Object(data) = map.entry("data").or_insert_with(|| Value::Object(Map::new())) {
        for (key, text) in texts {
            let encoded = text.as_str().map(|text| encode_base64(text.as_bytes()));
            data.insert(key, encoded.map_or(text, Value::String));
        }
    }
}

/// Also in objects inside objects: anything with `apiVersion`, `kind` and `metadata`.
fn drop_empty_metadata(value: &mut Value) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        Value::Array(items) => items.iter_mut().for_each(drop_empty_metadata),
        Value::Object(map) => {
            if map.contains_key("apiVersion")
                && map.contains_key("kind")
                && let Some(Value::Object(metadata)) = map.get_mut("metadata")
            {
                metadata.retain(|key, value| !(DROPPED_IF_EMPTY.contains(&key.as_str()) && is_empty(value)));
            }
            map.values_mut().for_each(drop_empty_metadata);
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

/// A controller owns the rules of an aggregated ClusterRole; stating them starts a fight without end.
fn drop_aggregated_rules(object: &mut Value) {
    let text = |key| object.get(key).and_then(Value::as_str);
    let is_role = text("kind") == Some("ClusterRole")
        && text("apiVersion").is_some_and(|version| version.starts_with("rbac.authorization.k8s.io/"));
    if is_role
        && object.get("aggregationRule").is_some()
        && let Some(map) = object.as_object_mut()
    {
        map.shift_remove("rules");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn check(object: Value, expected: Value) {
        let mut got = object.clone();
        normalise(&mut got);
        assert_eq!(got, expected, "{object}");
        normalise(&mut got);
        assert_eq!(got, expected, "twice: {object}");
    }

    #[test]
    fn nulls_go_at_every_depth_but_not_out_of_lists() {
        check(
            json!({"spec": {"ports": [{"containerPort": 80, "protocol": null}], "args": [null, "a"], "x": {"y": null}}}),
            json!({"spec": {"ports": [{"containerPort": 80}], "args": [null, "a"], "x": {}}}),
        );
    }

    #[test]
    fn string_data_becomes_data_and_wins() {
        let secret = |rest: Value| {
            let mut object = json!({"apiVersion": "v1", "kind": "Secret"});
            object.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
            object
        };
        for (rest, expected) in [
            (
                json!({"stringData": {"a": "x", "b": ""}, "data": {"a": "eQ==", "c": "eg=="}}),
                json!({"data": {"a": "eA==", "c": "eg==", "b": ""}}),
            ),
            (json!({"stringData": {"a": "x"}, "data": null}), json!({"data": {"a": "eA=="}})),
            (json!({"stringData": {}}), json!({})),
            (json!({"stringData": {}, "data": {}}), json!({"data": {}})),
        ] {
            check(secret(rest), secret(expected));
        }
        let other = json!({"apiVersion": "example.com/v1", "kind": "Secret", "stringData": {"a": "x"}});
        check(other.clone(), other);
    }

    #[test]
    fn empty_metadata_goes_also_in_embedded_objects() {
        let empty =
            json!({"name": "a", "labels": {}, "annotations": {}, "finalizers": [], "ownerReferences": []});
        let full = json!({"name": "a", "labels": {"b": "c"}, "annotations": {"d": ""}});
        check(
            json!({"apiVersion": "v1", "kind": "A", "metadata": empty, "spec": {"objects": [
                {"apiVersion": "v1", "kind": "B", "metadata": empty},
                {"apiVersion": "v1", "kind": "C", "metadata": full},
                {"metadata": {"labels": {}}},
            ]}}),
            json!({"apiVersion": "v1", "kind": "A", "metadata": {"name": "a"}, "spec": {"objects": [
                {"apiVersion": "v1", "kind": "B", "metadata": {"name": "a"}},
                {"apiVersion": "v1", "kind": "C", "metadata": full},
                {"metadata": {"labels": {}}},
            ]}}),
        );
    }

    #[test]
    fn what_only_the_server_writes_goes() {
        check(
            json!({"metadata": {"name": "a", "uid": "u", "resourceVersion": "1", "managedFields": [{}],
                "creationTimestamp": null, "generation": 2}, "status": {"phase": "x"}}),
            json!({"metadata": {"name": "a"}, "status": {"phase": "x"}}),
        );
        check(
            json!({"spec": {"template": {"metadata": {"creationTimestamp": null}}}}),
            json!({"spec": {"template": {"metadata": {}}}}),
        );
    }

    #[test]
    fn aggregated_roles_lose_their_rules() {
        let role = |version: &str, kind: &str, aggregated: Value| json!({"apiVersion": version, "kind": kind, "aggregationRule": aggregated, "rules": []});
        let rbac = "rbac.authorization.k8s.io/v1";
        check(
            role(rbac, "ClusterRole", json!({})),
            json!({"apiVersion": rbac, "kind": "ClusterRole", "aggregationRule": {}}),
        );
        check(
            role(rbac, "ClusterRole", json!(null)),
            json!({"apiVersion": rbac, "kind": "ClusterRole", "rules": []}),
        );
        check(role("x/v1", "ClusterRole", json!({})), role("x/v1", "ClusterRole", json!({})));
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            prop::sample::select(vec!["v1", "Secret", "", "eA=="]).prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 48, 6, |inner| {
            let key = prop::sample::select(vec![
                "apiVersion",
                "kind",
                "metadata",
                "labels",
                "data",
                "stringData",
                "uid",
                "rules",
                "a",
            ]);
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map(key, inner, 0..6)
                    .prop_map(|map| map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_second_time_changes_nothing(mut value in any_value()) {
            normalise(&mut value);
            let once = value.clone();
            normalise(&mut value);
            prop_assert_eq!(value, once);
        }
    }
}
