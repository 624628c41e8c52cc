//! ReplicaSet and ReplicationController.

use crate::{Health, object::Object};

/// Source: Argo CD `health_replicaset.go`; kstatus `replicasetConditions`.
pub(crate) fn assess(object: Object<'_>) -> Health {
    if object.is_unobserved() {
        return Health::progressing("the controller has not seen it yet");
    }
    if let Some(failure) = object.condition("ReplicaFailure").filter(|it| it.is_true()) {
        return Health::degraded(failure.words());
    }
    let wanted = object.replicas();
    let present = object.count("/status/replicas");
    let available = object.count("/status/availableReplicas");
    if available < wanted {
        return Health::progressing(format!("{available} of {wanted} pods available"));
    }
    if present > wanted {
        return Health::progressing(format!("{} surplus pods still there", present - wanted));
    }
    Health::healthy()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{
        HealthStatus::{Degraded, Healthy, Progressing},
        check,
    };

    #[test]
    fn counts_and_failures() {
        let failure =
            |status: &str| json!([{"type": "ReplicaFailure", "status": status, "message": "quota"}]);
        for (status, expected, words) in [
            (json!({}), Progressing, "not seen"),
            (json!({"observedGeneration": 1, "replicas": 2, "availableReplicas": 2}), Healthy, ""),
            (json!({"observedGeneration": 1, "replicas": 2, "availableReplicas": 1}), Progressing, "1 of 2"),
            (
                json!({"observedGeneration": 1, "replicas": 3, "availableReplicas": 3}),
                Progressing,
                "1 surplus",
            ),
            (json!({"observedGeneration": 1, "conditions": failure("True")}), Degraded, "quota"),
            (json!({"observedGeneration": 1, "conditions": failure("False")}), Progressing, "0 of 2"),
        ] {
            for (version, kind) in [("apps/v1", "ReplicaSet"), ("v1", "ReplicationController")] {
                let live = json!({"apiVersion": version, "kind": kind, "metadata": {"generation": 1}, "spec": {"replicas": 2}, "status": status});
                check(live, expected, words);
            }
        }
    }
}
