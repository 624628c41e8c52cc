//! Where the fields of a file stand, for whoever has to point at one.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::{Location, Spanned};

use crate::parse::{FILE_BYTES_MAX, options};

/// Deepest nesting that is looked into: half of what a manifest may have, because a place needs more of the stack.
const DEPTH_MAX: usize = 32;

/// The places of all fields of a file. Keys are kept, values are not.
#[derive(Debug, Default)]
pub struct Places {
    documents: Vec<Node>,
}

/// Line and column, from 1.
type Place = (u32, u32);

#[derive(Debug)]
struct Node {
    place: Place,
    inside: Inside,
}

#[derive(Debug)]
enum Inside {
    Scalar,
    List(Vec<Node>),
    /// With the places of the keys.
    Map(Vec<(String, Place, Node)>),
}

impl Places {
    /// Reads a file, YAML or JSON. One that cannot be read has no places.
    pub fn of(bytes: &[u8]) -> Self {
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= FILE_BYTES_MAX);
        let read = text
            .and_then(|text| serde_saphyr::from_multiple_with_options::<Node>(text, options(DEPTH_MAX)).ok());
        Self { documents: read.unwrap_or_default() }
    }

    /// The place of a field, by JSON pointer, in the document that begins at a line: that of its key, or of the
    /// innermost thing around it that there is.
    pub fn find(&self, line: u32, pointer: &str) -> Option<(u32, u32)> {
        let mut node = self.documents.iter().find(|document| document.place.0 == line)?;
        let mut place = node.place;
        for part in pointer.split('/').skip(1) {
            let part = part.replace("~1", "/").replace("~0", "~");
            let inner = match &node.inside {
                Inside::Scalar => None,
                Inside::List(items) => {
                    part.parse().ok().and_then(|at: usize| items.get(at)).map(|item| (item.place, item))
                }
                Inside::Map(fields) => {
                    fields.iter().find(|(key, ..)| *key == part).map(|(_, place, inner)| (*place, inner))
                }
            };
            let Some((inner_place, inner)) = inner else { break };
            (place, node) = (inner_place, inner);
        }
        Some(place)
    }
}

fn place(at: Location) -> Place {
    let narrow = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    (narrow(at.line()), narrow(at.column()))
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let found = Spanned::<Inside>::deserialize(from)?;
        Ok(Self { place: place(found.referenced), inside: found.value })
    }
}

impl<'de> Deserialize<'de> for Inside {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Look)
    }
}

struct Look;

/// A scalar is one whatever it says.
macro_rules! scalars {
    ($($visit:ident($($kind:ty)?),)*) => {
        $(fn $visit<E: Error>(self $(, _: $kind)?) -> Result<Inside, E> {
            Ok(Inside::Scalar)
        })*
    };
}

impl<'de> Visitor<'de> for Look {
    type Value = Inside;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    scalars! {
        visit_unit(), visit_none(), visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_i128(i128),
        visit_u128(u128), visit_f64(f64), visit_str(&str),
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Inside, D::Error> {
        from.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Inside, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Inside::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Inside, A::Error> {
        let mut fields = Vec::new();
        while let Some((key, value)) = entries.next_entry::<Spanned<String>, Node>()? {
            fields.push((key.value, place(key.referenced), value));
        }
        Ok(Inside::Map(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_stands_where_its_key_does() {
        let text = "# first\na: {b: [1, {c: 2}]}\n---\nkind: X\nspec:\n  deep:\n  - one: |\n      text\n    two: 3\n  \
                    a/b: 1\n  5: yes\n";
        let places = Places::of(text.as_bytes());
        for (line, pointer, place) in [
            (2, "", (2, 1)),
            (2, "/a", (2, 1)),
            (2, "/a/b", (2, 5)),
            (2, "/a/b/1/c", (2, 13)),
            (4, "/kind", (4, 1)),
            (4, "/spec/deep", (6, 3)),
            (4, "/spec/deep/0", (7, 5)),
            (4, "/spec/deep/0/two", (9, 5)),
            (4, "/spec/a~1b", (10, 3)),
            (4, "/spec/5", (11, 3)),
            // What is not there stands in what is.
            (4, "/spec/deep/0/three/x", (7, 5)),
            (4, "/spec/deep/7", (6, 3)),
        ] {
            assert_eq!(places.find(line, pointer), Some(place), "{line} {pointer}");
        }
        assert_eq!(places.find(3, "/a"), None);
        let json = Places::of(b"{\n  \"a\": {\"b\": 1}\n}");
        assert_eq!(json.find(1, "/a/b"), Some((2, 9)));
    }

    #[test]
    fn what_cannot_be_read_has_no_places() {
        for bytes in [&b"a: ["[..], b"\xff", "[".repeat(DEPTH_MAX + 1).as_bytes()] {
            assert_eq!(Places::of(bytes).find(1, ""), None);
        }
        let deep = "[".repeat(DEPTH_MAX) + &"]".repeat(DEPTH_MAX);
        assert_eq!(Places::of(deep.as_bytes()).find(1, &"/0".repeat(3)), Some((1, 4)));
    }
}
