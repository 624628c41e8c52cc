//! What the target let go of and now desires again, such as when the commit is reverted that took its application out
//! of the definitions: the same object is no stranger.

use std::collections::BTreeMap;

use events::state::Origin;
use model::ObjectId;
use plan::{Action, SyncPlan};

/// Who owns fields that nobody had written under a name when somebody applied first: of an object that we let go of,
/// those that were ours.
/// Source: Kubernetes, `apimachinery/pkg/util/managedfields/internal/skipnonapplied.go`.
pub const NOBODY: &str = "before-first-apply";

/// An object that was let go of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetGo {
    /// Its uid.
    pub uid: String,
    /// How it had become ours.
    pub origin: Origin,
}

/// What the plans orphaned, newest first: the newest counts.
pub fn let_go<'p>(plans: impl IntoIterator<Item = &'p SyncPlan>) -> BTreeMap<ObjectId, LetGo> {
    let mut found = BTreeMap::new();
    for step in plans.into_iter().flat_map(|plan| &plan.steps) {
        if let Action::Orphan { uid, origin } = &step.action {
            let gone = || LetGo { uid: uid.clone(), origin: of_plan(*origin) };
            found.entry(step.id.clone()).or_insert_with(gone);
        }
    }
    found
}

/// How an object became ours, as the log records it.
pub fn of_plan(origin: plan::Origin) -> Origin {
    match origin {
        plan::Origin::Created => Origin::Created,
        plan::Origin::Adopted => Origin::Adopted,
        plan::Origin::Rebuilt | plan::Origin::Found => Origin::Rebuilt,
    }
}
