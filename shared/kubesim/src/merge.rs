//! Structured merge: what two objects have in common, and what comes out when one is merged into the other.
//!
//! Source: sigs.k8s.io/structured-merge-diff/v6/typed, followed walk by walk.

mod check;
mod combine;
mod compare;
mod items;
mod owned;
mod remove;

pub(crate) use check::check;
pub(crate) use combine::combine;
pub(crate) use compare::{Comparison, compare};
pub(crate) use owned::owned;
pub(crate) use remove::remove;

use serde_json::Value;

/// Equal as JSON, numbers by their value.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => x == y || x.as_f64() == y.as_f64(),
        (Value::Array(x), Value::Array(y)) => x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same(x, y)),
        (Value::Object(x), Value::Object(y)) => {
            x.len() == y.len() && x.iter().all(|(key, x)| y.get(key).is_some_and(|y| same(x, y)))
        }
        (Value::Null | Value::Bool(_) | Value::String(_), _)
        | (Value::Number(_) | Value::Array(_) | Value::Object(_), _) => a == b,
    }
}

/// Neither absent nor empty.
fn filled(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| match value {
        Value::Object(members) => !members.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Null => false,
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    })
}
