//! Sets of fields, as server-side apply keeps them in `metadata.managedFields`.
//!
//! Source: sigs.k8s.io/structured-merge-diff/v6/fieldpath.

mod step;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::schema::{Shape, Type};
pub(crate) use step::{Step, shown};

/// A set of paths.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct FieldSet {
    nodes: BTreeMap<Step, Node>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Node {
    member: Member,
    below: FieldSet,
}

/// Whether a path is itself in the set, apart from what is below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Member {
    Yes,
    #[default]
    No,
}

impl FieldSet {
    /// Adds a path. The empty path is in no set.
    pub(crate) fn insert(&mut self, path: &[Step]) {
        let Some((first, rest)) = path.split_first() else { return };
        let node = self.nodes.entry(first.clone()).or_default();
        if rest.is_empty() {
            node.member = Member::Yes;
        } else {
            node.below.insert(rest);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Whether exactly this one-step path is in the set.
    pub(crate) fn has(&self, step: &Step) -> bool {
        self.nodes.get(step).is_some_and(|node| node.member == Member::Yes)
    }

    /// What is in the set below a step.
    pub(crate) fn below(&self, step: &Step) -> Option<&FieldSet> {
        self.nodes.get(step).map(|node| &node.below).filter(|below| !below.is_empty())
    }

    pub(crate) fn union(&self, other: &Self) -> Self {
        let mut all = self.clone();
        for (step, node) in &other.nodes {
            let mine = all.nodes.entry(step.clone()).or_default();
            if node.member == Member::Yes {
                mine.member = Member::Yes;
            }
            mine.below = mine.below.union(&node.below);
        }
        all
    }

    pub(crate) fn difference(&self, other: &Self) -> Self {
        self.filtered(other, |mine, theirs| match theirs {
            Member::Yes => Member::No,
            Member::No => mine,
        })
    }

    pub(crate) fn intersection(&self, other: &Self) -> Self {
        let mut shared = Self::default();
        for (step, node) in &self.nodes {
            let Some(theirs) = other.nodes.get(step) else { continue };
            let member = if node.member == theirs.member { node.member } else { Member::No };
            shared.keep(step, Node { member, below: node.below.intersection(&theirs.below) });
        }
        shared
    }

    fn filtered(&self, other: &Self, member: fn(Member, Member) -> Member) -> Self {
        let mut left = Self::default();
        for (step, node) in &self.nodes {
            let node = match other.nodes.get(step) {
                Some(theirs) => Node {
                    member: member(node.member, theirs.member),
                    below: node.below.filtered(&theirs.below, member),
                },
                None => node.clone(),
            };
            left.keep(step, node);
        }
        left
    }

    fn keep(&mut self, step: &Step, node: Node) {
        if node.member == Member::Yes || !node.below.is_empty() {
            self.nodes.insert(step.clone(), node);
        }
    }

    /// Without a path and everything below it.
    pub(crate) fn without(&self, path: &[&str]) -> Self {
        let Some((first, rest)) = path.split_first() else { return Self::default() };
        let mut left = Self::default();
        for (step, node) in &self.nodes {
            match step {
                Step::Field(name) if name == first && rest.is_empty() => {}
                Step::Field(name) if name == first => {
                    left.keep(step, Node { member: node.member, below: node.below.without(rest) });
                }
                Step::Field(_) | Step::Key(_) | Step::Item(_) | Step::Index(_) => {
                    left.keep(step, node.clone())
                }
            }
        }
        left
    }

    /// Only what is below a field.
    pub(crate) fn only(&self, name: &str) -> Self {
        let step = Step::Field(name.to_owned());
        let node = self.nodes.get(&step).cloned();
        Self { nodes: node.map(|node| (step, node)).into_iter().collect() }
    }

    /// With the fields on the way to a path in the set as well, where the type names them.
    pub(crate) fn with_named_parents(&self, of: &Type) -> Self {
        let mut all = Self::default();
        for (step, node) in &self.nodes {
            let (below_type, named) = match (step, of.shape([None, None])) {
                (Step::Field(name), _) => (of.child(name), of.field(name).is_some()),
                (Step::Key(_) | Step::Item(_) | Step::Index(_), Shape::List(of, _)) => (Some(of), false),
                (Step::Key(_) | Step::Item(_) | Step::Index(_), Shape::Leaf | Shape::Map) => (None, false),
            };
            let member = if named && !node.below.is_empty() { Member::Yes } else { node.member };
            let below = node.below.with_named_parents(below_type.unwrap_or(&Type::Any));
            all.keep(step, Node { member, below });
        }
        all
    }

    /// All paths in it: those of one step first, as the real server tells them.
    pub(crate) fn paths(&self) -> Vec<Vec<Step>> {
        let mut paths = Vec::new();
        self.collect(&mut Vec::new(), &mut paths);
        paths
    }

    fn collect(&self, path: &mut Vec<Step>, out: &mut Vec<Vec<Step>>) {
        for (step, _) in self.nodes.iter().filter(|(_, node)| node.member == Member::Yes) {
            path.push(step.clone());
            out.push(path.clone());
            path.pop();
        }
        for (step, node) in &self.nodes {
            path.push(step.clone());
            node.below.collect(path, out);
            path.pop();
        }
    }

    /// As `fieldsV1`.
    pub(crate) fn to_json(&self) -> Value {
        let nodes = self.nodes.iter().map(|(step, node)| {
            let mut below = node.below.to_json();
            if let Value::Object(members) = &mut below
                && node.member == Member::Yes
                && !members.is_empty()
            {
                members.shift_insert(0, ".".to_owned(), Value::Object(Map::new()));
            }
            (step.to_string(), below)
        });
        Value::Object(nodes.collect())
    }

    /// From `fieldsV1`; `None` if it is none.
    pub(crate) fn from_json(value: &Value) -> Option<Self> {
        let mut set = Self::default();
        for (key, below) in value.as_object()?.iter().filter(|(key, _)| *key != ".") {
            let members = below.as_object()?;
            let member =
                if members.is_empty() || members.contains_key(".") { Member::Yes } else { Member::No };
            set.nodes.insert(Step::parse(key)?, Node { member, below: Self::from_json(below)? });
        }
        Some(set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(value: Value) -> FieldSet {
        FieldSet::from_json(&value).unwrap()
    }

    #[test]
    fn json_goes_there_and_back() {
        let json = json!({"f:spec": {"f:ports": {".": {}, "k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}},
            "f:finalizers": {"v:\"a\"": {}}}});
        assert_eq!(set(json.clone()).to_json(), json);
    }

    #[test]
    fn sets_are_combined_path_by_path() {
        let (a, b) =
            (json!({"f:a": {".": {}, "f:x": {}}, "f:b": {}}), json!({"f:a": {"f:x": {}}, "f:c": {}}));
        let (a, b) = (set(a), set(b));
        assert_eq!(a.difference(&b).to_json(), json!({"f:a": {}, "f:b": {}}));
        assert_eq!(a.intersection(&b).to_json(), json!({"f:a": {"f:x": {}}}));
        assert_eq!(a.union(&b).to_json(), json!({"f:a": {".": {}, "f:x": {}}, "f:b": {}, "f:c": {}}));
        assert_eq!(a.without(&["a", "x"]).to_json(), json!({"f:a": {}, "f:b": {}}));
        assert_eq!(a.without(&["a"]).to_json(), json!({"f:b": {}}));
    }
}
