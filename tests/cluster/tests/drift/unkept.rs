//! Empty containers that a manifest names and the server does not keep.

use serde_json::Value;

/// Removes from `wanted` each `{}` and `[]` that `live` has nothing for; whether there was one. Items of lists
/// are left alone: they have no place of their own to be missing from.
pub fn strip(wanted: &mut Value, live: &Value) -> bool {
    let Some(fields) = wanted.as_object_mut() else { return false };
    let before = fields.len();
    fields.retain(|name, value| !is_empty(value) || live.get(name).is_some());
    let mut stripped = fields.len() < before;
    for (name, value) in fields {
        if let Some(live) = live.get(name) {
            stripped |= strip(value, live);
        }
    }
    stripped
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(serde_json::Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

#[test]
fn only_empties_that_are_missing_go() {
    use serde_json::json;
    let live = json!({"data": {"a": "1"}, "kept": {}, "spec": {"list": []}});
    for (wanted, stripped) in [
        (json!({"data": {"a": "1"}, "binaryData": {}}), Some(json!({"data": {"a": "1"}}))),
        (json!({"spec": {"list": [], "args": []}}), Some(json!({"spec": {"list": []}}))),
        (json!({"kept": {}}), None),
        (json!({"missing": {"a": "1"}}), None),
        (json!({"missing": ""}), None),
        (json!({"items": [{"empty": {}}]}), None),
    ] {
        let mut body = wanted.clone();
        assert_eq!(strip(&mut body, &live), stripped.is_some(), "{wanted}");
        assert_eq!(body, stripped.unwrap_or(wanted));
    }
}
