//! Who owns an object: ours, or somebody else's.

use model::ApplicationName;
use serde_json::Value;

/// Marks the objects of an application; decides nothing alone, since controllers copy labels.
pub const LABEL: &str = "driftless.dev/application";

/// Most managers named in a message.
const NAMED_MAX: usize = 5;

/// The field manager of an application.
pub fn manager(application: &ApplicationName) -> String {
    format!("driftless:{application}")
}

/// Whether a live object is the application's: it carries its label and an Apply entry of its manager.
pub fn is_ours(live: &Value, application: &ApplicationName) -> bool {
    let label = live.pointer("/metadata/labels").and_then(|labels| labels.get(LABEL)).and_then(Value::as_str);
    label == Some(application.as_str()) && diff::apply_entry(live, &manager(application)).is_some()
}

/// Who else owns fields of the object itself, each once, in order of appearance.
pub fn other_managers(live: &Value, ours: &str) -> Vec<String> {
    let mut names = Vec::new();
    for entry in diff::entries(live) {
        let mine = entry.manager == ours && entry.operation == diff::Operation::Apply;
        if !mine && entry.subresource.is_none() && !names.iter().any(|name| name == entry.manager) {
            names.push(entry.manager.to_owned());
        }
    }
    names
}

/// Names for a sentence: at most five.
pub fn named(managers: &[String]) -> String {
    match managers.len() {
        0 => "nobody known".to_owned(),
        count if count > NAMED_MAX => {
            format!("{} and {} more", managers[..NAMED_MAX].join(", "), count - NAMED_MAX)
        }
        _ => managers.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(label: Value, entries: Value) -> Value {
        json!({"metadata": {"labels": {LABEL: label}, "managedFields": entries}})
    }

    fn entry(manager: &str, operation: &str, subresource: &str) -> Value {
        json!({"manager": manager, "operation": operation, "apiVersion": "v1", "subresource": subresource,
            "fieldsV1": {"f:data": {}}})
    }

    #[test]
    fn ours_takes_both_label_and_apply_entry() {
        let shop = "shop".parse().unwrap();
        for (label, entries, ours) in [
            ("shop", json!([entry("driftless:shop", "Apply", "")]), true),
            ("shop", json!([entry("driftless:shop", "Update", "")]), false),
            ("shop", json!([entry("driftless:shop", "Apply", "status")]), false),
            ("shop", json!([entry("driftless:other", "Apply", "")]), false),
            ("other", json!([entry("driftless:shop", "Apply", "")]), false),
        ] {
            assert_eq!(is_ours(&object(json!(label), entries.clone()), &shop), ours, "{label} {entries}");
        }
        assert!(!is_ours(&json!({"metadata": {}}), &shop));
    }

    #[test]
    fn others_are_named_once_and_status_writers_never() {
        let entries = json!([
            entry("driftless:shop", "Apply", ""),
            entry("alice", "Update", ""),
            entry("alice", "Apply", ""),
            entry("controller", "Update", "status"),
            entry("driftless:shop", "Update", ""),
        ]);
        let found = other_managers(&object(json!("shop"), entries), "driftless:shop");
        assert_eq!(found, ["alice", "driftless:shop"]);
        let many: Vec<String> = (0..7).map(|i| i.to_string()).collect();
        assert_eq!(named(&many), "0, 1, 2, 3, 4 and 2 more");
        assert_eq!(named(&[]), "nobody known");
    }
}
