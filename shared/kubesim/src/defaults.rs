//! What the server fills in when it decodes an object of a built-in kind.
//!
//! Source: k8s.io/kubernetes/pkg/apis/*/v1/defaults.go, for the kinds named here. Not filled in: volumes of single
//! vendors (`rbd`, `iscsi`, `azureDisk`, `scaleIO`), admission policies, EndpointSlices, storage classes, CSI.

mod network;
mod pod;
mod rest;
mod workload;

use serde_json::{Map, Value, json};

/// Fills in the defaults of an object.
pub(crate) fn fill(object: &mut Value) {
    let group = object["apiVersion"].as_str().unwrap_or_default();
    let group = group.rsplit_once('/').map_or("", |(group, _)| group).to_owned();
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    match (group.as_str(), kind.as_str()) {
        ("", "Pod") => pod::pod(object),
        ("", "PodTemplate") => pod::template(&mut object["template"]),
        ("", "ReplicationController") => workload::replication_controller(object),
        ("apps", "Deployment") => workload::deployment(object),
        ("apps", "StatefulSet") => workload::stateful_set(object),
        ("apps", "DaemonSet") => workload::daemon_set(object),
        ("apps", "ReplicaSet") => workload::replica_set(object),
        ("batch", "Job") => workload::job(&mut object["spec"]),
        ("batch", "CronJob") => workload::cron_job(object),
        ("", "Service") => network::service(object),
        ("networking.k8s.io", "NetworkPolicy") => network::policy(object),
        ("networking.k8s.io", "Ingress") => {}
        ("autoscaling", "HorizontalPodAutoscaler") => rest::autoscaler(object),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => rest::binding(object),
        ("", "LimitRange") => rest::limits(object),
        ("", "Secret") => rest::secret(object),
        ("", "Namespace") => rest::namespace(object),
        ("", "PersistentVolumeClaim") => rest::claim(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => rest::definition(object),
        ("apiregistration.k8s.io", "APIService") => rest::api_service(object),
        _ => {}
    }
}

/// Sets a field of a map unless it has a value.
fn unset(of: &mut Value, name: &str, value: Value) {
    if let Some(members) = members(of) {
        let slot = members.entry(name).or_insert(Value::Null);
        if slot.is_null() {
            *slot = value;
        }
    }
}

/// As [`unset`], for a text that may be empty.
fn unset_text(of: &mut Value, name: &str, value: &str) {
    if let Some(members) = members(of) {
        let slot = members.entry(name).or_insert(Value::Null);
        if slot.is_null() || slot == "" {
            *slot = json!(value);
        }
    }
}

/// As [`unset`], for a number that may be zero.
fn unset_number(of: &mut Value, name: &str, value: i64) {
    if let Some(members) = members(of) {
        let slot = members.entry(name).or_insert(Value::Null);
        if slot.is_null() || slot == 0 {
            *slot = json!(value);
        }
    }
}

fn members(of: &mut Value) -> Option<&mut Map<String, Value>> {
    of.as_object_mut()
}

/// The items of a list below a map.
fn items<'a>(of: &'a mut Value, name: &str) -> impl Iterator<Item = &'a mut Value> {
    of.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten()
}

/// A field that is there as a map.
fn inner<'a>(of: &'a mut Value, name: &str) -> Option<&'a mut Value> {
    of.get_mut(name).filter(|value| value.is_object())
}
