//! Fields in the notation of conflicts: `.spec.containers[name="web"].image`.

use serde_json::{Map, Value};

use crate::FieldPath;

/// Whether `value` holds something at a path in the notation of conflicts, such as
/// `.spec.containers[name="web"].image`. Names stand in it unescaped, dots and all, so every reading that the
/// value allows is tried.
///
/// Source: structured-merge-diff, `fieldpath/element.go` and `value/value.go`.
pub fn holds(value: &Value, path: &str) -> bool {
    if path.is_empty() {
        return true;
    }
    if let Some(rest) = path.strip_prefix('.') {
        let fields = value.as_object().into_iter().flatten();
        return fields
            .filter_map(|(name, below)| Some((below, rest.strip_prefix(name.as_str())?)))
            .any(|(below, rest)| (rest.is_empty() || rest.starts_with(['.', '['])) && holds(below, rest));
    }
    let Some((step, rest)) = bracket(path) else { return false };
    FieldPath(vec![step]).locate(value).into_iter().any(|item| holds(item, rest))
}

/// Whether our Apply entry, `fields`, still owns the field at a path in the notation of conflicts: we applied it,
/// whatever else is forgotten, and another manager owns it with us.
pub fn claims(fields: &Value, path: &str) -> bool {
    let members = fields.as_object();
    if path.is_empty() || members.is_some_and(Map::is_empty) {
        // The field itself, or within one that is owned as a whole.
        return members.is_some_and(|members| members.is_empty() || members.contains_key("."));
    }
    let mut members = members.into_iter().flatten();
    if let Some(rest) = path.strip_prefix('.') {
        return members
            .filter_map(|(step, below)| Some((below, rest.strip_prefix(step.strip_prefix("f:")?)?)))
            .any(|(below, rest)| (rest.is_empty() || rest.starts_with(['.', '['])) && claims(below, rest));
    }
    let Some((wanted, rest)) = bracket(path) else { return false };
    members.any(|(step, below)| same_step(step, &wanted) && claims(below, rest))
}

/// Whether two steps of `fieldsV1` are the same, however their values are spelt.
fn same_step(one: &str, other: &str) -> bool {
    let read = |step: &str| {
        let (sort, value) = step.split_once(':')?;
        Some((sort.to_owned(), serde_json::from_str::<Value>(value).ok()?))
    };
    one == other || read(one).is_some_and(|one| read(other).as_ref() == Some(&one))
}

/// Reads `[name="web",port=80]`, `[="x"]` or `[3]` as a step of `fieldsV1`, with what comes after it.
fn bracket(path: &str) -> Option<(String, &str)> {
    let inside = path.strip_prefix('[')?;
    if let Some(text) = inside.strip_prefix('=') {
        let (value, rest) = scalar(text)?;
        return Some((format!("v:{value}"), rest.strip_prefix(']')?));
    }
    if let Some((index, rest)) = inside.split_once(']')
        && let Ok(index) = index.parse::<usize>()
    {
        return Some((format!("i:{index}"), rest));
    }
    let mut key = Map::new();
    let mut rest = inside;
    loop {
        let (name, text) = rest.split_once('=')?;
        let (value, after) = scalar(text)?;
        key.insert(name.to_owned(), value);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => return Some((format!("k:{}", Value::Object(key)), after.strip_prefix(']')?)),
        }
    }
}

/// Reads a scalar: quoted text (Go's quoting, as far as JSON reads it too), a number, a boolean or null.
fn scalar(text: &str) -> Option<(Value, &str)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let value = values.next()?.ok().filter(|value| !value.is_array() && !value.is_object())?;
    Some((value, text.get(values.byte_offset()..)?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn last() -> Value {
        json!({
            "metadata": {"labels": {"a.b/c": "d"}, "annotations": {"x": "1"}, "finalizers": ["f.io/x"]},
            "data": {"tls.crt": "1", "a": "2", "a.b": "3", "odd[0]": "4"},
            "spec": {"replicas": 3, "template": {"spec": {
                "containers": [{"name": "we\"b", "image": "x", "ports": [
                    {"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}]}],
            }}, "numbers": [7], "atomic": [{"x": 1}]},
        })
    }

    #[test]
    fn paths_are_found_in_the_manifest_applied_last() {
        for (path, held) in [
            (".spec.replicas", true),
            (".spec.paused", false),
            (".spec", true),
            (".data.tls.crt", true),
            (".data.tls", false),
            (".data.a", true),
            (".data.a.b", true),
            (".data.a.c", false),
            (".data.odd[0]", true),
            (".data.aa", false),
            (".metadata.labels.a.b/c", true),
            (".metadata.labels.a.b", false),
            (".metadata.finalizers[=\"f.io/x\"]", true),
            (".metadata.finalizers[=\"f.io/y\"]", false),
            (".spec.template.spec.containers[name=\"we\\\"b\"].image", true),
            (".spec.template.spec.containers[name=\"we\\\"b\"].command", false),
            (".spec.template.spec.containers[name=\"app\"].image", false),
            (
                ".spec.template.spec.containers[name=\"we\\\"b\"].ports[containerPort=80,protocol=\"UDP\"].protocol",
                true,
            ),
            (
                ".spec.template.spec.containers[name=\"we\\\"b\"].ports[containerPort=80,protocol=\"TCP\"].containerPort",
                true,
            ),
            (
                ".spec.template.spec.containers[name=\"we\\\"b\"].ports[containerPort=81,protocol=\"TCP\"]",
                false,
            ),
            (".spec.numbers[=7]", true),
            (".spec.numbers[=8]", false),
            (".spec.atomic[0].x", true),
            (".spec.atomic[1].x", false),
            (".spec.containers[name=\"unclosed", false),
            (".spec.atomic[", false),
            ("spec", false),
            ("", true),
        ] {
            assert_eq!(holds(&last(), path), held, "{path}");
        }
    }

    #[test]
    fn what_our_entry_owns_is_claimed() {
        let fields = json!({
            "f:data": {"f:tls.crt": {}, "f:a": {}},
            "f:spec": {"f:replicas": {}, "f:selector": {}, "f:containers": {
                "k:{\"name\":\"web\"}": {".": {}, "f:image": {}}}},
            "f:metadata": {"f:finalizers": {"v:\"f.io/x\"": {}}},
        });
        for (path, claimed) in [
            (".data.tls.crt", true),
            (".data.tls", false),
            (".data.b", false),
            (".data", false),
            (".spec.replicas", true),
            (".spec.selector.app", true),
            (".spec.containers[name=\"web\"]", true),
            (".spec.containers[name=\"web\"].image", true),
            (".spec.containers[name=\"web\"].command", false),
            (".spec.containers[name=\"app\"].image", false),
            (".metadata.finalizers[=\"f.io/x\"]", true),
            (".metadata.finalizers[=\"f.io/y\"]", false),
            ("", false),
        ] {
            assert_eq!(claims(&fields, path), claimed, "{path}");
        }
    }
}
