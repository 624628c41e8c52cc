//! Which items of a live list the owned elements of a field tree name.

use std::collections::HashMap;

use manifest::canonical_json;
use serde_json::{Map, Value};

use crate::path::{Element, key_bytes};

/// Most different sets of key fields in one list. A schema gives a list one; only a forged tree has more.
const SHAPES_MAX: usize = 8;

/// Finds, for items of a live list, the elements that name them, in time linear in both.
pub(crate) struct ItemIndex {
    /// Names of key fields, each set once.
    shapes: Vec<Vec<String>>,
    /// By shape and key.
    keys: HashMap<(usize, Vec<u8>), usize>,
    /// By canonical form.
    values: HashMap<Vec<u8>, usize>,
    indices: HashMap<usize, usize>,
}

impl ItemIndex {
    /// Indexes elements by their position in `elements`; fields of maps are passed over.
    pub(crate) fn new<'e>(elements: impl Iterator<Item = (usize, &'e Element)>) -> Self {
        let mut index = Self {
            shapes: Vec::new(),
            keys: HashMap::new(),
            values: HashMap::new(),
            indices: HashMap::new(),
        };
        for (at, element) in elements {
            match element {
                Element::Field(_) => {}
                Element::Key(key) => index.add_key(at, key),
                Element::Value(value) => {
                    index.values.entry(canonical_json(value)).or_insert(at);
                }
                Element::Index(position) => {
                    index.indices.entry(*position).or_insert(at);
                }
            }
        }
        index
    }

    fn add_key(&mut self, at: usize, key: &Map<String, Value>) {
        let mut shape: Vec<String> = key.keys().cloned().collect();
        shape.sort_unstable();
        let known = self.shapes.iter().position(|other| *other == shape);
        let number = known.unwrap_or(self.shapes.len());
        if number >= SHAPES_MAX {
            return;
        }
        self.keys.entry((number, key_bytes(shape.iter(), key))).or_insert(at);
        if known.is_none() {
            self.shapes.push(shape);
        }
    }

    /// The elements that name the item at `position`.
    pub(crate) fn naming(&self, position: usize, item: &Value) -> Vec<usize> {
        let mut found = Vec::new();
        if let Some(map) = item.as_object() {
            let keys = self.shapes.iter().enumerate();
            found.extend(keys.filter_map(|(n, shape)| self.keys.get(&(n, key_bytes(shape.iter(), map)))));
        }
        if !self.values.is_empty() {
            found.extend(self.values.get(&canonical_json(item)));
        }
        found.extend(self.indices.get(&position));
        found
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn items_are_named_by_key_value_or_index() {
        let texts = [
            "k:{\"port\":80,\"protocol\":\"TCP\"}",
            "k:{\"port\":80,\"protocol\":\"UDP\"}",
            "v:{\"b\":1,\"a\":2}",
            "i:3",
            "k:{\"name\":\"\"}",
        ];
        let elements: Vec<_> = texts.iter().map(|text| Element::parse(text).unwrap()).collect();
        let index = ItemIndex::new(elements.iter().enumerate());
        assert_eq!(index.naming(0, &json!({"protocol": "TCP", "port": 80, "name": "x"})), [0]);
        assert_eq!(index.naming(0, &json!({"port": 80, "name": "x"})), [0]);
        assert_eq!(index.naming(0, &json!({"port": 80, "protocol": "UDP", "name": ""})), [1, 4]);
        assert_eq!(index.naming(0, &json!({"a": 2, "b": 1, "name": "x"})), [0; 0]);
        assert_eq!(index.naming(3, &json!({"a": 2, "b": 1})), [4, 2, 3]);
        assert_eq!(index.naming(0, &json!("x")), [0; 0]);
    }
}
