//! How items of a list are told apart.

use serde_json::Value;

use crate::{
    fields::Step,
    schema::{Items, Type},
};

/// The step to an item.
///
/// # Errors
/// What makes it none: no key, null. In the words of the real server.
pub(crate) fn step(of: &Type, items: &Items, item: &Value) -> Result<Step, String> {
    match items {
        Items::Keyed(keys) => keyed(of, keys, item),
        Items::Set => match item {
            Value::Object(_) => Err("associative list without keys has an element that's a map type".into()),
            Value::Array(_) => Err("not supported: associative list with lists as elements".into()),
            Value::Null => Err("associative list without keys has an element that's an explicit null".into()),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(Step::Item(item.clone())),
        },
        Items::Atomic => Err("invalid indexing of non-associative list".into()),
    }
}

fn keyed(of: &Type, keys: &[String], item: &Value) -> Result<Step, String> {
    let members = match item {
        Value::Object(members) => members,
        Value::Null => return Err("associative list with keys may not have a null element".into()),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err("associative list with keys may not have non-map elements".into());
        }
    };
    let mut found = Vec::new();
    for key in keys {
        let default = || of.field(key).and_then(|field| field.default.clone());
        if let Some(value) = members.get(key).cloned().or_else(default) {
            found.push((key.clone(), value));
        }
    }
    if found.is_empty() {
        let keys: Vec<_> = keys.iter().map(|key| format!("{key:?}")).collect();
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{}] (and doesn't have default \
             values for any key fields)",
            keys.join(" ")
        ));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(Step::Key(found))
}
