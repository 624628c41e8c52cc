//! Everything else.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::{inner, items, unset, unset_text};

/// Clear text goes to where the other data is.
pub(super) fn secret(object: &mut Value) {
    unset_text(object, "type", "Opaque");
    let Some(members) = object.as_object_mut() else { return };
    let Some(Value::Object(clear)) = members.shift_remove("stringData") else { return };
    let data = members.entry("data").or_insert_with(|| json!({}));
    if data.is_null() {
        *data = json!({});
    }
    for (name, value) in clear {
        data[name] = json!(BASE64_STANDARD.encode(value.as_str().unwrap_or_default()));
    }
}

/// Limits without a default are the greatest ones, requests without one are the limits, or the least ones.
/// Source: `SetDefaults_LimitRangeItem`.
pub(super) fn limits(object: &mut Value) {
    let Some(spec) = inner(object, "spec") else { return };
    for item in items(spec, "limits").filter(|item| item["type"] == "Container") {
        for (from, to) in [("max", "default"), ("default", "defaultRequest"), ("min", "defaultRequest")] {
            let amounts = item[from].as_object().cloned().unwrap_or_default();
            for (name, amount) in amounts {
                unset(item, to, json!({}));
                unset(&mut item[to], &name, amount);
            }
        }
    }
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
