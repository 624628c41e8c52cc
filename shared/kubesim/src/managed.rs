//! Who owns which fields: `metadata.managedFields`, kept as the real server keeps it.
//!
//! Source: k8s.io/apimachinery/pkg/util/managedfields/internal and structured-merge-diff/v6/merge.

mod apply;
mod update;

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use crate::{fields::FieldSet, schema::Type};
pub(crate) use apply::{Force, apply, empty};
pub(crate) use update::update;

/// Who owned what there was before anybody applied.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// How somebody came to own fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    Apply,
    Update,
}

/// The fields of one manager.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) manager: String,
    pub(crate) operation: Operation,
    pub(crate) api_version: String,
    pub(crate) subresource: String,
    pub(crate) time: Option<String>,
    pub(crate) fields: FieldSet,
}

/// Who acts, and on what.
#[derive(Debug, Clone)]
pub(crate) struct Act<'a> {
    pub(crate) manager: &'a str,
    pub(crate) api_version: &'a str,
    pub(crate) subresource: &'a str,
    /// In seconds.
    pub(crate) time: &'a str,
    pub(crate) of: &'a Type,
    pub(crate) tracked: Tracked,
}

/// Which fields a request to a resource, or to a part of it, can own at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tracked {
    /// All.
    All,
    /// All but the status, which has a part of its own.
    NoStatus,
    /// The status alone.
    Status,
    /// The status of a custom resource alone.
    CustomStatus,
    /// The number of replicas alone.
    Scale,
}

impl Tracked {
    fn filter(self, set: &FieldSet) -> FieldSet {
        match self {
            Self::All => set.clone(),
            Self::NoStatus => set.without(&["status"]),
            Self::Status => set.without(&["spec"]).without(&["metadata", "labels"]),
            Self::CustomStatus => set.without(&["spec"]).without(&["metadata"]),
            Self::Scale => set.only("spec"),
        }
    }
}

impl Entry {
    /// The same manager, by what tells managers apart: an Apply entry changes its version, an Update entry does not.
    fn is(&self, operation: Operation, act: &Act<'_>) -> bool {
        self.manager == act.manager
            && self.operation == operation
            && self.subresource == act.subresource
            && (operation == Operation::Apply || self.api_version == act.api_version)
    }

    fn new(operation: Operation, act: &Act<'_>) -> Self {
        Self {
            manager: act.manager.to_owned(),
            operation,
            api_version: act.api_version.to_owned(),
            subresource: act.subresource.to_owned(),
            time: None,
            fields: FieldSet::default(),
        }
    }

    fn order(&self, other: &Self) -> Ordering {
        let operation = self.operation.cmp(&other.operation);
        operation
            .then_with(|| self.time.cmp(&other.time))
            .then_with(|| self.manager.cmp(&other.manager))
            .then_with(|| self.api_version.cmp(&other.api_version))
            .then_with(|| self.subresource.cmp(&other.subresource))
    }

    fn to_json(&self) -> Value {
        let mut entry = Map::new();
        entry.insert("manager".into(), json!(self.manager));
        let operation = match self.operation {
            Operation::Apply => "Apply",
            Operation::Update => "Update",
        };
        entry.insert("operation".into(), json!(operation));
        entry.insert("apiVersion".into(), json!(self.api_version));
        entry.extend(self.time.as_ref().map(|time| ("time".to_owned(), json!(time))));
        entry.insert("fieldsType".into(), json!("FieldsV1"));
        entry.insert("fieldsV1".into(), self.fields.to_json());
        if !self.subresource.is_empty() {
            entry.insert("subresource".into(), json!(self.subresource));
        }
        Value::Object(entry)
    }

    fn from_json(value: &Value) -> Option<Self> {
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        Some(Self {
            manager: text("manager").unwrap_or_default(),
            operation: match value["operation"].as_str()? {
                "Apply" => Operation::Apply,
                "Update" => Operation::Update,
                _ => return None,
            },
            api_version: text("apiVersion").filter(|version| !version.is_empty())?,
            subresource: text("subresource").unwrap_or_default(),
            time: text("time"),
            fields: match value.get("fieldsV1") {
                _ if value["fieldsType"] != "FieldsV1" => return None,
                None | Some(Value::Null) => FieldSet::default(),
                Some(fields) => FieldSet::from_json(fields)?,
            },
        })
    }
}

/// The entries of an object; `None` if they cannot be read.
fn entries(object: &Value) -> Option<Vec<Entry>> {
    match object.pointer("/metadata/managedFields") {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(entries) => entries.as_array()?.iter().map(Entry::from_json).collect(),
    }
}

/// The entries to go on from: those that the writer sent, if there are any.
pub(crate) fn sent_or_live(live: &Value, sent: &Value) -> Vec<Entry> {
    let given = sent.pointer("/metadata/managedFields").and_then(Value::as_array);
    let reset = given.is_some_and(|given| {
        given.is_empty() || (given.len() == 1 && given[0].as_object().is_some_and(Map::is_empty))
    });
    if reset {
        return Vec::new();
    }
    match entries(sent) {
        Some(entries) if !entries.is_empty() => entries,
        _ => entries(live).unwrap_or_default(),
    }
}

/// Those of what is there.
pub(crate) fn live(live: &Value) -> Vec<Entry> {
    entries(live).unwrap_or_default()
}

/// Writes the entries into an object.
pub(crate) fn set(object: &mut Value, mut entries: Vec<Entry>) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    metadata.shift_remove("managedFields");
    if !entries.is_empty() {
        entries.sort_by(Entry::order);
        let entries = entries.iter().map(Entry::to_json).collect();
        metadata.insert("managedFields".into(), entries);
    }
}

/// An object without its entries: they are no fields.
fn bare(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.shift_remove("managedFields");
    }
    object
}

/// What nobody owns.
fn without_identity(set: &FieldSet) -> FieldSet {
    let mut identity = FieldSet::default();
    let field = |name: &str| crate::fields::Step::Field(name.to_owned());
    for name in ["apiVersion", "kind", "metadata"] {
        identity.insert(&[field(name)]);
    }
    for name in [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ] {
        identity.insert(&[field("metadata"), field(name)]);
    }
    set.difference(&identity)
}
