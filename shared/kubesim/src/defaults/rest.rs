//! Everything else.

use serde_json::{Value, json};

use super::{inner, items, unset, unset_text};

pub(super) fn secret(object: &mut Value) {
    unset_text(object, "type", "Opaque");
}

/// Source: `SetDefaults_Namespace`.
pub(super) fn namespace(object: &mut Value) {
    let name = object["metadata"]["name"].clone();
    if name.as_str().is_some_and(|name| !name.is_empty())
        && let Some(metadata) = inner(object, "metadata")
    {
        unset(metadata, "labels", json!({}));
        metadata["labels"]["kubernetes.io/metadata.name"] = name;
    }
    unset(object, "status", json!({}));
    unset_text(&mut object["status"], "phase", "Active");
}

pub(super) fn claim(object: &mut Value) {
    unset(object, "status", json!({}));
    unset_text(&mut object["status"], "phase", "Pending");
    if let Some(spec) = inner(object, "spec") {
        unset(spec, "volumeMode", json!("Filesystem"));
    }
}

pub(super) fn binding(object: &mut Value) {
    if let Some(role) = inner(object, "roleRef") {
        unset_text(role, "apiGroup", "rbac.authorization.k8s.io");
    }
    for subject in items(object, "subjects") {
        if subject["kind"] == "User" || subject["kind"] == "Group" {
            unset_text(subject, "apiGroup", "rbac.authorization.k8s.io");
        }
    }
}

pub(super) fn autoscaler(object: &mut Value) {
    let Some(spec) = inner(object, "spec") else { return };
    unset(spec, "minReplicas", json!(1));
    if spec["metrics"].as_array().is_none_or(Vec::is_empty) {
        spec["metrics"] = json!([{"type": "Resource", "resource": {"name": "cpu",
            "target": {"type": "Utilization", "averageUtilization": 80}}}]);
    }
    let Some(behavior) = inner(spec, "behavior") else { return };
    unset(behavior, "scaleUp", json!({}));
    unset(behavior, "scaleDown", json!({}));
    let up = json!([{"type": "Pods", "value": 4, "periodSeconds": 15}, {"type": "Percent", "value": 100, "periodSeconds": 15}]);
    let down = json!([{"type": "Percent", "value": 100, "periodSeconds": 15}]);
    for (name, policies) in [("scaleUp", up), ("scaleDown", down)] {
        let rules = &mut behavior[name];
        unset(rules, "selectPolicy", json!("Max"));
        unset(rules, "policies", policies);
    }
    unset(&mut behavior["scaleUp"], "stabilizationWindowSeconds", json!(0));
}

/// Source: `SetDefaults_CustomResourceDefinitionSpec`.
pub(super) fn definition(object: &mut Value) {
    let Some(spec) = inner(object, "spec") else { return };
    if let Some(names) = inner(spec, "names") {
        let kind = names["kind"].as_str().unwrap_or_default().to_owned();
        unset_text(names, "singular", &kind.to_lowercase());
        if !kind.is_empty() {
            unset_text(names, "listKind", &format!("{kind}List"));
        }
    }
    unset(spec, "conversion", json!({}));
    unset_text(&mut spec["conversion"], "strategy", "None");
}

pub(super) fn api_service(object: &mut Value) {
    if let Some(service) = inner(object, "spec").and_then(|spec| inner(spec, "service")) {
        unset(service, "port", json!(443));
    }
}
