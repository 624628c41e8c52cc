//! What the server sets by itself when it stores an object.
//!
//! Source: k8s.io/kubernetes/pkg/registry/*/strategy.go.

use serde_json::{Map, Value, json};

use super::{Cluster, decoded, service};
use crate::{
    object::{meta, set_meta, take_meta},
    schema::Kind,
    typed::{Nulls, stored},
};

/// Kinds whose generation counts changes of what is wanted.
const COUNTED: &[&str] = &[
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "ReplicationController",
    "Job",
    "CronJob",
    "Ingress",
    "IngressClass",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "Pod",
    "PodTemplate",
    "PriorityClass",
    "EndpointSlice",
    "CustomResourceDefinition",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "MutatingWebhookConfiguration",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
];

fn counted(kind: &Kind) -> bool {
    kind.is_custom() || COUNTED.contains(&kind.built_in())
}

fn has_status(kind: &Kind) -> bool {
    kind.subresources.iter().any(|part| part == "status")
}

/// Before an object is created.
pub(super) fn create(cluster: &mut Cluster, kind: &Kind, object: &mut Value) {
    if counted(kind) {
        set_meta(object, "generation", json!(1));
    }
    if has_status(kind)
        && let Some(members) = object.as_object_mut()
    {
        members.shift_remove("status");
    }
    match kind.built_in() {
        "Namespace" => object["spec"] = json!({"finalizers": ["kubernetes"]}),
        "Service" => service::create(cluster, object),
        "Job" => job(object),
        "PersistentVolumeClaim" => set_meta(object, "finalizers", protected(object)),
        "Pod" => pod(object),
        "DaemonSet" => set_generation(object, 1),
        _ => {}
    }
    if !kind.is_custom() {
        *object = decoded(kind, object, Nulls::Dropped);
    }
    if kind.built_in() == "CustomResourceDefinition" {
        let versions = object["spec"]["versions"].as_array().into_iter().flatten();
        let stored: Vec<_> =
            versions.filter(|version| version["storage"] == true).map(|version| &version["name"]).collect();
        object["status"]["storedVersions"] = json!(stored);
    }
    if kind.built_in() == "Pod" {
        object["status"] = json!({"phase": "Pending", "qosClass": quality(object)});
    }
}

fn protected(object: &Value) -> Value {
    let mut all: Vec<_> = crate::object::finalizers(object).into_iter().map(str::to_owned).collect();
    let protection = "kubernetes.io/pvc-protection";
    if !all.iter().any(|finalizer| finalizer == protection) {
        all.push(protection.to_owned());
    }
    json!(all)
}

fn job(object: &mut Value) {
    let (uid, name) = (meta(object, "uid").to_owned(), meta(object, "name").to_owned());
    let spec = &mut object["spec"];
    if spec["manualSelector"] == true {
        return;
    }
    let label = "batch.kubernetes.io/controller-uid";
    spec["selector"] = json!({"matchLabels": {label: uid}});
    let labels =
        json!({label: uid, "batch.kubernetes.io/job-name": name, "controller-uid": uid, "job-name": name});
    let mut targets = vec![&mut spec["template"]];
    for target in &mut targets {
        let mut all = target["metadata"]["labels"].as_object().cloned().unwrap_or_default();
        all.extend(labels.as_object().cloned().unwrap_or_default());
        set_meta(target, "labels", Value::Object(all));
    }
    // A Job without labels of its own gets those of its template.
    if object["metadata"]["labels"].as_object().is_none_or(Map::is_empty) {
        let labels = object["spec"]["template"]["metadata"]["labels"].clone();
        set_meta(object, "labels", labels);
    }
}

/// Source: the admission plugins Priority and DefaultTolerationSeconds.
fn pod(object: &mut Value) {
    let spec = &mut object["spec"];
    if spec["priority"].is_null() {
        spec["priority"] = json!(0);
    }
    if spec["preemptionPolicy"].is_null() {
        spec["preemptionPolicy"] = json!("PreemptLowerPriority");
    }
    let mut tolerations = spec["tolerations"].as_array().cloned().unwrap_or_default();
    for taint in ["not-ready", "unreachable"] {
        let key = format!("node.kubernetes.io/{taint}");
        if !tolerations.iter().any(|toleration| toleration["key"] == key.as_str()) {
            tolerations.push(
                json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}),
            );
        }
    }
    spec["tolerations"] = Value::Array(tolerations);
}

