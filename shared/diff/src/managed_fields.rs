//! Managed fields: who owns which field of a live object.
//!
//! Source: Kubernetes "Server-Side Apply"; structured-merge-diff `fieldpath` for the form of `fieldsV1`.

use serde_json::Value;

use crate::FieldPath;

/// Deepest `fieldsV1` that is read. The API server's own JSON reader, and ours, stop near 128 levels of the
/// object itself.
const DEPTH_MAX: usize = 128;

/// How a manager came to own its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// By server-side apply.
    Apply,
    /// By any other write.
    Update,
}

/// One entry of `metadata.managedFields`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry<'a> {
    /// Who.
    pub manager: &'a str,
    /// How.
    pub operation: Operation,
    /// The version in which the fields are named.
    pub api_version: &'a str,
    /// `status`, `scale`, …; `None` for the object itself.
    pub subresource: Option<&'a str>,
    /// When it was changed last, RFC 3339.
    pub time: Option<&'a str>,
    /// The owned fields, as `fieldsV1` tree.
    pub fields: &'a Value,
}

/// The readable entries of a live object; unreadable ones are left out.
pub fn entries(live: &Value) -> Vec<Entry<'_>> {
    let list = live.pointer("/metadata/managedFields").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(entry).collect()
}

fn entry(value: &Value) -> Option<Entry<'_>> {
    let text = |name| value.get(name).and_then(Value::as_str);
    let fields = value.get("fieldsV1").filter(|fields| fields.is_object() && fits(fields, DEPTH_MAX))?;
    let operation = match text("operation")? {
        "Apply" => Operation::Apply,
        "Update" => Operation::Update,
        _ => return None,
    };
    Some(Entry {
        manager: text("manager")?,
        operation,
        api_version: text("apiVersion")?,
        subresource: text("subresource").filter(|name| !name.is_empty()),
        time: text("time"),
        fields,
    })
}

fn fits(fields: &Value, levels: usize) -> bool {
    let below = fields.as_object().map(|map| map.values());
    levels > 0 && below.into_iter().flatten().all(|child| fits(child, levels - 1))
}

/// The one entry through which `manager` applies the object itself; `None` if there is none, or, against the
/// server's rules, several.
pub fn apply_entry<'a>(live: &'a Value, manager: &str) -> Option<Entry<'a>> {
    let ours = |entry: &Entry<'_>| {
        entry.manager == manager && entry.operation == Operation::Apply && entry.subresource.is_none()
    };
    let mut found = entries(live).into_iter().filter(ours);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// The entries that own the field at `path`: they name it, or own a container above it as a whole.
pub fn owners<'e, 'a>(entries: &'e [Entry<'a>], path: &FieldPath) -> Vec<&'e Entry<'a>> {
    entries.iter().filter(|entry| owns(entry.fields, &path.0)).collect()
}

fn owns(fields: &Value, path: &[String]) -> bool {
    let Some(map) = fields.as_object() else { return false };
    match path.split_first() {
        _ if map.is_empty() => true,
        None => map.contains_key("."),
        Some((step, rest)) => map.get(step).is_some_and(|child| owns(child, rest)),
    }
}

/// Every field that the entry owns, containers that it owns as such included, in the order of the tree.
pub fn owned_paths(entry: &Entry<'_>) -> Vec<FieldPath> {
    let mut paths = Vec::new();
    collect(entry.fields, &mut Vec::new(), &mut paths);
    paths
}

fn collect(fields: &Value, at: &mut Vec<String>, paths: &mut Vec<FieldPath>) {
    let Some(map) = fields.as_object() else { return };
    if (map.is_empty() || map.contains_key(".")) && !at.is_empty() {
        paths.push(FieldPath(at.clone()));
    }
    for (step, child) in map.iter().filter(|(step, _)| *step != ".") {
        at.push(step.clone());
        collect(child, at, paths);
        at.pop();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn live() -> Value {
        let entry = |manager: &str, operation: &str, subresource: &str, fields: Value| {
            json!({"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1",
                "subresource": subresource, "time": "2026-01-01T00:00:00Z", "fieldsV1": fields})
        };
        json!({"metadata": {"managedFields": [
            entry("us", "Update", "", json!({"f:a": {}})),
            entry("us", "Apply", "status", json!({"f:b": {}})),
            entry("us", "Apply", "", json!({"f:spec": {".": {}, "f:list": {"k:{\"n\":1}": {".": {}, "f:n": {}}}, "f:x": {}}})),
            entry("you", "Update", "", json!({"f:spec": {"f:x": {}, "f:list": {}}})),
        ]}})
    }

    #[test]
    fn our_entry_is_the_apply_without_a_subresource() {
        let live = live();
        let found = apply_entry(&live, "us").unwrap();
        assert_eq!((found.operation, found.subresource), (Operation::Apply, None));
        assert!(found.fields.get("f:spec").is_some());
        assert_eq!(apply_entry(&live, "you"), None);
        let mut twice = live.clone();
        let list = twice["metadata"]["managedFields"].as_array_mut().unwrap();
        list.push(list[2].clone());
        assert_eq!(apply_entry(&twice, "us"), None);
    }

    #[test]
    fn owners_include_those_of_a_container_as_a_whole() {
        let live = live();
        let entries = entries(&live);
        let who = |steps: &[&str]| {
            let path = FieldPath(steps.iter().map(|step| (*step).to_owned()).collect());
            owners(&entries, &path).iter().map(|entry| entry.manager).collect::<Vec<_>>()
        };
        assert_eq!(who(&["f:spec", "f:x"]), ["us", "you"]);
        assert_eq!(who(&["f:spec"]), ["us"]);
        assert_eq!(who(&["f:spec", "f:list", "k:{\"n\":1}", "f:n"]), ["us", "you"]);
        assert_eq!(who(&["f:spec", "f:list", "k:{\"n\":2}"]), ["you"]);
        assert_eq!(who(&["f:nothing"]), [""; 0]);
    }

    #[test]
    fn owned_paths_list_leaves_and_owned_containers() {
        let live = live();
        let paths: Vec<_> =
            owned_paths(&apply_entry(&live, "us").unwrap()).iter().map(FieldPath::to_string).collect();
        assert_eq!(paths, ["spec", "spec.list[n=1]", "spec.list[n=1].n", "spec.x"]);
    }

    #[test]
    fn nonsense_is_left_out() {
        let mut deep = json!({});
        for _ in 0..DEPTH_MAX {
            deep = json!({"f:a": deep});
        }
        for bad in [
            json!(1),
            json!({}),
            json!({"manager": "us", "operation": "Apply", "apiVersion": "v1", "fieldsV1": deep}),
        ] {
            assert_eq!(entries(&json!({"metadata": {"managedFields": [bad]}})), []);
        }
        assert_eq!(entries(&json!({"metadata": {"managedFields": {}}})), []);
        assert_eq!(entries(&json!(null)), []);
    }
}
