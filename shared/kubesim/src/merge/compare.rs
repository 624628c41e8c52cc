//! What was added, changed and removed between two objects.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{filled, items::step, same};
use crate::{
    fields::{FieldSet, Step},
    schema::{Items, Shape, Type},
};

/// What was added, changed and removed between two objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Comparison {
    pub(crate) added: FieldSet,
    pub(crate) modified: FieldSet,
    pub(crate) removed: FieldSet,
}

/// Compares two values of a type.
pub(crate) fn compare(of: &Type, before: &Value, after: &Value) -> Comparison {
    let mut walk = Walk { path: Vec::new(), found: Comparison::default() };
    walk.values(of, Some(before), Some(after));
    walk.found
}

impl Comparison {
    /// With each of its sets passed through a filter.
    pub(crate) fn filtered(&self, filter: impl Fn(&FieldSet) -> FieldSet) -> Self {
        Self { added: filter(&self.added), modified: filter(&self.modified), removed: filter(&self.removed) }
    }
}

struct Walk {
    path: Vec<Step>,
    found: Comparison,
}

impl Walk {
    fn values(&mut self, of: &Type, before: Option<&Value>, after: Option<&Value>) {
        if filled(before).is_none() && filled(after).is_none() {
            return self.leaf(before, after);
        }
        match of.shape([before, after]) {
            Shape::Leaf => return self.leaf(before, after),
            Shape::Map => self.map(of, before, after),
            Shape::List(of, items) => self.list((of, items), before, after),
        }
        if before.is_none() {
            self.found.added.insert(&self.path);
        } else if after.is_none() {
            self.found.removed.insert(&self.path);
        }
    }

    fn leaf(&mut self, before: Option<&Value>, after: Option<&Value>) {
        match (before, after) {
            (None, _) => self.found.added.insert(&self.path),
            (Some(_), None) => self.found.removed.insert(&self.path),
            (Some(before), Some(after)) if !same(before, after) => self.found.modified.insert(&self.path),
            (Some(_), Some(_)) => {}
        }
    }

    fn child(&mut self, step: Step, of: &Type, values: [Option<&Value>; 2]) {
        self.path.push(step);
        self.values(of, values[0], values[1]);
        self.path.pop();
    }

    fn map(&mut self, of: &Type, before: Option<&Value>, after: Option<&Value>) {
        let (before, after) = (before.and_then(Value::as_object), after.and_then(Value::as_object));
        let names = before.into_iter().flatten().map(|(name, _)| name);
        let new = after.into_iter().flatten().map(|(name, _)| name);
        let new = new.filter(|name| !before.is_some_and(|before| before.contains_key(*name)));
        for name in names.chain(new) {
            let Some(child) = of.child(name) else { continue };
            let values = [before.and_then(|map| map.get(name)), after.and_then(|map| map.get(name))];
            self.child(Step::Field(name.clone()), child, values);
        }
    }

    fn list(&mut self, list: (&Type, &Items), before: Option<&Value>, after: Option<&Value>) {
        let mut all: BTreeMap<Step, [Vec<&Value>; 2]> = BTreeMap::new();
        for (side, value) in [before, after].into_iter().enumerate() {
            for item in value.and_then(Value::as_array).into_iter().flatten() {
                // Both were checked: whoever cannot be told apart is not there.
                if let Ok(step) = step(list.0, list.1, item) {
                    all.entry(step).or_default()[side].push(item);
                }
            }
        }
        for (step, [before, after]) in all {
            self.items(list.0, step, &before, &after);
        }
    }

    /// Items with equal keys are owned together.
    fn items(&mut self, of: &Type, step: Step, before: &[&Value], after: &[&Value]) {
        if before.len() < 2 && after.len() < 2 {
            return self.child(step, of, [before.first().copied(), after.first().copied()]);
        }
        let mut path = self.path.clone();
        path.push(step.clone());
        if before.len() >= 2 && after.len() >= 2 {
            let equal = before.len() == after.len() && before.iter().zip(after).all(|(a, b)| same(a, b));
            if !equal {
                self.found.modified.insert(&path);
            }
        } else if before.len() >= 2 {
            if let Some(after) = after.first() {
                self.child(step, of, [None, Some(after)]);
            }
            self.found.removed.insert(&path);
        } else {
            if let Some(before) = before.first() {
                self.child(step, of, [Some(before), None]);
            }
            self.found.added.insert(&path);
        }
    }
}