fn quality(object: &Value) -> &'static str {
    let containers = object["spec"]["containers"].as_array().cloned().unwrap_or_default();
    let resources =
        |container: &Value, name: &str| container["resources"][name].as_object().cloned().unwrap_or_default();
    let none = |container: &Value| {
        resources(container, "limits").is_empty() && resources(container, "requests").is_empty()
    };
    let full = |container: &Value| {
        let (limits, requests) = (resources(container, "limits"), resources(container, "requests"));
        ["cpu", "memory"].iter().all(|name| limits.contains_key(*name)) && limits == requests
    };
    if containers.iter().all(none) {
        "BestEffort"
    } else if containers.iter().all(full) {
        "Guaranteed"
    } else {
        "Burstable"
    }
}

/// Before an object is updated: `part` is the subresource, empty for the object itself.
pub(super) fn update(cluster: &mut Cluster, kind: &Kind, part: &str, old: &Value, new: &mut Value) {
    for assigned in [
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "selfLink",
    ] {
        take_meta(new, assigned, old);
    }
    match part {
        "status" => only_status(kind, old, new),
        _ if has_status(kind) => take(new, "status", old),
        _ => {}
    }
    if !kind.is_custom() {
        if kind.built_in() == "Namespace" && part != "finalize" {
            take(new, "spec", old);
        }
        if kind.built_in() == "Service" {
            service::update(cluster, old, new);
        }
        if kind.built_in() == "DaemonSet" {
            let before = generation(old);
            set_generation(
                new,
                if old["spec"]["template"] == new["spec"]["template"] { before } else { before + 1 },
            );
        }
        *new = stored(&kind.of, new);
    }
    // Source: the strategy of Deployments alone looks at annotations.
    let annotated = kind.built_in() == "Deployment"
        && old["metadata"].get("annotations") != new["metadata"].get("annotations");
    if counted(kind) && (annotated || wanted(kind, old) != wanted(kind, new)) {
        let generation = old["metadata"]["generation"].as_i64().unwrap_or(0) + 1;
        set_meta(new, "generation", json!(generation));
    }
}

const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

/// A DaemonSet counts changes of its template in an annotation.
fn generation(object: &Value) -> i64 {
    let text = object["metadata"]["annotations"][TEMPLATE_GENERATION].as_str();
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn set_generation(object: &mut Value, generation: i64) {
    object["metadata"]["annotations"][TEMPLATE_GENERATION] = json!(generation.to_string());
}

fn only_status(kind: &Kind, old: &Value, new: &mut Value) {
    let status = new.get("status").cloned();
    let managed = new["metadata"].get("managedFields").cloned();
    let mut kept = old.clone();
    let Some(members) = kept.as_object_mut() else { return };
    match status {
        Some(status) => drop(members.insert("status".to_owned(), status)),
        None => drop(members.shift_remove("status")),
    }
    if !kind.is_custom() {
        // Labels and the like may be written with the status of built-in kinds.
        for (name, value) in new.as_object().into_iter().flatten().filter(|(name, _)| *name == "metadata") {
            members.insert(name.clone(), value.clone());
        }
    }
    let mut kept = Value::Object(std::mem::take(members));
    take_meta(&mut kept, "resourceVersion", new);
    match managed {
        Some(managed) => set_meta(&mut kept, "managedFields", managed),
        None => crate::object::drop_meta(&mut kept, "managedFields"),
    }
    *new = kept;
}

fn take(new: &mut Value, name: &str, old: &Value) {
    let Some(members) = new.as_object_mut() else { return };
    match old.get(name) {
        Some(value) => drop(members.insert(name.to_owned(), value.clone())),
        None => drop(members.shift_remove(name)),
    }
}

/// What the generation counts changes of: all but metadata, and the status where it is a part of its own.
fn wanted(kind: &Kind, object: &Value) -> Map<String, Value> {
    let members = object.as_object().into_iter().flatten();
    let members = members.filter(|(name, value)| match name.as_str() {
        "metadata" | "apiVersion" => false,
        "status" => !has_status(kind),
        _ => !value.is_null(),
    });
    members.map(|(name, value)| (name.clone(), value.clone())).collect()
}
