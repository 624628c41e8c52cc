//! Empty containers that we wrote: others may fill them, and the server may drop them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{FieldPath, path::Element};

/// A container that the manifest wants empty, so that what is in it is nobody's business.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Empty {
    /// Where it is.
    pub path: FieldPath,
    /// Whether the server kept it when the fingerprint was taken. If it did, it has to stay; if not, it may
    /// come and go.
    pub present: bool,
}

/// The containers that `desired` wants empty: owned leaves that are `{}` or `[]` there, and `[]` where the
/// tree of owned fields says nothing (an empty list with keys is never owned).
pub(crate) fn find_empties(fields: &Value, desired: &Value, live: &Value) -> Vec<Empty> {
    let mut paths = Vec::new();
    find(Some(fields), desired, &mut Vec::new(), &mut paths);
    let empty = |path: FieldPath| {
        let present = is_present(live, &path);
        Empty { path, present }
    };
    paths.into_iter().map(empty).collect()
}

/// Whether anything is there, be it null.
pub(crate) fn is_present(live: &Value, path: &FieldPath) -> bool {
    !path.locate(live).is_empty()
}

fn find(fields: Option<&Value>, desired: &Value, at: &mut Vec<String>, found: &mut Vec<FieldPath>) {
    let members = fields.and_then(Value::as_object);
    let leaf = members.is_some_and(Map::is_empty);
    match desired {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        Value::Array(items) if items.is_empty() && (leaf || members.is_none()) => {
            found.push(FieldPath(at.clone()));
        }
        Value::Object(map) if map.is_empty() && leaf => found.push(FieldPath(at.clone())),
        // Owned as a whole: its content is hashed as it is.
        Value::Array(_) | Value::Object(_) if leaf => {}
        Value::Array(_) => find_in_items(members, desired, at, found),
        Value::Object(map) => {
            for (name, value) in map {
                let step = format!("f:{name}");
                let below = members.and_then(|members| members.get(&step));
                at.push(step);
                find(below, value, at, found);
                at.pop();
            }
        }
    }
}

fn find_in_items(
    members: Option<&Map<String, Value>>,
    desired: &Value,
    at: &mut Vec<String>,
    found: &mut Vec<FieldPath>,
) {
    for (step, below) in members.into_iter().flatten() {
        let has_content = below.as_object().is_some_and(|below| below.keys().any(|key| key != "."));
        if !has_content || !matches!(Element::parse(step), Some(Element::Key(_) | Element::Index(_))) {
            continue;
        }
        for item in FieldPath(vec![step.clone()]).locate(desired) {
            at.push(step.clone());
            find(Some(below), item, at, found);
            at.pop();
        }
    }
}
