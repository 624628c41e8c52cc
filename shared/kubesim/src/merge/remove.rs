//! Taking fields out of an object.

use serde_json::{Map, Value};

use crate::{
    fields::{FieldSet, Step},
    schema::{Items, Shape, Type},
};

/// A value without the fields of a set; null if nothing is left of it.
pub(crate) fn remove(of: &Type, value: &Value, gone: &FieldSet) -> Value {
    match of.shape([Some(value), None]) {
        Shape::Map => map(of, value, gone),
        Shape::List(of, items) => list(of, items, value, gone),
        Shape::Leaf if value.is_object() || value.is_array() => Value::Null,
        Shape::Leaf => value.clone(),
    }
}

fn map(of: &Type, value: &Value, gone: &FieldSet) -> Value {
    let mut left = Map::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        let step = Step::Field(name.clone());
        if gone.has(&step) {
            continue;
        }
        let value = match gone.below(&step) {
            Some(below) => remove(of.child(name).unwrap_or(&Type::Any), value, below),
            None => value.clone(),
        };
        left.insert(name.clone(), value);
    }
    if left.is_empty() { Value::Null } else { Value::Object(left) }
}

fn list(of: &Type, items: &Items, value: &Value, gone: &FieldSet) -> Value {
    let mut left = Vec::new();
    for item in value.as_array().into_iter().flatten() {
        let Ok(step) = super::items::step(of, items, item) else { continue };
        if gone.has(&step) {
            continue;
        }
        left.push(match gone.below(&step) {
            Some(below) => remove(of, item, below),
            None => item.clone(),
        });
    }
    if left.is_empty() { Value::Null } else { Value::Array(left) }
}
