//! Templates: JSON with choices, from which random manifests are drawn.
//!
//! `"?key"` is there or not; `{"$pick": [..]}` is one of these; `{"$some": [..]}` is a list of some of these in
//! any order. Everything else stands for itself.

use rand::{Rng as _, rngs::StdRng, seq::IndexedRandom as _, seq::SliceRandom as _};
use serde_json::{Map, Value};

/// Draws one value from a template.
pub fn draw(template: &Value, rng: &mut StdRng) -> Value {
    match template {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => template.clone(),
        Value::Array(items) => items.iter().map(|item| draw(item, rng)).collect(),
        Value::Object(map) => {
            if let Some(choices) = map.get("$pick").and_then(Value::as_array) {
                return draw(choices.choose(rng).unwrap(), rng);
            }
            if let Some(choices) = map.get("$some").and_then(Value::as_array) {
                return some(choices, rng);
            }
            draw_map(map, rng)
        }
    }
}

fn some(choices: &[Value], rng: &mut StdRng) -> Value {
    let mut kept: Vec<Value> = Vec::new();
    for choice in choices {
        if rng.random_bool(0.6) {
            kept.push(draw(choice, rng));
        }
    }
    kept.shuffle(rng);
    Value::Array(kept)
}

fn draw_map(map: &Map<String, Value>, rng: &mut StdRng) -> Value {
    let mut drawn = Map::new();
    for (key, value) in map {
        match key.strip_prefix('?') {
            Some(key) if rng.random_bool(0.5) => drawn.insert(key.to_owned(), draw(value, rng)),
            Some(_) => None,
            None => drawn.insert(key.clone(), draw(value, rng)),
        };
    }
    Value::Object(drawn)
}
