//! The values at the owned fields of a live object, as bytes: equal bytes mean that nothing of ours changed.

use manifest::canonical::write_canonical;
use serde_json::Value;

use crate::{FieldPath, list_items::ItemIndex, path::Element};

/// Marks in the byte form. Each is followed by nothing, or by a length and as many bytes, so that no two
/// walks share a form.
mod mark {
    pub const ENTER: u8 = b'>';
    pub const LEAVE: u8 = b'<';
    pub const VALUE: u8 = b'v';
    pub const ABSENT: u8 = b'-';
    pub const LEFT_OUT: u8 = b'?';
    pub const PRESENT: u8 = b'!';
    pub const MAP: u8 = b'm';
    pub const LIST: u8 = b'l';
    pub const NULL: u8 = b'n';
}

/// Walks the tree of owned fields over the live object. Leaves at the paths in `left_out` say nothing.
pub(crate) fn walk(fields: &Value, live: &Value, left_out: &[&FieldPath]) -> Vec<u8> {
    let mut walk = Walk { left_out, at: Vec::new(), out: Vec::new() };
    // An entry without fields owns nothing; below the root, `{}` means the whole value.
    if fields.as_object().is_some_and(|members| !members.is_empty()) {
        walk.node(fields, Some(live));
    }
    walk.out
}

/// Adds that the container at this path is still there.
pub(crate) fn push_present(out: &mut Vec<u8>, path: &FieldPath) {
    out.push(mark::PRESENT);
    for step in &path.0 {
        push_bytes(out, mark::ENTER, step.as_bytes());
    }
    out.push(mark::LEAVE);
}

fn push_bytes(out: &mut Vec<u8>, mark: u8, bytes: &[u8]) {
    out.push(mark);
    out.extend((bytes.len() as u64).to_be_bytes());
    out.extend_from_slice(bytes);
}

struct Walk<'a> {
    left_out: &'a [&'a FieldPath],
    at: Vec<&'a str>,
    out: Vec<u8>,
}

/// A member of the tree: its name, what it picks, the tree below.
type Child<'a> = (&'a str, Element, &'a Value);

impl<'a> Walk<'a> {
    fn node(&mut self, fields: &'a Value, live: Option<&Value>) {
        let members = fields.as_object().filter(|members| !members.is_empty());
        let Some(members) = members else { return self.leaf(live) };
        if members.contains_key(".") {
            self.container(live);
        }
        if live.is_some_and(|live| !live.is_object() && !live.is_array() && !live.is_null()) {
            // A redacted container: a text stands for all of it.
            self.value(live);
        }
        let child = |(name, below): (&'a String, &'a Value)| {
            Element::parse(name).map(|element| (name.as_str(), element, below))
        };
        let mut children: Vec<Child<'a>> = members.iter().filter_map(child).collect();
        children.sort_unstable_by_key(|(name, _, _)| *name);
        for (name, element, below) in &children {
            if let Element::Field(field) = element {
                self.child(name, below, live.and_then(|live| live.get(field)));
            }
        }
        self.items(&children, live);
    }

    /// List items in live order, so that a new order is seen. Foreign ones are passed over; missing ones need
    /// no mark, because the owned set is hashed too.
    fn items(&mut self, children: &[Child<'a>], live: Option<&Value>) {
        let Some(items) = live.and_then(Value::as_array) else { return };
        let index = ItemIndex::new(children.iter().map(|(_, element, _)| element).enumerate());
        for (position, item) in items.iter().enumerate() {
            for at in index.naming(position, item) {
                let (name, _, below) = &children[at];
                self.child(name, below, Some(item));
            }
        }
    }

    fn child(&mut self, name: &'a str, fields: &'a Value, live: Option<&Value>) {
        push_bytes(&mut self.out, mark::ENTER, name.as_bytes());
        self.at.push(name);
        self.node(fields, live);
        self.at.pop();
        self.out.push(mark::LEAVE);
    }

    fn leaf(&mut self, live: Option<&Value>) {
        let left_out = self.left_out.iter().any(|path| path.0 == self.at);
        if left_out {
            self.out.push(mark::LEFT_OUT);
        } else {
            self.value(live);
        }
    }

    fn value(&mut self, live: Option<&Value>) {
        let Some(live) = live else { return self.out.push(mark::ABSENT) };
        let mut text = Vec::new();
        write_canonical(live, &mut text);
        push_bytes(&mut self.out, mark::VALUE, &text);
    }

    /// Only what kind of container it is: others may own what is inside.
    fn container(&mut self, live: Option<&Value>) {
        match live {
            None => self.out.push(mark::ABSENT),
            Some(Value::Null) => self.out.push(mark::NULL),
            Some(Value::Object(_)) => self.out.push(mark::MAP),
            Some(Value::Array(_)) => self.out.push(mark::LIST),
            // Emitted as a value by the caller, container or not.
            Some(Value::Bool(_) | Value::Number(_) | Value::String(_)) => {}
        }
    }
}
