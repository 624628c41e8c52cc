//! Fields that stay behind when they are dropped from the manifest, because another actor changed them.
//!
//! Server-side apply removes what we drop only while we own it. A person who changed the value took the field
//! from us, so it would stay for ever, as would fields of a kubectl whose objects were taken over. They are
//! removed explicitly, with three exceptions. Another manager that *applies* declares the field and keeps it.
//! A writer of a subresource keeps its own: dropping `replicas` is how a Deployment is handed to an
//! autoscaler. A value that nobody owns is a default, and would come back.

use serde_json::Value;

use crate::{Entry, FieldPath, Operation, entries, owned_paths, pointer::in_order_of_removal};

/// JSON pointers, in order of removal, of what `last` held, `new` does not, and only writers without a claim
/// keep in `live`, the answer to the apply of `new`.
pub fn leftovers(live: &Value, last: &Value, new: &Value) -> Vec<String> {
    let entries = entries(live);
    let dropped = |path: &FieldPath| held(last, path) && !held(new, path);
    let owned = entries.iter().filter(|entry| is_writer(entry)).flat_map(owned_paths);
    let paths = owned.filter(|path| dropped(path) && path.0.first().is_some_and(|step| step != "f:status"));
    let raised = paths.map(|path| raise(path, &entries, last, &dropped));
    let free = raised.filter(|path| !entries.iter().any(|entry| !is_writer(entry) && touches(entry, path)));
    in_order_of_removal(free.flat_map(|path| path.pointers(live)).collect())
}

/// Whether an entry stands for somebody who just wrote, and declares nothing.
pub(crate) fn is_writer(entry: &Entry<'_>) -> bool {
    entry.operation == Operation::Update && entry.subresource.is_none()
}

/// Whether an entry owns the field at `path`, something inside it, or a container of it as a whole.
pub(crate) fn touches(entry: &Entry<'_>, path: &FieldPath) -> bool {
    let mut fields = entry.fields;
    for step in &path.0 {
        match fields.as_object() {
            Some(members) if members.is_empty() => return true,
            Some(members) => match members.get(step) {
                Some(below) => fields = below,
                None => return false,
            },
            None => return false,
        }
    }
    true
}

/// Whether `value` holds anything at `path`.
pub(crate) fn held(value: &Value, path: &FieldPath) -> bool {
    !path.locate(value).is_empty()
}

/// The path without its last step.
pub(crate) fn parent(path: &FieldPath) -> FieldPath {
    FieldPath(path.0[..path.0.len().saturating_sub(1)].to_vec())
}

/// The outermost container that was dropped with the field and holds nothing of others but what we dropped:
/// of a list item that loses every field nothing should stay.
fn raise(
    mut path: FieldPath,
    entries: &[Entry<'_>],
    last: &Value,
    dropped: &impl Fn(&FieldPath) -> bool,
) -> FieldPath {
    loop {
        let above = parent(&path);
        let ours_once = |inner: &FieldPath| !inner.0.starts_with(&above.0) || held(last, inner);
        let all = |entry: &Entry<'_>| owned_paths(entry).iter().all(ours_once);
        if above.0.is_empty() || !dropped(&above) || !entries.iter().all(all) {
            return path;
        }
        path = above;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(manager: &str, operation: &str, subresource: &str, fields: Value) -> Value {
        json!({"manager": manager, "operation": operation, "apiVersion": "v1", "subresource": subresource,
            "fieldsV1": fields})
    }

    fn with(mut object: Value, entries: Value) -> Value {
        object["metadata"] = json!({"managedFields": entries});
        object
    }

    #[test]
    fn what_only_writers_keep_goes() {
        let field = json!({"f:data": {"f:b": {}}});
        let ours = entry("driftless:a", "Apply", "", json!({"f:data": {"f:a": {}}}));
        for (what, others, left) in [
            ("nobody: a default", vec![], vec![]),
            ("a person", vec![entry("alice", "Update", "", field.clone())], vec!["/data/b"]),
            ("another manager", vec![entry("bob", "Apply", "", field.clone())], vec![]),
            (
                "both",
                vec![entry("alice", "Update", "", field.clone()), entry("bob", "Apply", "", field.clone())],
                vec![],
            ),
            ("a subresource", vec![entry("scaler", "Update", "scale", field.clone())], vec![]),
            ("all of it as a whole", vec![entry("bob", "Apply", "", json!({"f:data": {}}))], vec![]),
            ("another field", vec![entry("alice", "Update", "", json!({"f:data": {"f:c": {}}}))], vec![]),
        ] {
            let entries: Vec<Value> = std::iter::once(ours.clone()).chain(others).collect();
            let live = with(json!({"data": {"a": "1", "b": "2", "c": "3"}}), json!(entries));
            let (last, new) = (json!({"data": {"a": "1", "b": "1"}}), json!({"data": {"a": "1"}}));
            assert_eq!(leftovers(&live, &last, &new), left, "{what}");
        }
    }

    #[test]
    fn a_dropped_item_goes_as_a_whole_unless_others_added_to_it() {
        let last = json!({"spec": {"env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "1"}], "map": {"a": 1}}});
        let new = json!({"spec": {"env": [{"name": "Y", "value": "1"}]}});
        let live = json!({"spec": {"env": [{"name": "Y", "value": "1"}, {"name": "X", "value": "9", "more": 1}], "map": {"a": 2, "b": 3}}});
        let value =
            json!({"f:spec": {"f:env": {"k:{\"name\":\"X\"}": {"f:value": {}}}, "f:map": {"f:a": {}}}});
        let found = leftovers(&with(live.clone(), json!([entry("alice", "Update", "", value)])), &last, &new);
        assert_eq!(found, ["/spec/map", "/spec/env/1"]);
        let more = json!({"f:spec": {"f:env": {"k:{\"name\":\"X\"}": {"f:value": {}, "f:more": {}}}, "f:map": {"f:a": {}, "f:b": {}}}});
        let found = leftovers(&with(live, json!([entry("alice", "Update", "", more)])), &last, &new);
        assert_eq!(found, ["/spec/map/a", "/spec/env/1/value"]);
    }
}
