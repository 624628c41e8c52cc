//! The fields that whoever applies a configuration owns.

use std::collections::BTreeMap;

use serde_json::Value;

use super::items::step;
use crate::{
    fields::{FieldSet, Step},
    schema::{Items, Shape, Type},
};

/// All fields of a value.
pub(crate) fn owned(of: &Type, value: &Value) -> FieldSet {
    let mut set = FieldSet::default();
    walk(of, value, &mut Vec::new(), &mut set);
    set
}

fn walk(of: &Type, value: &Value, path: &mut Vec<Step>, set: &mut FieldSet) {
    match of.shape([Some(value), None]) {
        Shape::Leaf => set.insert(path),
        Shape::Map => map(of, value, path, set),
        Shape::List(of, items) => list((of, items), value, path, set),
    }
}

fn map(of: &Type, value: &Value, path: &mut Vec<Step>, set: &mut FieldSet) {
    for (name, value) in value.as_object().into_iter().flatten() {
        path.push(Step::Field(name.clone()));
        walk(of.child(name).unwrap_or(&Type::Any), value, path, set);
        let empty = value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
        if empty || of.field(name).is_none() {
            set.insert(path);
        }
        path.pop();
    }
}

fn list(of: (&Type, &Items), value: &Value, path: &mut Vec<Step>, set: &mut FieldSet) {
    let mut items: BTreeMap<Step, Vec<&Value>> = BTreeMap::new();
    for item in value.as_array().into_iter().flatten() {
        if let Ok(step) = step(of.0, of.1, item) {
            items.entry(step).or_default().push(item);
        }
    }
    for (step, items) in items {
        path.push(step);
        // Items with equal keys are owned together.
        if let [item] = items[..] {
            walk(of.0, item, path, set);
        }
        set.insert(path);
        path.pop();
    }
}
