//! What a dry-run says about a live object whose fingerprint did not match.

use manifest::canonical_json;
use serde_json::Value;

use crate::{FieldChange, Scope, apply_entry, field_diff};

/// The answer of a dry-run.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Applying would change nothing: record the new fingerprint.
    InSync,
    /// Applying would change no value, only give us back fields that we own no more: apply quietly.
    OwnershipDrift,
    /// Applying would change these values, from live to desired.
    Drift(Vec<FieldChange>),
}

/// Compares a live object with the result of applying to it without storing.
///
/// Both must be read at one resource version and redacted under one key. `status` counts only if our entry
/// owns some of it, as it can in custom resources without a status subresource: elsewhere it moves by itself.
pub fn judge(live: &Value, dry_run: &Value, manager: &str) -> Verdict {
    let ours = apply_entry(live, manager);
    let after = apply_entry(dry_run, manager);
    let owns_status = after.is_some_and(|entry| entry.fields.get("f:status").is_some());
    let scope = if owns_status { Scope::IntentAndStatus } else { Scope::Intent };
    let changes = field_diff(live, dry_run, scope);
    if !changes.is_empty() {
        return Verdict::Drift(changes);
    }
    let same = ours.zip(after).is_some_and(|(ours, after)| {
        ours.api_version == after.api_version && canonical_json(ours.fields) == canonical_json(after.fields)
    });
    if same { Verdict::InSync } else { Verdict::OwnershipDrift }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const US: &str = "driftless:shop";

    fn object(content: Value, fields: Value) -> Value {
        let mut object = json!({"metadata": {"resourceVersion": "1", "managedFields": [
            {"manager": US, "operation": "Apply", "apiVersion": "v1", "fieldsV1": fields}]}});
        object.as_object_mut().unwrap().extend(content.as_object().unwrap().clone());
        object
    }

    #[test]
    fn values_come_first_then_the_owned_set() {
        let live = object(json!({"spec": {"replicas": 1}}), json!({"f:spec": {"f:replicas": {}}}));
        assert_eq!(judge(&live, &live, US), Verdict::InSync);
        let more = object(json!({"spec": {"replicas": 1}}), json!({"f:spec": {"f:replicas": {}, "f:x": {}}}));
        assert_eq!(judge(&live, &more, US), Verdict::OwnershipDrift);
        let Verdict::Drift(changes) = judge(&object(json!({"spec": {"replicas": 9}}), json!({})), &live, US)
        else {
            panic!("a changed value is drift");
        };
        assert_eq!(changes[0].path, "spec.replicas");
        assert_eq!(
            judge(&json!({"metadata": {}, "spec": {"replicas": 1}}), &live, US),
            Verdict::OwnershipDrift
        );
    }

    #[test]
    fn status_counts_only_where_we_own_some() {
        let with = |status: i32, fields: Value| object(json!({"status": {"x": status}}), fields);
        let (foreign, owned) = (json!({"f:spec": {}}), json!({"f:status": {"f:x": {}}}));
        assert_eq!(judge(&with(1, foreign.clone()), &with(2, foreign), US), Verdict::InSync);
        assert!(matches!(judge(&with(1, owned.clone()), &with(2, owned), US), Verdict::Drift(_)));
    }
}
