//! Random changes of JSON trees, without knowing what they mean.

use rand::{Rng as _, rngs::StdRng, seq::IndexedRandom as _, seq::SliceRandom as _};
use serde_json::{Map, Value, json};

/// One change, as a JSON patch would say it.
pub struct Change {
    /// JSON pointer.
    pub at: String,
    /// The new value; `None` removes.
    pub value: Option<Value>,
}

/// A change somewhere in `object`, where others may write.
pub fn change(object: &Value, rng: &mut StdRng) -> Option<Change> {
    let mut places = Vec::new();
    collect(object, &mut String::new(), &mut places);
    // Containers are few among the leaves, and what happens to them is what matters most.
    let containers: Vec<_> = places
        .iter()
        .filter(|at| object.pointer(at).is_some_and(|v| v.is_array() || v.is_object()))
        .collect();
    let at = if rng.random_bool(0.5) { containers.choose(rng).copied()? } else { places.choose(rng)? };
    let value = object.pointer(at)?;
    if rng.random_bool(0.15) {
        return Some(Change { at: at.clone(), value: None });
    }
    let value = match value {
        Value::Array(items) => list(items, rng),
        Value::Object(map) => self::map(map, rng),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => scalar(value, rng),
    };
    Some(Change { at: at.clone(), value: Some(value) })
}

fn collect(value: &Value, at: &mut String, places: &mut Vec<String>) {
    let kept = [
        "/apiVersion",
        "/kind",
        "/metadata",
        "/metadata/name",
        "/metadata/namespace",
        "/metadata/managedFields",
        "/metadata/uid",
        "/metadata/resourceVersion",
        "/metadata/creationTimestamp",
        "/metadata/generation",
        "/status",
    ];
    if kept[4..].contains(&at.as_str()) {
        return;
    }
    if !at.is_empty() && !kept.contains(&at.as_str()) {
        places.push(at.clone());
    }
    let children: Vec<(String, &Value)> = match value {
        Value::Array(items) => items.iter().enumerate().map(|(i, item)| (i.to_string(), item)).collect(),
        Value::Object(map) => {
            map.iter().map(|(key, item)| (key.replace('~', "~0").replace('/', "~1"), item)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    for (step, child) in children {
        let length = at.len();
        at.push('/');
        at.push_str(&step);
        collect(child, at, places);
        at.truncate(length);
    }
}

fn list(items: &[Value], rng: &mut StdRng) -> Value {
    let mut items = items.to_vec();
    match rng.random_range(0..6) {
        0 => items.clear(),
        1 | 2 => items.shuffle(rng),
        3 if !items.is_empty() => {
            items.remove(rng.random_range(0..items.len()));
        }
        4 if items.len() > 1 => items.rotate_left(1),
        _ => {
            let new = items.choose(rng).map_or_else(|| json!("new"), |item| renamed(item, rng));
            items.insert(rng.random_range(0..=items.len()), new);
        }
    }
    Value::Array(items)
}

/// A list item like this one, mostly under another key.
fn renamed(item: &Value, rng: &mut StdRng) -> Value {
    let mut item = item.clone();
    if let Some(map) = item.as_object_mut() {
        for key in ["name", "mountPath", "key", "ip", "host", "value"] {
            if let Some(Value::String(text)) = map.get_mut(key) {
                text.push('x');
                break;
            }
        }
        for key in ["containerPort", "port"] {
            if let Some(port) = map.get(key).and_then(Value::as_i64) {
                map.insert(key.into(), (port + rng.random_range(0..3)).into());
            }
        }
    } else {
        item = scalar(&item, rng);
    }
    item
}

fn map(map: &Map<String, Value>, rng: &mut StdRng) -> Value {
    let mut map = map.clone();
    match rng.random_range(0..4) {
        0 => map.clear(),
        1 => {
            if let Some(key) = map.keys().cloned().collect::<Vec<_>>().choose(rng) {
                map.shift_remove(key);
            }
        }
        _ => {
            map.insert(["new", "a", "b", "x.dev/y"].choose(rng).unwrap().to_string(), json!("eA=="));
        }
    }
    Value::Object(map)
}

fn scalar(value: &Value, rng: &mut StdRng) -> Value {
    match value {
        Value::Bool(value) => json!(!value),
        Value::Number(number) => match number.as_i64() {
            Some(number) => json!(number + rng.random_range(-1..=2)),
            None => json!(number.as_f64().unwrap_or_default() + 0.5),
        },
        Value::String(text) => json!(match rng.random_range(0..4) {
            0 => String::new(),
            1 => ["TCP", "UDP", "1", "1000m", "1Gi", "Always", "a"].choose(rng).unwrap().to_string(),
            _ => format!("{text}x"),
        }),
        Value::Null | Value::Array(_) | Value::Object(_) => value.clone(),
    }
}

/// Puts a change into an object.
pub fn set(object: &mut Value, change: &Change) {
    let (parent, last) = change.at.rsplit_once('/').unwrap_or(("", ""));
    let last = last.replace("~1", "/").replace("~0", "~");
    match object.pointer_mut(parent) {
        Some(Value::Object(map)) => {
            match &change.value {
                Some(value) => map.insert(last, value.clone()),
                None => map.shift_remove(&last),
            };
        }
        Some(Value::Array(items)) => {
            let Some(i) = last.parse::<usize>().ok().filter(|i| *i < items.len()) else { return };
            match &change.value {
                Some(value) => items[i] = value.clone(),
                None => {
                    items.remove(i);
                }
            }
        }
        _ => {}
    }
}

/// The change as a merge patch: lists go as a whole.
pub fn merge_patch(object: &Value, change: &Change) -> Value {
    let mut after = object.clone();
    set(&mut after, change);
    let steps: Vec<&str> = change.at.split('/').skip(1).collect();
    // Down to the first list, or to the end.
    let mut depth = 1;
    while depth < steps.len()
        && object.pointer(&format!("/{}", steps[..depth].join("/"))).is_some_and(Value::is_object)
    {
        depth += 1;
    }
    let mut patch = after.pointer(&format!("/{}", steps[..depth].join("/"))).cloned().unwrap_or(Value::Null);
    for step in steps[..depth].iter().rev() {
        let mut map = Map::new();
        map.insert(step.replace("~1", "/").replace("~0", "~"), patch);
        patch = Value::Object(map);
    }
    patch
}

/// Some of a manifest: keys of maps left out at random, lists whole or cut.
pub fn part(value: &Value, rng: &mut StdRng) -> Value {
    match value {
        Value::Object(map) => {
            let kept = [
                "apiVersion",
                "kind",
                "name",
                "namespace",
                "metadata",
                "port",
                "containerPort",
                "protocol",
                "mountPath",
                "type",
                "ip",
            ];
            let mut drawn = Map::new();
            for (key, value) in map {
                if kept.contains(&key.as_str()) || rng.random_bool(0.6) {
                    drawn.insert(key.clone(), part(value, rng));
                }
            }
            Value::Object(drawn)
        }
        Value::Array(items) if rng.random_bool(0.5) => {
            let mut items: Vec<Value> =
                items.iter().flat_map(|item| rng.random_bool(0.7).then(|| part(item, rng))).collect();
            items.shuffle(rng);
            Value::Array(items)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => value.clone(),
    }
}

/// Lays `over` upon `object`: maps are merged, all else is replaced.
pub fn overlay(object: &mut Value, over: &Value) {
    match (object, over) {
        (Value::Object(object), Value::Object(over)) => {
            for (key, value) in over {
                overlay(object.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (object, over) => *object = over.clone(),
    }
}
