//! Empty containers that we wrote: others may fill them, and the server may drop them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::{list_items::ItemIndex, path::Element};

/// Paths as a tree, so that many of them cost one pass over an object.
#[derive(Default)]
pub(crate) struct EmptyTree<'p> {
    /// Number of the path that ends here, and the path.
    ends: Option<(usize, &'p Vec<String>)>,
    below: BTreeMap<&'p str, EmptyTree<'p>>,
}

impl<'p> EmptyTree<'p> {
    pub(crate) fn of(paths: impl IntoIterator<Item = &'p Vec<String>>) -> Self {
        let mut tree = Self::default();
        for (number, path) in paths.into_iter().enumerate() {
            let mut at = &mut tree;
            for step in path {
                at = at.below.entry(step).or_default();
            }
            at.ends = Some((number, path));
        }
        tree
    }

    pub(crate) fn child(&self, step: &str) -> Option<&Self> {
        self.below.get(step)
    }

    /// The path that ends here.
    pub(crate) fn end(&self) -> Option<&'p Vec<String>> {
        self.ends.map(|(_, path)| path)
    }

    /// The numbers of the paths at which `live` has anything, be it null.
    pub(crate) fn present(&self, live: &Value) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        self.mark(live, &mut found);
        found
    }

    fn mark(&self, live: &Value, found: &mut BTreeSet<usize>) {
        found.extend(self.ends.map(|(number, _)| number));
        if self.below.is_empty() {
            return;
        }
        let steps = self.below.iter();
        let children: Vec<_> =
            steps.filter_map(|(step, below)| Element::parse(step).map(|element| (element, below))).collect();
        for (element, below) in &children {
            if let Element::Field(name) = element
                && let Some(value) = live.get(name)
            {
                below.mark(value, found);
            }
        }
        let index = ItemIndex::new(children.iter().map(|(element, _)| element).enumerate());
        for (position, item) in live.as_array().into_iter().flatten().enumerate() {
            for at in index.naming(position, item) {
                children[at].1.mark(item, found);
            }
        }
    }
}

/// The containers that `desired` wants empty: owned leaves that are `{}` or `[]` there, and `[]` where the
/// tree of owned fields says nothing (an empty list with keys is never owned).
pub(crate) fn find_empties(fields: &Value, desired: &Value) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    find(Some(fields), desired, &mut Vec::new(), &mut paths);
    paths
}

fn find(fields: Option<&Value>, desired: &Value, at: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    let members = fields.and_then(Value::as_object);
    let leaf = members.is_some_and(Map::is_empty);
    match desired {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        Value::Array(items) if items.is_empty() && (leaf || members.is_none()) => {
            found.push(at.clone());
        }
        Value::Object(map) if map.is_empty() && leaf => found.push(at.clone()),
        // Owned as a whole: its content is hashed as it is.
        Value::Array(_) | Value::Object(_) if leaf => {}
        Value::Array(items) => find_in_items(members, items, at, found),
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
    desired: &[Value],
    at: &mut Vec<String>,
    found: &mut Vec<Vec<String>>,
) {
    let has_content =
        |below: &Value| below.as_object().is_some_and(|below| below.keys().any(|key| key != "."));
    let members = members.into_iter().flatten().filter(|(_, below)| has_content(below));
    let members: Vec<_> = members
        .filter_map(|(step, below)| Element::parse(step).map(|element| (element, step, below)))
        .collect();
    let index = ItemIndex::new(members.iter().map(|(element, _, _)| element).enumerate());
    for (position, item) in desired.iter().enumerate() {
        for (_, step, below) in index.naming(position, item).into_iter().map(|at| &members[at]) {
            at.push((*step).clone());
            find(Some(below), item, at, found);
            at.pop();
        }
    }
}
