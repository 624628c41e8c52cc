//! Paths of fields, as managed fields write them: `f:spec`, `k:{"name":"web"}`, `v:"x"`, `i:0`.

use std::fmt;

use manifest::canonical::write_canonical;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One step of a path.
///
/// Source: structured-merge-diff `fieldpath/serialize-pe.go`.
#[derive(Debug, Clone, PartialEq)]
pub enum Element {
    /// `f:<name>`: a field of a map.
    Field(String),
    /// `k:{…}`: the items of a list whose key fields have these values.
    Key(Map<String, Value>),
    /// `v:…`: the items of a set that equal this.
    Value(Value),
    /// `i:<n>`: the item at this index, from 0.
    Index(usize),
}

impl Element {
    /// Reads one member name of `fieldsV1`; `None` for `.` and for what is no element.
    pub fn parse(text: &str) -> Option<Self> {
        let (prefix, rest) = text.split_once(':')?;
        match prefix {
            "f" => Some(Self::Field(rest.to_owned())),
            "k" => serde_json::from_str(rest).ok().map(Self::Key),
            "v" => serde_json::from_str(rest).ok().map(Self::Value),
            "i" => rest.parse().ok().map(Self::Index),
            _ => None,
        }
    }

    /// What it picks from a value, with the name or index of each.
    fn pick<'v>(&self, value: &'v Value) -> Vec<(String, &'v Value)> {
        let items = value.as_array().map(Vec::as_slice).unwrap_or_default().iter().enumerate();
        let shown = |(i, item): (usize, &'v Value)| (i.to_string(), item);
        match self {
            Self::Field(name) => value.get(name).map(|found| (name.clone(), found)).into_iter().collect(),
            Self::Key(key) => {
                let wanted = key_bytes(key.keys(), key);
                let same =
                    |item: &Value| item.as_object().is_some_and(|item| key_bytes(key.keys(), item) == wanted);
                items.filter(|(_, item)| same(item)).map(shown).collect()
            }
            Self::Value(wanted) => items.filter(|(_, item)| *item == wanted).map(shown).collect(),
            Self::Index(index) => items.skip(*index).take(1).map(shown).collect(),
        }
    }
}

/// The key fields of a list item as bytes; equal bytes mean equal keys. Fields at their default are left out,
/// because the server fills them into the key but not always into the item.
pub(crate) fn key_bytes<'k>(names: impl Iterator<Item = &'k String>, item: &Map<String, Value>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for name in names {
        if let Some(value) = item.get(name).filter(|value| !is_default(name, value)) {
            bytes.extend((name.len() as u64).to_be_bytes());
            bytes.extend_from_slice(name.as_bytes());
            write_canonical(value, &mut bytes);
        }
    }
    bytes
}

/// Source: measured; `imagePullSecrets: [{}]` has the key `{"name":""}`, a port without protocol the key TCP.
fn is_default(name: &str, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty() || (name == "protocol" && text == "TCP"),
        Value::Array(_) | Value::Object(_) => false,
    }
}

/// A path from the root of an object, kept in the words of `fieldsV1`. Shown to people as
/// `spec.containers[name=web].image`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FieldPath(pub Vec<String>);

impl FieldPath {
    /// Its steps; ends before the first that is none.
    pub fn elements(&self) -> impl Iterator<Item = Element> {
        self.0.iter().map_while(|text| Element::parse(text))
    }

    /// The values at this path: none, one, or several where list items share a key.
    pub fn locate<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        self.resolve(value).into_iter().map(|(_, found)| found).collect()
    }

    /// JSON pointers (RFC 6901) of the values at this path.
    pub fn pointers(&self, value: &Value) -> Vec<String> {
        self.resolve(value).into_iter().map(|(pointer, _)| pointer).collect()
    }

    fn resolve<'v>(&self, value: &'v Value) -> Vec<(String, &'v Value)> {
        let mut found = vec![(String::new(), value)];
        for text in &self.0 {
            let Some(element) = Element::parse(text) else { return Vec::new() };
            let step = |(pointer, value): (String, &'v Value)| {
                let below = element.pick(value).into_iter();
                below
                    .map(move |(name, value)| (format!("{pointer}/{}", escape(&name)), value))
                    .collect::<Vec<_>>()
            };
            found = found.into_iter().flat_map(step).collect();
        }
        found
    }
}

fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for element in self.elements() {
            push_element(&mut text, &element);
        }
        f.write_str(&text)
    }
}

/// Appends a step in its readable form.
fn push_element(text: &mut String, element: &Element) {
    match element {
        Element::Field(name) => push_field(text, name),
        Element::Key(key) => {
            let key: Vec<_> = key.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect();
            text.push_str(&format!("[{}]", key.join(",")));
        }
        Element::Value(value) => text.push_str(&format!("[={}]", plain(value))),
        Element::Index(index) => text.push_str(&format!("[{index}]")),
    }
}

/// Appends `.name`, or `["example.com/name"]` where a dot would mislead.
pub(crate) fn push_field(text: &mut String, name: &str) {
    let simple =
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if simple {
        if !text.is_empty() {
            text.push('.');
        }
        text.push_str(name);
    } else {
        text.push_str(&format!("[{}]", Value::from(name)));
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn path(steps: &[&str]) -> FieldPath {
        FieldPath(steps.iter().map(|step| (*step).to_owned()).collect())
    }

    #[test]
    fn every_kind_of_step_finds_its_values() {
        let object = json!({"spec": {
            "containers": [{"name": "a"}, {"name": "web", "image": "x"}],
            "ports": [{"port": 80}, {"port": 80, "protocol": "UDP"}],
            "pullSecrets": [{}],
            "finalizers": ["x", "y"],
        }, "a/b": 1});
        for (steps, pointers, shown) in [
            (
                vec!["f:spec", "f:containers", "k:{\"name\":\"web\"}", "f:image"],
                vec!["/spec/containers/1/image"],
                "spec.containers[name=web].image",
            ),
            (
                vec!["f:spec", "f:ports", "k:{\"port\":80,\"protocol\":\"TCP\"}"],
                vec!["/spec/ports/0"],
                "spec.ports[port=80,protocol=TCP]",
            ),
            (
                vec!["f:spec", "f:pullSecrets", "k:{\"name\":\"\"}"],
                vec!["/spec/pullSecrets/0"],
                "spec.pullSecrets[name=]",
            ),
            (vec!["f:spec", "f:finalizers", "v:\"y\""], vec!["/spec/finalizers/1"], "spec.finalizers[=y]"),
            (vec!["f:spec", "f:finalizers", "i:0"], vec!["/spec/finalizers/0"], "spec.finalizers[0]"),
            (vec!["f:a/b"], vec!["/a~1b"], "[\"a/b\"]"),
            (vec!["f:spec", "f:none"], vec![], "spec.none"),
            (vec!["f:spec", "nonsense"], vec![], "spec"),
        ] {
            let path = path(&steps);
            assert_eq!(path.pointers(&object), pointers, "{path:?}");
            assert_eq!(path.to_string(), shown);
            let located: Vec<_> = pointers.iter().map(|pointer| object.pointer(pointer).unwrap()).collect();
            assert_eq!(path.locate(&object), located);
        }
    }

    #[test]
    fn items_that_share_a_key_are_all_found() {
        let object = json!({"ports": [{"port": 1, "a": 1}, {"port": 2}, {"port": 1, "a": 2}]});
        assert_eq!(path(&["f:ports", "k:{\"port\":1}", "f:a"]).locate(&object), [&json!(1), &json!(2)]);
    }
}
