//! What a sync would change, for people: made from dry-runs, redacted.

use model::ObjectId;
use serde::{Deserialize, Serialize};

/// What a sync would change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// Objects that would change, in the order of the plan.
    pub objects: Vec<ObjectPreview>,
    /// Things that the sync would leave alone, or refuse, in sentences.
    pub notes: Vec<String>,
}

/// One object that would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectPreview {
    /// Which object.
    pub id: ObjectId,
    /// What would be done.
    pub change: PreviewChange,
    /// The redacted live object as JSON; empty if there is none.
    pub before: String,
    /// The redacted object as the API server answered the dry-run, as JSON; empty if it would be deleted.
    pub after: String,
}

/// What would be done to an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PreviewChange {
    /// Created.
    Create,
    /// Changed.
    Configure,
    /// Deleted.
    Prune,
    /// Refused by the API server, with its reason.
    Fail(String),
}
