//! Which items of two lists belong together.

use std::collections::HashSet;

use serde_json::Value;

/// How two lists are compared.
pub(crate) enum Pairing {
    /// Each item has a label, such as `[name=web]`, that no other item of its list has.
    Labelled {
        /// Labels of the old items.
        old: Vec<String>,
        /// Labels of the new items.
        new: Vec<String>,
    },
    /// Item by item.
    Position,
}

/// Fields that name list items, in order of preference; the first that all items have and no two share wins.
///
/// Source: `x-kubernetes-list-map-keys` and `patchMergeKey` in the API server's OpenAPI document. A name comes
/// before the keys of ports and mounts, because people know a port by its name.
const KEYS: [&[&str]; 12] = [
    &["name"],
    &["namespace", "name"],
    &["kind", "name"],
    &["containerPort", "protocol"],
    &["port", "protocol"],
    &["mountPath"],
    &["devicePath"],
    &["topologyKey", "whenUnsatisfiable"],
    &["key"],
    &["ip"],
    &["host"],
    &["type"],
];

/// Pairs by the fields that name the items; scalars by themselves.
pub(crate) fn pairing(old: &[Value], new: &[Value]) -> Pairing {
    if one_replaced(old, new) {
        return Pairing::Position;
    }
    let keyed = KEYS.iter().find_map(|key| both(old, new, |item| keyed_label(item, key)));
    let found = keyed.or_else(|| both(old, new, scalar_label));
    found.map_or(Pairing::Position, |(old, new)| Pairing::Labelled { old, new })
}

/// Whether two lists of scalars are the same but for one place: then it reads as a change of that place.
fn one_replaced(old: &[Value], new: &[Value]) -> bool {
    let scalars = old.iter().chain(new).all(|item| scalar_label(item).is_some());
    scalars && old.len() == new.len() && old.iter().zip(new).filter(|(old, new)| old != new).count() == 1
}

fn both(
    old: &[Value],
    new: &[Value],
    label: impl Fn(&Value) -> Option<String>,
) -> Option<(Vec<String>, Vec<String>)> {
    Some((labels(old, &label)?, labels(new, &label)?))
}

/// One label for each item, or `None` if an item has none or two share one.
fn labels(items: &[Value], label: impl Fn(&Value) -> Option<String>) -> Option<Vec<String>> {
    let labels: Vec<String> = items.iter().map(label).collect::<Option<_>>()?;
    let distinct: HashSet<&String> = labels.iter().collect();
    (distinct.len() == labels.len()).then_some(labels)
}

fn keyed_label(item: &Value, key: &[&str]) -> Option<String> {
    let map = item.as_object()?;
    let part = |name: &&str| match map.get(*name) {
        Some(Value::String(text)) => Some(format!("{name}={text}")),
        Some(Value::Number(number)) => Some(format!("{name}={number}")),
        None if *name == "protocol" => Some("protocol=TCP".to_owned()),
        Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => None,
    };
    let parts: Vec<String> = key.iter().map(part).collect::<Option<_>>()?;
    Some(format!("[{}]", parts.join(",")))
}

fn scalar_label(item: &Value) -> Option<String> {
    match item {
        Value::String(text) => Some(format!("[={text}]")),
        Value::Null | Value::Bool(_) | Value::Number(_) => Some(format!("[={item}]")),
        Value::Array(_) | Value::Object(_) => None,
    }
}
