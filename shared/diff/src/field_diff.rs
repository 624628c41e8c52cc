//! Which fields differ between two objects, in words that people read.

use manifest::is_marker;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    pairing::{Pairing, pairing},
    path::push_field,
};

/// One difference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Where, such as `spec.template.spec.containers[name=web].image`.
    pub path: String,
    /// What.
    pub change: Change,
}

/// What happened to a field. Redacted values read `***`; that they differ is all that shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// It is there now.
    Added {
        /// All of it.
        value: Value,
    },
    /// It is gone.
    Removed {
        /// All of it.
        value: Value,
    },
    /// It holds something else.
    Changed {
        /// Before.
        old: Value,
        /// After.
        new: Value,
    },
    /// The same list items stand in another order.
    Reordered {
        /// Items of both lists as they stood.
        old: Vec<String>,
        /// And as they stand.
        new: Vec<String>,
    },
}

/// Which parts of objects are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// What people and controllers intend: without `status` and the parts of `metadata` that the server keeps.
    Intent,
    /// As `Intent`, with `status`.
    IntentAndStatus,
    /// All of them.
    Everything,
}

/// Parts of `metadata` that tell about writes, not about intent.
const SERVER_KEPT: [&str; 6] =
    ["managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"];

impl Scope {
    /// What is shown of an object that stands alone.
    fn part_of(self, object: &Value) -> Value {
        let mut part = shown(object);
        for path in ["", "metadata"] {
            let map = if path.is_empty() { Some(&mut part) } else { part.get_mut(path) };
            if let Some(map) = map.and_then(Value::as_object_mut) {
                map.retain(|name, _| !self.leaves_out(path, name));
            }
        }
        part
    }

    fn leaves_out(self, path: &str, name: &str) -> bool {
        match self {
            Self::Everything => false,
            Self::IntentAndStatus => path == "metadata" && SERVER_KEPT.contains(&name),
            Self::Intent => {
                (path == "metadata" && SERVER_KEPT.contains(&name)) || (path.is_empty() && name == "status")
            }
        }
    }
}

/// The differences from `old` to `new` (null: there is none), ordered by path as the names sort; equal objects have none, whatever
/// the order of their keys.
///
/// List items are paired by the fields that name them (`name`, `containerPort` and `protocol`, `mountPath`, …),
/// else by value or position.
pub fn field_diff(old: &Value, new: &Value, scope: Scope) -> Vec<FieldChange> {
    let mut comparison = Comparison { scope, path: String::new(), changes: Vec::new() };
    match (old, new) {
        (Value::Null, Value::Object(_)) => comparison.push(Change::Added { value: scope.part_of(new) }),
        (Value::Object(_), Value::Null) => comparison.push(Change::Removed { value: scope.part_of(old) }),
        _ => comparison.values(old, new),
    }
    comparison.changes
}

struct Comparison {
    scope: Scope,
    path: String,
    changes: Vec<FieldChange>,
}

impl Comparison {
    fn values(&mut self, old: &Value, new: &Value) {
        match (old, new) {
            _ if old == new => {}
            (Value::Object(old), Value::Object(new)) => self.maps(old, new),
            (Value::Array(old), Value::Array(new)) => self.lists(old, new),
            _ => self.push(Change::Changed { old: shown(old), new: shown(new) }),
        }
    }

    fn either(&mut self, old: Option<&Value>, new: Option<&Value>) {
        match (old, new) {
            (Some(old), Some(new)) => self.values(old, new),
            (Some(old), None) => self.push(Change::Removed { value: shown(old) }),
            (None, Some(new)) => self.push(Change::Added { value: shown(new) }),
            (None, None) => {}
        }
    }

    fn maps(&mut self, old: &Map<String, Value>, new: &Map<String, Value>) {
        let mut names: Vec<&String> =
            old.keys().chain(new.keys().filter(|name| !old.contains_key(*name))).collect();
        names.sort_unstable();
        for name in names {
            if !self.scope.leaves_out(&self.path, name) {
                self.below(|path| push_field(path, name), |this| this.either(old.get(name), new.get(name)));
            }
        }
    }

    fn lists(&mut self, old: &[Value], new: &[Value]) {
        match pairing(old, new) {
            Pairing::Labelled { old: labels, new: new_labels } => {
                self.labelled((old, &labels), (new, &new_labels));
            }
            Pairing::Position => self.by_position(old, new),
        }
    }

    fn labelled(&mut self, old: (&[Value], &[String]), new: (&[Value], &[String])) {
        let at: std::collections::HashMap<&str, usize> =
            new.1.iter().enumerate().map(|(i, label)| (label.as_str(), i)).collect();
        let mut common = Vec::new();
        for (item, label) in old.0.iter().zip(old.1) {
            let found = at.get(label.as_str()).copied();
            common.extend(found);
            let partner = found.map(|i| &new.0[i]);
            self.below(|path| path.push_str(label), |this| this.either(Some(item), partner));
        }
        let known: std::collections::HashSet<&str> = old.1.iter().map(String::as_str).collect();
        for (item, label) in new.0.iter().zip(new.1).filter(|(_, label)| !known.contains(label.as_str())) {
            self.below(|path| path.push_str(label), |this| this.either(None, Some(item)));
        }
        if !common.is_sorted() {
            let old = common.iter().map(|i| new.1[*i].clone()).collect();
            common.sort_unstable();
            let new = common.iter().map(|i| new.1[*i].clone()).collect();
            self.push(Change::Reordered { old, new });
        }
    }

    /// Equal items at both ends are passed over, so that one insertion shows as one.
    fn by_position(&mut self, old: &[Value], new: &[Value]) {
        let start = old.iter().zip(new).take_while(|(old, new)| old == new).count();
        let (old, new) = (&old[start..], &new[start..]);
        let end = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
        let (old, new) = (&old[..old.len() - end], &new[..new.len() - end]);
        for i in 0..old.len().max(new.len()) {
            let label = format!("[{}]", start + i);
            self.below(|path| path.push_str(&label), |this| this.either(old.get(i), new.get(i)));
        }
    }

    fn below(&mut self, extend: impl FnOnce(&mut String), inside: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        extend(&mut self.path);
        inside(self);
        self.path.truncate(length);
    }

    fn push(&mut self, change: Change) {
        self.changes.push(FieldChange { path: self.path.clone(), change });
    }
}

/// The value with `***` for what was redacted.
fn shown(value: &Value) -> Value {
    match value {
        Value::String(text) if is_marker(text) => "***".into(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
        Value::Array(items) => items.iter().map(shown).collect(),
        Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), shown(value))).collect(),
    }
}

#[cfg(test)]
mod tests;
