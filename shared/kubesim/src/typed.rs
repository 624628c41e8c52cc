//! The form in which objects are stored: what decoding an object into its type and writing it again makes of it.
//!
//! Built-in kinds go through the types of Kubernetes, so that unknown fields go, empty ones go or become zero, and
//! amounts get their canonical form. Custom resources keep what their schema names, and get its defaults.

mod quantity;

use serde_json::{Map, Value, json};

use crate::schema::{Field, Struct, Type, Written};
pub(crate) use quantity::canonical;

/// Objects of a built-in kind in their stored form.
pub(crate) fn stored(of: &Type, value: &Value) -> Value {
    match of {
        Type::Named(_) | Type::Struct(_) => match (of.as_struct(), value) {
            (Some(inner), Value::Object(members)) => Value::Object(fields(inner, members)),
            (Some(inner), _) => Value::Object(fields(inner, &Map::new())),
            (None, _) => value.clone(),
        },
        Type::Map(of, _) => match value {
            Value::Object(members) => Value::Object(
                members.iter().map(|(name, value)| (name.clone(), element(of, value))).collect(),
            ),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Value::Null
            }
        },
        Type::List(of, _) => match value {
            Value::Array(items) => Value::Array(items.iter().map(|item| element(of, item)).collect()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                Value::Null
            }
        },
        Type::Quantity => canonical(value),
        Type::Text | Type::Whole | Type::Number | Type::Truth | Type::Either | Type::Time | Type::Any => {
            value.clone()
        }
    }
}

/// A null in a list or a map is the zero value of what is in there.
fn element(of: &Type, value: &Value) -> Value {
    if value.is_null() { zero(of) } else { stored(of, value) }
}

fn zero(of: &Type) -> Value {
    match of {
        Type::Text => json!(""),
        Type::Whole | Type::Number | Type::Either => json!(0),
        Type::Truth => json!(false),
        Type::Quantity => json!("0"),
        Type::Named(_) | Type::Struct(_) => stored(of, &Value::Null),
        Type::Time | Type::Any | Type::Map(..) | Type::List(..) => Value::Null,
    }
}

fn fields(of: &Struct, members: &Map<String, Value>) -> Map<String, Value> {
    let mut out = Map::new();
    for (name, field) in &of.fields {
        let value = members.get(name).filter(|value| !value.is_null()).map(|value| stored(&field.of, value));
        let value = match field.written {
            Written::Given => value,
            Written::UnlessEmpty => value.filter(|value| !is_empty(value)),
            Written::Always => Some(value.unwrap_or_else(|| zero(&field.of))),
            // The store makes no difference between none and an empty list.
            Written::OrNull => match value {
                Some(Value::Array(items)) if items.is_empty() => Some(Value::Null),
                Some(value) => Some(value),
                None => Some(Value::Null),
            },
        };
        out.extend(value.map(|value| (name.clone(), value)));
    }
    out
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(truth) => !truth,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
    }
}

/// What becomes of a null where the schema of a custom resource allows none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nulls {
    /// It goes: it was sent.
    Dropped,
    /// It stays, to be refused: an apply left it behind when it removed all that was in a field.
    Kept,
}

/// Objects of a custom kind in their stored form: unknown fields are gone, defaults are there.
pub(crate) fn custom(of: &Type, value: &Value, nulls: Nulls) -> Value {
    match (of, value) {
        (Type::Struct(inner), Value::Object(members)) => {
            Value::Object(custom_fields(of, inner, members, nulls))
        }
        (Type::Named(_), Value::Object(_)) => stored(of, value),
        (Type::Map(of, _), Value::Object(members)) => {
            let members = members.iter().map(|(name, value)| (name.clone(), custom(of, value, nulls)));
            Value::Object(members.collect())
        }
        (Type::List(of, _), Value::Array(items)) => {
            Value::Array(items.iter().map(|item| custom(of, item, nulls)).collect())
        }
        _ => value.clone(),
    }
}

fn custom_fields(
    of: &Type,
    inner: &Struct,
    members: &Map<String, Value>,
    nulls: Nulls,
) -> Map<String, Value> {
    let mut out = Map::new();
    for (name, value) in members {
        let forbidden = |field: &Field| value.is_null() && !field.limits.nullable;
        match inner.fields.get(name) {
            Some(field) if forbidden(field) && (nulls == Nulls::Dropped || field.default.is_some()) => {}
            Some(field) => drop(out.insert(name.clone(), custom(&field.of, value, nulls))),
            None if of.child(name).is_some() => drop(out.insert(name.clone(), value.clone())),
            None => {}
        }
    }
    for (name, field) in &inner.fields {
        if let Some(default) = field.default.as_ref().filter(|_| !out.contains_key(name)) {
            out.insert(name.clone(), custom(&field.of, default, nulls));
        }
    }
    out
}

/// The fields of an object that its type does not name, as the real server names them: `spec.foo`.
pub(crate) fn unknown(of: &Type, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk_unknown(of, value, String::new(), &mut found);
    found
}

fn walk_unknown(of: &Type, value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                match of.child(name) {
                    Some(child) => walk_unknown(child, value, path, found),
                    None if of.as_struct().is_some() => found.push(path),
                    None => {}
                }
            }
        }
        Value::Array(items) => {
            if let Type::List(of, _) = of {
                for (index, item) in items.iter().enumerate() {
                    walk_unknown(of, item, format!("{at}[{index}]"), found);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
