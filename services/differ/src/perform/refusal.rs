//! Why the applier's apply would be refused, in its words: told before anything is written.

use cluster::{Cause, CauseKind, FieldConflict};
use model::{Failure, ObjectId, RetryClass, Timestamp};

/// Most fields named in a message.
const FIELDS_MAX: usize = 5;

/// Conflicts that one answer names at most (`cluster`); with as many there may be more that nobody saw.
const CONFLICTS_MAX: usize = 100;

/// Whether the applier may force them: fields that we applied last, and fields of other applications, about
/// which it decides itself.
pub fn may_force(conflicts: &[FieldConflict], last: Option<&serde_json::Value>) -> bool {
    let ours = |conflict: &FieldConflict| last.is_some_and(|last| diff::holds(last, &conflict.field));
    let sibling = |conflict: &FieldConflict| {
        conflict.manager.as_deref().is_some_and(|manager| manager.starts_with("driftless:"))
    };
    conflicts.len() < CONFLICTS_MAX && conflicts.iter().all(|conflict| ours(conflict) || sibling(conflict))
}

/// Others own fields that the manifest sets otherwise, and we never applied them.
pub fn conflict(id: &ObjectId, conflicts: &[FieldConflict], at: Timestamp) -> Failure {
    let words = conflicts.iter().map(|conflict| {
        format!("{} belongs to {}", conflict.field, conflict.manager.as_deref().unwrap_or("another manager"))
    });
    let remedy = "remove the field from the manifest, list it under ignore, or stop the other actor; where nothing says that it was applied from here, a policy of taking over (--take-over) takes it";
    told("APPLY-CONFLICT", format!("{id}: {}", list(words.collect())), remedy, at)
}

/// The change touches a field that is set at creation and never again.
pub fn immutable(id: &ObjectId, fields: &[String], at: Timestamp) -> Failure {
    let words = match fields {
        [] => "the server accepts the manifest only as a new object".to_owned(),
        [_, ..] => format!("{} cannot change", list(fields.to_vec())),
    };
    let remedy = "undo the change, give the object another name, or annotate it with driftless.dev/recreate: allowed to have it deleted and created anew";
    told("APPLY-IMMUTABLE", format!("{id} cannot be changed in place: {words}"), remedy, at)
}

/// The fields that a refusal calls immutable in so many words, each once.
pub fn immutable_fields(causes: &[Cause]) -> Vec<String> {
    let immutable = causes.iter().filter(|cause| cause.kind == CauseKind::Immutable);
    let mut fields: Vec<String> = immutable.map(|cause| cause.field.clone()).collect();
    fields.dedup();
    fields
}

fn told(code: &str, message: String, remedy: &str, at: Timestamp) -> Failure {
    let (code, remedy) = (code.to_owned(), remedy.to_owned());
    Failure { code, message, remedy, class: RetryClass::Permanent, at, attempts: 1 }
}

fn list(words: Vec<String>) -> String {
    let more = words.len().saturating_sub(FIELDS_MAX);
    let shown = words.iter().take(FIELDS_MAX).cloned().collect::<Vec<_>>().join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn force_is_for_fields_that_we_applied_last() {
        let conflict = |field: &str, manager: &str| FieldConflict {
            manager: Some(manager.to_owned()),
            field: field.to_owned(),
        };
        let last = json!({"data": {"a": "1"}});
        for (conflicts, last, may) in [
            (vec![conflict(".data.a", "alice")], Some(&last), true),
            (vec![conflict(".data.a", "alice")], None, false),
            (vec![conflict(".data.a", "alice"), conflict(".data.b", "alice")], Some(&last), false),
            (vec![conflict(".data.b", "driftless:other")], None, true),
            (vec![conflict(".data.a", "alice"); CONFLICTS_MAX], Some(&last), false),
        ] {
            assert_eq!(may_force(&conflicts, last), may, "{conflicts:?}");
        }
    }
}
