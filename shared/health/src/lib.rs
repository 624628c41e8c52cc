//! Health: whether a live object does what it was made for, read from what its controller reports.
//!
//! [`assess`] looks at one object, [`worst`] sums up many. One file per kind; kinds without a file are read by
//! the conditions that controllers share. This crate knows no cluster and no clock: an object that stays
//! Progressing for too long is for the caller to notice.

#![warn(missing_docs)]

mod api_service;
mod autoscaler;
mod conditions;
mod cron_job;
mod custom_resource_definition;
mod daemon_set;
mod deployment;
mod disruption_budget;
mod job;
mod namespace;
mod object;
mod pod;
mod replica_set;
mod service;
mod stateful_set;
mod status;
mod volume_claim;

use serde_json::Value;

use crate::object::Object;
pub use crate::status::{Health, HealthStatus, worst};

/// The health of a live object; never [`HealthStatus::Missing`], which is for objects that are not there.
///
/// An object that is being deleted is Progressing, and so is one whose controller has not yet seen its newest
/// generation. The reason counts pods where that helps: compare statuses, not reasons, to tell a change.
///
/// Source: Argo CD gitops-engine `pkg/health`; kstatus (`cli-utils`). Where they err is said beside each rule.
pub fn assess(live: &Value) -> Health {
    if !live.is_object() {
        return Health::unknown("not an object");
    }
    let object = Object(live);
    if object.text("/metadata/deletionTimestamp").is_some() {
        return terminating(object);
    }
    if let (Some(seen), Some(wanted)) = (object.number("/status/observedGeneration"), object.generation())
        && seen < wanted
    {
        return Health::progressing(format!("the controller has seen generation {seen} of {wanted}"));
    }
    let version = object.text("/apiVersion").unwrap_or_default();
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let kind = object.text("/kind").unwrap_or_default();
    match (group, kind) {
        ("", "Pod") => pod::assess(object),
        ("", "Service") => service::assess(object),
        ("", "PersistentVolumeClaim") => volume_claim::assess(object),
        ("", "Namespace") => namespace::assess(object),
        ("apps", "Deployment") => deployment::assess(object),
        ("apps", "StatefulSet") => stateful_set::assess(object),
        ("apps", "DaemonSet") => daemon_set::assess(object),
        ("apps", "ReplicaSet") | ("", "ReplicationController") => replica_set::assess(object),
        ("batch", "Job") => job::assess(object),
        ("batch", "CronJob") => cron_job::assess(object),
        ("policy", "PodDisruptionBudget") => disruption_budget::assess(object),
        ("autoscaling", "HorizontalPodAutoscaler") => autoscaler::assess(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => custom_resource_definition::assess(object),
        ("apiregistration.k8s.io", "APIService") => api_service::assess(object),
        _ => conditions::assess(object),
    }
}

fn terminating(object: Object<'_>) -> Health {
    let finalizers: Vec<_> = object.items("/metadata/finalizers").filter_map(Value::as_str).collect();
    if finalizers.is_empty() {
        Health::progressing("terminating")
    } else {
        Health::progressing(format!("terminating, waiting for {}", finalizers.join(", ")))
    }
}

/// One row of a table test: the object is this healthy, and the reason contains these words.
#[cfg(test)]
fn check(live: Value, status: HealthStatus, words: &str) {
    let health = assess(&live);
    assert_eq!(health.status, status, "{live}: {}", health.reason);
    assert!(health.reason.contains(words), "{live}: {:?} lacks {words:?}", health.reason);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use HealthStatus::{Healthy, Progressing, Unknown};

    #[test]
    fn what_holds_for_every_kind() {
        check(json!(null), Unknown, "not an object");
        check(
            json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "status": {"phase": "Succeeded"}}),
            Progressing,
            "terminating",
        );
        check(
            json!({"metadata": {"deletionTimestamp": "t", "finalizers": ["a/b", "c"]}}),
            Progressing,
            "waiting for a/b, c",
        );
        check(
            json!({"metadata": {"generation": 3}, "status": {"observedGeneration": 2}}),
            Progressing,
            "generation 2 of 3",
        );
        check(json!({"metadata": {"generation": 3}, "status": {"observedGeneration": 3}}), Healthy, "");
        check(json!({"apiVersion": "v1", "kind": "ConfigMap"}), Healthy, "");
        // A kind of the same name in another group is another kind.
        check(
            json!({"apiVersion": "serving.example/v1", "kind": "Service", "spec": {"type": "LoadBalancer"}}),
            Healthy,
            "",
        );
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<i64>().prop_map(Value::from),
            "True|False|[a-z]{0,3}".prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            let name = "spec|status|conditions|type|replicas|containerStatuses|state|waiting|reason";
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map(name, inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_shape_of_object_stops_the_reader(mut value in any_value(), status in any_value(), kind in 0_usize..14) {
            let kinds = ["v1 Pod", "v1 Service", "v1 PersistentVolumeClaim", "v1 Namespace", "apps/v1 Deployment",
                "apps/v1 StatefulSet", "apps/v1 DaemonSet", "apps/v1 ReplicaSet", "batch/v1 Job", "batch/v1 CronJob",
                "policy/v1 PodDisruptionBudget", "autoscaling/v2 HorizontalPodAutoscaler",
                "apiextensions.k8s.io/v1 CustomResourceDefinition", "apiregistration.k8s.io/v1 APIService"];
            if let (Some(map), Some((version, kind))) = (value.as_object_mut(), kinds[kind].split_once(' ')) {
                map.extend([("apiVersion".into(), json!(version)), ("kind".into(), json!(kind)), ("status".into(), status)]);
            }
            prop_assert_ne!(assess(&value).status, HealthStatus::Missing);
        }
    }
}
