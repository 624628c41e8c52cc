//! The inventory: what the applier recorded, or what the cluster vouches for when the log has none.

use events::state::{AppliedObject, ObjectOutcome, Origin};
use plan::{Attempt, InventoryObject};

use super::{Facts, Step};
use crate::live::Mark;

/// The inventory as the planner sees it, sorted by id.
pub(super) fn inventory(facts: &Facts<'_>) -> Step<Vec<InventoryObject>> {
    match &facts.snapshot.sync {
        Some(sync) => Ok(sync.objects.values().map(recorded).collect()),
        None => Ok(found(facts)),
    }
}

fn recorded(object: &AppliedObject) -> InventoryObject {
    InventoryObject {
        id: object.id.clone(),
        api_version: object.api_version.clone(),
        uid: object.uid.clone(),
        manifest: object.manifest,
        origin: match object.origin {
            Origin::Created => plan::Origin::Created,
            Origin::Adopted => plan::Origin::Adopted,
            Origin::Rebuilt => plan::Origin::Rebuilt,
        },
        attempt: match object.outcome {
            ObjectOutcome::Pending | ObjectOutcome::Failed(_) => Attempt::Unfinished,
            ObjectOutcome::Created
            | ObjectOutcome::Configured
            | ObjectOutcome::Unchanged
            | ObjectOutcome::Untouched
            | ObjectOutcome::Terminating => Attempt::Done,
        },
    }
}

/// Everything on the cluster that carries our label and an Apply entry of our manager.
fn found(facts: &Facts<'_>) -> Vec<InventoryObject> {
    let ours = facts.live.of_application(&facts.target.application);
    ours.filter(|(_, seen)| seen.mark == Mark::Ours)
        .map(|(id, seen)| InventoryObject {
            id: id.clone(),
            api_version: seen.api_version.clone(),
            uid: Some(seen.uid.clone()),
            manifest: None,
            origin: plan::Origin::Found,
            attempt: Attempt::Done,
        })
        .collect()
}
