//! Reading and writing what every object has.

use serde_json::{Map, Value};

/// A text of the metadata; empty if it is not there.
pub(crate) fn meta<'a>(object: &'a Value, name: &str) -> &'a str {
    object["metadata"][name].as_str().unwrap_or_default()
}

/// Sets a field of the metadata, which is made if it is not there.
pub(crate) fn set_meta(object: &mut Value, name: &str, value: Value) {
    let Some(members) = object.as_object_mut() else { return };
    let metadata = members.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    if !metadata.is_object() {
        *metadata = Value::Object(Map::new());
    }
    metadata[name] = value;
}

/// Takes a field of the metadata out.
pub(crate) fn drop_meta(object: &mut Value, name: &str) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.shift_remove(name);
    }
}

/// Takes a field of the metadata from another object, also if it has none.
pub(crate) fn take_meta(object: &mut Value, name: &str, from: &Value) {
    match from["metadata"].get(name) {
        Some(value) => set_meta(object, name, value.clone()),
        None => drop_meta(object, name),
    }
}

/// The finalizers that an object waits for.
pub(crate) fn finalizers(object: &Value) -> Vec<&str> {
    let list = object["metadata"]["finalizers"].as_array();
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Takes a finalizer out.
pub(crate) fn drop_finalizer(object: &mut Value, name: &str) {
    if let Some(list) = object["metadata"].get_mut("finalizers").and_then(Value::as_array_mut) {
        list.retain(|finalizer| finalizer != name);
        if list.is_empty() {
            drop_meta(object, "finalizers");
        }
    }
}

/// Whether an object is of a kind.
pub(crate) fn is(object: &Value, version: &str, kind: &str) -> bool {
    object["apiVersion"] == version && object["kind"] == kind
}

/// Whether an object is on its way out.
pub(crate) fn is_deleting(object: &Value) -> bool {
    !meta(object, "deletionTimestamp").is_empty()
}

/// An object without the times of its managers: what decides whether a write changes anything.
/// Source: k8s.io/apiserver, `IgnoreManagedFieldsTimestampsTransformer`.
pub(crate) fn without_times(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(entries) = object["metadata"].get_mut("managedFields").and_then(Value::as_array_mut) {
        for entry in entries.iter_mut().filter_map(Value::as_object_mut) {
            entry.shift_remove("time");
        }
    }
    object
}
