//! One step of a path to a field.

use std::{cmp::Ordering, fmt};

use serde_json::{Map, Value};

/// One step of a path to a field. Their order is that of the real server's.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// A field of a map, by its name.
    Field(String),
    /// An item of a list, by its keys in the order of their names.
    Key(Vec<(String, Value)>),
    /// An item of a set, by itself.
    Item(Value),
    /// An item of a list, by its place.
    Index(i64),
}

impl Step {
    /// From a key of `fieldsV1`; `None` if it is none.
    pub(crate) fn parse(key: &str) -> Option<Self> {
        let (mark, rest) = key.split_once(':')?;
        match mark {
            "f" => Some(Self::Field(rest.to_owned())),
            "k" => {
                let keys: Map<String, Value> = serde_json::from_str(rest).ok()?;
                let mut keys: Vec<_> = keys.into_iter().collect();
                keys.sort_by(|a, b| a.0.cmp(&b.0));
                Some(Self::Key(keys))
            }
            "v" => serde_json::from_str(rest).ok().map(Self::Item),
            "i" => rest.parse().ok().map(Self::Index),
            _ => None,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Field(_) => 0,
            Self::Key(_) => 1,
            Self::Item(_) => 2,
            Self::Index(_) => 3,
        }
    }
}

impl Ord for Step {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Field(a), Self::Field(b)) => a.cmp(b),
            (Self::Key(a), Self::Key(b)) => {
                let pairs = a.iter().zip(b);
                let unequal = pairs.map(|(a, b)| a.0.cmp(&b.0).then_with(|| order(&a.1, &b.1)));
                unequal.into_iter().find(|order| order.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
            }
            (Self::Item(a), Self::Item(b)) => order(a, b),
            (Self::Index(a), Self::Index(b)) => a.cmp(b),
            (Self::Field(_) | Self::Key(_) | Self::Item(_) | Self::Index(_), _) => {
                self.rank().cmp(&other.rank())
            }
        }
    }
}

impl PartialOrd for Step {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Step {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Step {}

/// Numbers before texts before truths before the rest.
fn order(a: &Value, b: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Number(_) => 0,
        Value::String(_) => 1,
        Value::Bool(_) => 2,
        Value::Null | Value::Array(_) | Value::Object(_) => 3,
    };
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => match (x.as_i64(), y.as_i64()) {
            (Some(x), Some(y)) => x.cmp(&y),
            _ => x.as_f64().unwrap_or(0.0).total_cmp(&y.as_f64().unwrap_or(0.0)),
        },
        (Value::String(x), Value::String(y)) => x.cmp(y),
        (Value::Bool(x), Value::Bool(y)) => x.cmp(y),
        (
            Value::Null | Value::Array(_) | Value::Object(_),
            Value::Null | Value::Array(_) | Value::Object(_),
        ) => a.to_string().cmp(&b.to_string()),
        (Value::Number(_) | Value::String(_) | Value::Bool(_), _)
        | (Value::Null | Value::Array(_) | Value::Object(_), _) => rank(a).cmp(&rank(b)),
    }
}

/// As a key of `fieldsV1`.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, "f:{name}"),
            Self::Key(keys) => {
                let keys: Map<String, Value> = keys.iter().cloned().collect();
                write!(f, "k:{}", Value::Object(keys))
            }
            Self::Item(value) => write!(f, "v:{value}"),
            Self::Index(index) => write!(f, "i:{index}"),
        }
    }
}

/// A path as errors name it: `.spec.ports[port=80,protocol="TCP"].targetPort`.
pub(crate) fn shown(path: &[Step]) -> String {
    let steps = path.iter().map(|step| match step {
        Step::Field(name) => format!(".{name}"),
        Step::Key(keys) => {
            let keys: Vec<_> = keys.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("[{}]", keys.join(","))
        }
        Step::Item(value) => format!("[={value}]"),
        Step::Index(index) => format!("[{index}]"),
    });
    steps.collect()
}
