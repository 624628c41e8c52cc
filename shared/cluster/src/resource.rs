//! Resources: what an API server serves under one plural name.

use model::{Gvk, ObjectId};
use serde_json::Value;

/// Whether objects of a kind live in namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// In a namespace.
    Namespaced,
    /// One of its name on the whole cluster.
    Cluster,
}

/// What can be asked of a resource, as far as driftless asks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Create one.
    Create,
    /// Delete one.
    Delete,
    /// Read one.
    Get,
    /// Read many.
    List,
    /// Apply or patch one.
    Patch,
    /// Follow many.
    Watch,
}

impl Verb {
    /// The verb that discovery calls `word`; `None` for those that driftless never uses.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "create" => Self::Create,
            "delete" => Self::Delete,
            "get" => Self::Get,
            "list" => Self::List,
            "patch" => Self::Patch,
            "watch" => Self::Watch,
            _ => return None,
        })
    }
}

/// A resource as discovery describes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Resource {
    /// Group, version and kind of its objects.
    pub gvk: Gvk,
    /// Its name in paths: `deployments`.
    pub plural: String,
    /// Whether its objects live in namespaces.
    pub scope: Scope,
    /// What can be asked of it.
    pub verbs: Vec<Verb>,
}

impl Resource {
    /// Whether `verb` can be asked of it.
    pub fn can(&self, verb: Verb) -> bool {
        self.verbs.contains(&verb)
    }

    /// The identity of the object of this resource that `value` states in its metadata; `None` if it names
    /// none.
    pub(crate) fn id_of(&self, value: &Value) -> Option<ObjectId> {
        let metadata = value.get("metadata")?;
        let text = |key: &str| Some(metadata.get(key)?.as_str()?).filter(|text| !text.is_empty());
        Some(ObjectId {
            group: self.gvk.api_version.group.clone(),
            kind: self.gvk.kind.clone(),
            namespace: text("namespace").map(str::to_owned),
            name: text("name")?.to_owned(),
        })
    }
}
