//! Strategic merge patches: merge patches that know the keys of lists.
//!
//! Source: k8s.io/apimachinery/pkg/util/strategicpatch: `$patch`, `$retainKeys`, `$setElementOrder`,
//! `$deleteFromPrimitiveList`.

use serde_json::{Map, Value};

use crate::schema::{Strategy, Type};

/// A value with a patch applied to it.
///
/// # Errors
/// What is wrong with the patch.
pub(super) fn strategic(of: &Type, live: Option<&Value>, patch: &Value) -> Result<Value, String> {
    let Some(patch) = patch.as_object() else { return Ok(patch.clone()) };
    match patch.get("$patch").and_then(Value::as_str) {
        Some("replace") => return Ok(plain(patch)),
        Some("delete") => return Ok(Value::Object(Map::new())),
        Some("merge") | None => {}
        Some(other) => return Err(format!("unknown patch type: {other}")),
    }
    let mut out = live.and_then(Value::as_object).cloned().unwrap_or_default();
    if let Some(kept) = patch.get("$retainKeys").and_then(Value::as_array) {
        out.retain(|name, _| kept.iter().any(|kept| kept == name.as_str()));
    }
    for (name, value) in patch.iter().filter(|(name, _)| !name.starts_with('$')) {
        if value.is_null() {
            out.shift_remove(name);
            continue;
        }
        let child = of.child(name).unwrap_or(&Type::Any);
        let strategy = of.field(name).and_then(|field| field.patch.as_ref());
        let order = patch.get(&format!("$setElementOrder/{name}")).and_then(Value::as_array);
        let merged = match (value, strategy) {
            (Value::Array(items), Some(strategy)) if strategy.name.contains("merge") => {
                list((child, strategy), out.get(name), items, order)?
            }
            _ => strategic(child, out.get(name), value)?,
        };
        out.insert(name.clone(), merged);
    }
    for (name, gone) in patch {
        let Some(name) = name.strip_prefix("$deleteFromPrimitiveList/") else { continue };
        let gone = gone.as_array().cloned().unwrap_or_default();
        if let Some(items) = out.get_mut(name).and_then(Value::as_array_mut) {
            items.retain(|item| !gone.contains(item));
        }
    }
    order_only(of, patch, &mut out);
    Ok(Value::Object(out))
}

/// A value without directives.
fn plain(patch: &Map<String, Value>) -> Value {
    let members = patch.iter().filter(|(name, _)| !name.starts_with('$'));
    Value::Object(members.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// Lists of which the patch gives the order alone.
fn order_only(of: &Type, patch: &Map<String, Value>, out: &mut Map<String, Value>) {
    for (name, order) in patch {
        let Some(name) = name.strip_prefix("$setElementOrder/") else { continue };
        let key = of
            .field(name)
            .and_then(|field| field.patch.as_ref())
            .and_then(|strategy| strategy.key.as_deref());
        if let (false, Some(items), Some(order)) =
            (patch.contains_key(name), out.get_mut(name).and_then(Value::as_array_mut), order.as_array())
        {
            let before = items.clone();
            sort(items, order, &before, key);
        }
    }
}

fn list(
    of: (&Type, &Strategy),
    live: Option<&Value>,
    patch: &[Value],
    order: Option<&Vec<Value>>,
) -> Result<Value, String> {
    let (child, strategy) = of;
    let item = child.item().unwrap_or(&Type::Any);
    let mut out = live.and_then(Value::as_array).cloned().unwrap_or_default();
    if patch.iter().any(|item| item["$patch"] == "replace") {
        out.clear();
    }
    let key = strategy.key.as_deref();
    for patch in patch.iter().filter(|item| item["$patch"] != "replace") {
        let Some(key) = key else {
            if !out.contains(patch) {
                out.push(patch.clone());
            }
            continue;
        };
        let wanted = patch
            .get(key)
            .ok_or_else(|| format!("map: {patch} does not contain declared merge key: {key}"))?;
        let at = out.iter().position(|item| item.get(key) == Some(wanted));
        match (at, patch["$patch"] == "delete") {
            (Some(_), true) => out.retain(|item| item.get(key) != Some(wanted)),
            (None, true) => {}
            (Some(at), false) => out[at] = strategic(item, Some(&out[at]), patch)?,
            (None, false) => out.push(strategic(item, None, patch)?),
        }
    }
    let given: Vec<_> = patch.iter().filter(|item| item["$patch"].is_null()).cloned().collect();
    let before = live.and_then(Value::as_array).cloned().unwrap_or_default();
    sort(&mut out, order.unwrap_or(&given), &before, key);
    Ok(Value::Array(out))
}

/// Puts items into the order that is given; the others keep their place among those of `before`.
/// Source: `normalizeElementOrder` and `mergeSortedSlice`.
fn sort(items: &mut Vec<Value>, order: &[Value], before: &[Value], key: Option<&str>) {
    let same = |item: &Value, wanted: &Value| match key {
        Some(key) => item.get(key) == wanted.get(key),
        None => item == wanted,
    };
    let place = |list: &[Value], item: &Value| list.iter().position(|other| same(item, other));
    let (mut named, mut others): (Vec<_>, Vec<_>) =
        items.drain(..).partition(|item| place(order, item).is_some());
    named.sort_by_key(|item| place(order, item));
    others.sort_by_key(|item| place(before, item));
    let (mut named, mut others) = (named.into_iter().peekable(), others.into_iter().peekable());
    loop {
        let other_first = match (others.peek(), named.peek()) {
            (None, None) => return,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (Some(other), Some(named)) => match (place(before, other), place(before, named)) {
                (Some(other), Some(named)) => other < named,
                _ => false,
            },
        };
        items.extend(if other_first { others.next() } else { named.next() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::table;
    use serde_json::json;

    #[test]
    fn lists_merge_by_their_keys() {
        let pod = table().kinds.iter().find(|kind| kind.kind == "Pod").unwrap();
        let live = json!({"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]},
            "metadata": {"finalizers": ["x"]}});
        let patch = json!({"spec": {"$setElementOrder/containers": [{"name": "c"}, {"name": "a"}],
            "containers": [{"name": "a", "image": "2"}, {"name": "b", "$patch": "delete"}, {"name": "c", "image": "3"}]},
            "metadata": {"finalizers": ["y"], "$deleteFromPrimitiveList/finalizers": ["x"]}});
        let out = strategic(&pod.of, Some(&live), &patch).unwrap();
        assert_eq!(
            out,
            json!({"spec": {"containers": [{"name": "c", "image": "3"}, {"name": "a", "image": "2"}]},
                "metadata": {"finalizers": ["y"]}})
        );
    }
}
