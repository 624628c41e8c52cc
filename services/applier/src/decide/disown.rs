//! How an object stops being ours without a change of any value: our label goes, and with it every entry of
//! our manager.

use model::ApplicationName;
use serde_json::{Value, json};

use super::ownership::{LABEL, manager};

/// The JSON patch that makes a live object the application's no more, if it still is at that version; `None` if
/// there is nothing of ours to take away.
///
/// A list of managed fields that becomes empty would be taken for one that a careless client left out, and be
/// restored; a list of one empty entry resets it.
/// Source: Kubernetes, `apimachinery/pkg/util/managedfields/internal/fieldmanager.go`; tried on 1.36.
pub fn disown(live: &Value, application: &ApplicationName, version: &str) -> Option<Value> {
    let ours = manager(application);
    let labelled = live.pointer("/metadata/labels").and_then(|labels| labels.get(LABEL));
    let label = (labelled.and_then(Value::as_str) == Some(application.as_str()))
        .then(|| json!({"op": "remove", "path": diff::inside("/metadata/labels", LABEL)}));
    let entries = live.pointer("/metadata/managedFields").and_then(Value::as_array);
    let entries = entries.map(Vec::as_slice).unwrap_or_default();
    let mine: Vec<usize> = (0..entries.len())
        .filter(|index| entries.get(*index).is_some_and(|entry| entry["manager"] == *ours))
        .collect();
    let fields = if mine.len() == entries.len() && !mine.is_empty() {
        vec![json!({"op": "replace", "path": "/metadata/managedFields", "value": [{}]})]
    } else {
        let remove =
            |index: &usize| json!({"op": "remove", "path": format!("/metadata/managedFields/{index}")});
        mine.iter().rev().map(remove).collect()
    };
    if label.is_none() && fields.is_empty() {
        return None;
    }
    let test = json!({"op": "test", "path": "/metadata/resourceVersion", "value": version});
    Some(std::iter::once(test).chain(label).chain(fields).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(label: &str, managers: &[&str]) -> Option<Vec<String>> {
        let entries: Vec<Value> = managers.iter().map(|manager| json!({"manager": manager})).collect();
        let live = json!({"metadata": {"labels": {LABEL: label, "a": "b"}, "managedFields": entries}});
        let operations = disown(&live, &"shop".parse().unwrap(), "7")?;
        let told = operations.as_array().unwrap().iter().map(|it| {
            let value = it.get("value").map(|value| format!(" {value}")).unwrap_or_default();
            format!("{} {}{value}", it["op"].as_str().unwrap(), it["path"].as_str().unwrap())
        });
        Some(told.collect())
    }

    #[test]
    fn label_and_entries_go_and_nothing_of_others() {
        let (test, label) =
            ("test /metadata/resourceVersion \"7\"", "remove /metadata/labels/driftless.dev~1application");
        let all = |operations: &[&str]| Some(operations.iter().map(|it| (*it).to_owned()).collect());
        for (mark, managers, expected) in [
            (
                "shop",
                vec!["driftless:shop", "kubelet", "driftless:shop"],
                all(&[test, label, "remove /metadata/managedFields/2", "remove /metadata/managedFields/0"]),
            ),
            ("shop", vec!["driftless:shop"], all(&[test, label, "replace /metadata/managedFields [{}]"])),
            ("other", vec!["kubelet", "driftless:shop"], all(&[test, "remove /metadata/managedFields/1"])),
            ("shop", vec!["driftless:other"], all(&[test, label])),
            ("other", vec!["driftless:other"], None),
            ("other", vec![], None),
        ] {
            assert_eq!(patch(mark, &managers), expected, "{mark} {managers:?}");
        }
    }
}
