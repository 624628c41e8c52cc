//! The inventory: what the applier recorded, or what the cluster vouches for when the log has none.

use events::state::{AppliedObject, ObjectOutcome, Origin, Request, RequestOutcome};
use model::{Failure, ObjectId, RetryClass, Timestamp, definition::FirstContact};
use plan::{Assignment, Attempt, InventoryObject};

use super::{Facts, Step, publish};
use crate::{Finds, desired::Desired, live::Mark};

/// The inventory as the planner sees it, sorted by id.
pub(super) fn inventory(
    facts: &Facts<'_>,
    (assignment, desired): (&Assignment, &Desired),
    request: Option<&Request>,
    now: Timestamp,
) -> Step<Vec<InventoryObject>> {
    let mut inventory = match &facts.snapshot.sync {
        Some(sync) => sync.objects.values().map(recorded).collect(),
        None => found(facts),
    };
    let is_other = |object: &InventoryObject| is_of_another_source(facts, assignment, object);
    let Some(first) = inventory.iter().find(|object| is_other(object)) else { return Ok(inventory) };
    match assignment.application.first_contact {
        FirstContact::Refuse => {
            let count = inventory.iter().filter(|object| is_other(object)).count();
            let failure = other_source(facts, (&first.id, count), now);
            Err(publish::refuse(facts, request, failure, (RequestOutcome::Refused, None)))
        }
        // Of what is found, only what is desired here is taken over; the rest may be somebody else's, and stays.
        FirstContact::TakeOver => {
            inventory.retain(|object| {
                object.origin != plan::Origin::Found
                    || desired.object(&object.id).is_some()
                    || !is_other(object)
            });
            Ok(inventory)
        }
    }
}

/// Whether an object tells another source where that counts: somebody else calls his application the same, or the
/// repository moved.
fn is_of_another_source(facts: &Facts<'_>, assignment: &Assignment, object: &InventoryObject) -> bool {
    match facts.finds {
        Finds::OfApplication => false,
        Finds::OfSource => {
            let told = facts.live.get(&object.id).and_then(|seen| seen.source.as_deref());
            told.is_some_and(|told| told != assignment.application.source.name.as_str())
        }
    }
}

fn other_source(facts: &Facts<'_>, (first, count): (&ObjectId, usize), now: Timestamp) -> Failure {
    let source = facts.live.get(first).and_then(|seen| seen.source.as_deref()).unwrap_or_default();
    let application = &facts.target.application;
    Failure {
        code: "SOURCE-OTHER".into(),
        message: format!(
            "{count} objects of an application {application} on this cluster came from another repository: {first} from {source}"
        ),
        remedy:
            "give this one another name with --application; if the repository has moved, say --take-over once"
                .into(),
        class: RetryClass::Permanent,
        at: now,
        attempts: 1,
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
