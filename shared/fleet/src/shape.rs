//! Holds a document against the schema of its kind, and finds everything that does not fit.

use serde_json::Value;

use crate::fault::{Faults, below, nearest};

/// Notes whatever does not fit. A field that is null counts as left out, as in Kubernetes.
pub(crate) fn check(schema: &Value, value: &Value, pointer: &str, faults: &mut Faults) {
    if let Some(words) = words(schema) {
        return check_word(&words, value, pointer, faults);
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("object") => check_map(schema, value, pointer, faults),
        Some("array") => check_list(schema, value, pointer, faults),
        Some("integer") => check_number(schema, value, pointer, faults),
        Some("string") => match value.as_str() {
            Some("") if schema.get("minLength").is_some() => {
                faults.field(pointer, "is empty", "say it".to_owned());
            }
            Some(_) => {}
            None => wrong_type(pointer, "text", value, faults),
        },
        Some("boolean") if !value.is_boolean() => wrong_type(pointer, "true or false", value, faults),
        Some(_) | None => {}
    }
}

/// What a field may say, if its schema names that.
fn words(schema: &Value) -> Option<Vec<&str>> {
    if let Some(only) = schema.get("const").and_then(Value::as_str) {
        return Some(vec![only]);
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return Some(words.iter().filter_map(Value::as_str).collect());
    }
    let forms = schema.get("oneOf")?.as_array()?;
    Some(forms.iter().flat_map(|form| words(form).unwrap_or_default()).collect())
}

fn check_word(words: &[&str], value: &Value, pointer: &str, faults: &mut Faults) {
    let Some(text) = value.as_str() else { return wrong_type(pointer, "text", value, faults) };
    if words.contains(&text) {
        return;
    }
    let problem = format!("has to be {}", words.join(" or "));
    let remedy = match nearest(text, words.iter().copied()) {
        Some(word) => format!("write {word}"),
        None => "write one of these".to_owned(),
    };
    faults.field(pointer, &problem, remedy);
}

fn check_map(schema: &Value, value: &Value, pointer: &str, faults: &mut Faults) {
    let Some(map) = value.as_object() else { return wrong_type(pointer, "a map", value, faults) };
    let fields = schema.get("properties").and_then(Value::as_object);
    for (key, value) in map.iter().filter(|(_, value)| !value.is_null()) {
        let pointer = below(pointer, key);
        match (fields.and_then(|fields| fields.get(key)), schema.get("additionalProperties")) {
            (Some(field), _) => check(field, value, &pointer, faults),
            (None, Some(Value::Bool(false))) => {
                let known = fields.into_iter().flat_map(|fields| fields.keys().map(String::as_str));
                faults.field(&pointer, "is not a field", meant(key, known.collect()));
            }
            (None, Some(other)) => check(other, value, &pointer, faults),
            (None, None) => {}
        }
    }
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    for key in required.filter_map(Value::as_str).filter(|key| map.get(*key).is_none_or(Value::is_null)) {
        faults.field(&below(pointer, key), "is missing", "add it".to_owned());
    }
}

fn meant(key: &str, known: Vec<&str>) -> String {
    match nearest(key, known.iter().copied()) {
        Some(word) => format!("did you mean {word}?"),
        None if known.is_empty() => "there are no fields here: remove it".to_owned(),
        None => format!("the fields here: {}", known.join(", ")),
    }
}

fn check_list(schema: &Value, value: &Value, pointer: &str, faults: &mut Faults) {
    let Some(items) = value.as_array() else { return wrong_type(pointer, "a list", value, faults) };
    let Some(schema) = schema.get("items") else { return };
    for (at, item) in items.iter().enumerate() {
        check(schema, item, &below(pointer, &at.to_string()), faults);
    }
}

fn check_number(schema: &Value, value: &Value, pointer: &str, faults: &mut Faults) {
    let Some(number) = value.as_i64() else { return wrong_type(pointer, "a whole number", value, faults) };
    let bound = |key: &str| schema.get(key).and_then(Value::as_i64);
    let (least, most) = (bound("minimum"), bound("maximum"));
    if least.is_some_and(|least| number < least) || most.is_some_and(|most| number > most) {
        let (least, most) = (least.unwrap_or_default(), most.unwrap_or(i64::MAX));
        faults.field(pointer, &format!("has to be {least} to {most}"), "choose a number between".to_owned());
    }
}

fn wrong_type(pointer: &str, wanted: &str, value: &Value, faults: &mut Faults) {
    let (found, remedy) = match value {
        Value::Null => ("nothing", "say it, or leave the line out"),
        Value::Bool(_) if wanted == "text" => ("true or false", "put it in quotes"),
        Value::Number(_) if wanted == "text" => ("a number", "put it in quotes"),
        Value::Bool(_) => ("true or false", "correct it"),
        Value::Number(_) => ("a number", "correct it"),
        Value::String(_) => ("text", "correct it"),
        Value::Array(_) => ("a list", "correct it"),
        Value::Object(_) => ("a map", "correct it"),
    };
    faults.field(pointer, &format!("has to be {wanted}, and is {found}"), remedy.to_owned());
}
