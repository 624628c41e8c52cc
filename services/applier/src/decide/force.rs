//! Whether a conflict may be forced: only on paths that we applied last, or that are handed over.

use cluster::FieldConflict;
use diff::holds;
use serde_json::Value;

/// Conflicts that one answer names at most (`cluster`); with as many there may be more that nobody saw.
const CONFLICTS_MAX: usize = 100;

/// Whether every conflicting field is one that the manifest applied last holds, so that another actor took it
/// from us, or belongs to `giver`, the manager of a target that hands the object over. A field with two other
/// owners is told once for each.
pub fn may_force(conflicts: &[FieldConflict], last: Option<&Value>, giver: Option<&str>) -> bool {
    let ours = |conflict: &FieldConflict| last.is_some_and(|last| holds(last, &conflict.field));
    let given =
        |conflict: &FieldConflict| giver.is_some_and(|giver| conflict.manager.as_deref() == Some(giver));
    !conflicts.is_empty()
        && conflicts.len() < CONFLICTS_MAX
        && conflicts.iter().all(|conflict| ours(conflict) || given(conflict))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn last() -> Value {
        json!({"spec": {"replicas": 3}})
    }

    #[test]
    fn one_foreign_path_forbids_the_force() {
        let conflict = |field: &str| FieldConflict { manager: Some("alice".into()), field: field.into() };
        let ours = conflict(".spec.replicas");
        let (last, paused) = (last(), conflict(".spec.paused"));
        assert!(may_force(std::slice::from_ref(&ours), Some(&last), None));
        assert!(!may_force(&[ours.clone(), paused.clone()], Some(&last), None));
        assert!(!may_force(std::slice::from_ref(&ours), None, None));
        assert!(!may_force(&[], Some(&last), Some("alice")));
        assert!(!may_force(&vec![ours.clone(); CONFLICTS_MAX], Some(&last), Some("alice")));
        // What is handed over may be forced, but not for a second owner of it.
        assert!(may_force(&[ours, paused.clone()], Some(&last), Some("alice")));
        assert!(may_force(std::slice::from_ref(&paused), None, Some("alice")));
        let second = FieldConflict { manager: Some("bob".into()), ..paused.clone() };
        assert!(!may_force(&[paused, second], None, Some("alice")));
    }
}
