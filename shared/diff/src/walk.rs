//! The values at the owned fields of a live object, as bytes: equal bytes mean that nothing of ours changed.

use manifest::canonical::write_canonical;
use serde_json::{Map, Value};

use crate::{empties::EmptyTree, list_items::ItemIndex, path::Element};

/// Marks in the byte form. Canonical JSON holds no control characters, so that each mark ends the value before
/// it. What comes next is told by the tree of owned fields, which is hashed as well: names of fields are not
/// repeated, only those of list items, whose number and order are the live object's.
mod mark {
    pub const VALUE: u8 = 1;
    pub const ABSENT: u8 = 2;
    pub const LEFT_OUT: u8 = 3;
    pub const MAP: u8 = 4;
    pub const LIST: u8 = 5;
    pub const NULL: u8 = 6;
    pub const SCALAR: u8 = 7;
    pub const ITEM: u8 = 14;
    pub const ITEMS_END: u8 = 15;
    pub const PRESENT: u8 = 16;
}

/// Walks the tree of owned fields over the live object. Leaves at the ends of `left_out` were wanted empty: of
/// those only what none of the trees `others` owns is said.
pub(crate) fn walk(fields: &Value, live: &Value, left_out: &EmptyTree<'_>, others: &[&Value]) -> Vec<u8> {
    let mut walk = Walk { out: Vec::new(), others };
    // An entry without fields owns nothing; below the root, `{}` means the whole value.
    if fields.as_object().is_some_and(|members| !members.is_empty()) {
        walk.node(fields, Some(live), Some(left_out));
    }
    walk.out
}

/// Adds that the container at this path is still there.
pub(crate) fn push_present(out: &mut Vec<u8>, path: &[String]) {
    out.push(mark::PRESENT);
    out.extend((path.len() as u64).to_be_bytes());
    path.iter().for_each(|step| push_text(out, step));
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// The part of a tree of owned fields at a path.
fn below<'v>(fields: &'v Value, path: &[String]) -> Option<&'v Value> {
    path.iter().try_fold(fields, |at, step| at.get(step))
}

struct Walk<'o> {
    out: Vec<u8>,
    /// Trees of the fields that others own.
    others: &'o [&'o Value],
}

/// The part of the paths left out that lies below a node, if any.
type LeftOut<'t> = Option<&'t EmptyTree<'t>>;

/// A member of the tree that names list items.
type Named<'t> = (&'t str, Element, LeftOut<'t>);

impl Walk<'_> {
    fn node(&mut self, fields: &Value, live: Option<&Value>, left_out: LeftOut<'_>) {
        let members = fields.as_object().filter(|members| !members.is_empty());
        let Some(members) = members else { return self.leaf(live, left_out) };
        self.container(live, members.contains_key("."));
        let mut names: Vec<&str> = members.keys().map(String::as_str).collect();
        names.sort_unstable();
        let mut items = Vec::new();
        for name in names {
            let below = left_out.and_then(|tree| tree.child(name));
            if let Some(field) = name.strip_prefix("f:") {
                self.node(&members[name], live.and_then(|live| live.get(field)), below);
            } else if let Some(element) = Element::parse(name) {
                items.push((name, element, below));
            }
        }
        if !items.is_empty() {
            self.items(members, &items, live);
        }
    }

    /// List items in live order, so that a new order is seen. Foreign ones are passed over; missing ones need
    /// no mark, because the owned set is hashed too.
    fn items(&mut self, members: &Map<String, Value>, named: &[Named<'_>], live: Option<&Value>) {
        let index = ItemIndex::new(named.iter().map(|(_, element, _)| element).enumerate());
        for (position, item) in live.and_then(Value::as_array).into_iter().flatten().enumerate() {
            for at in index.naming(position, item) {
                let (name, _, below) = &named[at];
                self.out.push(mark::ITEM);
                push_text(&mut self.out, name);
                self.node(&members[*name], Some(item), *below);
            }
        }
        self.out.push(mark::ITEMS_END);
    }

    fn leaf(&mut self, live: Option<&Value>, left_out: LeftOut<'_>) {
        match (left_out.and_then(EmptyTree::end), live) {
            (None, _) => self.value(live),
            // Owned as a whole although empty: no list with keys is. Its content is ours, be it a default.
            (Some(_), Some(Value::Array(items))) if !items.is_empty() => self.value(live),
            (Some(path), Some(Value::Object(map))) => self.unclaimed(map, path),
            (Some(_), _) => self.out.push(mark::LEFT_OUT),
        }
    }

    /// What is in a map that was wanted empty and that nobody claims: defaults, or what was written without a
    /// trace. What others own there is theirs.
    fn unclaimed(&mut self, map: &Map<String, Value>, path: &[String]) {
        self.out.push(mark::LEFT_OUT);
        let others: Vec<&Value> = self.others.iter().filter_map(|fields| below(fields, path)).collect();
        let mut members: Vec<_> = map.iter().collect();
        members.sort_unstable_by_key(|(name, _)| *name);
        for (name, value) in members {
            let step = format!("f:{name}");
            if !others.iter().any(|fields| fields.get(&step).is_some()) {
                push_text(&mut self.out, name);
                self.value(Some(value));
            }
        }
    }

    fn value(&mut self, live: Option<&Value>) {
        let Some(live) = live else { return self.out.push(mark::ABSENT) };
        self.out.push(mark::VALUE);
        write_canonical(live, &mut self.out);
    }

    /// Only what kind of container it is, and only if we own it as such: others may own what is inside. A
    /// scalar in its place, such as the text that a redacted container leaves behind, counts in any case.
    fn container(&mut self, live: Option<&Value>, owned: bool) {
        match live {
            Some(live @ (Value::Bool(_) | Value::Number(_) | Value::String(_))) => {
                self.out.push(mark::SCALAR);
                write_canonical(live, &mut self.out);
            }
            None if owned => self.out.push(mark::ABSENT),
            Some(Value::Null) if owned => self.out.push(mark::NULL),
            Some(Value::Object(_)) if owned => self.out.push(mark::MAP),
            Some(Value::Array(_)) if owned => self.out.push(mark::LIST),
            None | Some(Value::Null | Value::Object(_) | Value::Array(_)) => {}
        }
    }
}
