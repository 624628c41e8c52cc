//! Deployment.

use crate::{Health, object::Object};

/// Source: Argo CD `health_deployment.go`; kstatus `deploymentConditions`.
pub(crate) fn assess(object: Object<'_>) -> Health {
    if object.is_unobserved() {
        return Health::progressing("the controller has not seen it yet");
    }
    if object.is_true("/spec/paused") {
        return Health::suspended("paused");
    }
    let progress = object.condition("Progressing");
    if let Some(late) = progress.filter(|it| it.reason == "ProgressDeadlineExceeded") {
        return Health::degraded(late.words());
    }
    let wanted = object.replicas();
    let updated = object.count("/status/updatedReplicas");
    let present = object.count("/status/replicas");
    let available = object.count("/status/availableReplicas");
    if updated < wanted {
        // Not yet Degraded: a webhook or quota may give way before the deadline.
        let failure = object.condition("ReplicaFailure").filter(|it| it.is_true());
        let failure = failure.map(|it| format!(", {}", it.words())).unwrap_or_default();
        return Health::progressing(format!("{updated} of {wanted} pods updated{failure}"));
    }
    if present > updated {
        return Health::progressing(format!("{} old pods still there", present - updated));
    }
    if present > wanted {
        return Health::progressing(format!("{} surplus pods still there", present - wanted));
    }
    if available < wanted {
        return Health::progressing(format!("{available} of {wanted} pods available"));
    }
    Health::healthy()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{
        HealthStatus::{Degraded, Healthy, Progressing, Suspended},
        check,
    };

    fn deployment(spec: Value, status: Value) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"generation": 2}, "spec": spec, "status": status})
    }

    #[test]
    fn rollouts() {
        let counts = |updated: i32, present: i32, available: i32| json!({"observedGeneration": 2, "updatedReplicas": updated, "replicas": present, "availableReplicas": available});
        for (replicas, status, expected, words) in [
            (3, json!({}), Progressing, "not seen"),
            (
                3,
                json!({"observedGeneration": 1, "updatedReplicas": 3, "replicas": 3, "availableReplicas": 3}),
                Progressing,
                "generation 1 of 2",
            ),
            (3, counts(3, 3, 3), Healthy, ""),
            (3, counts(1, 3, 3), Progressing, "1 of 3 pods updated"),
            (3, counts(3, 4, 4), Progressing, "1 old pods"),
            (3, counts(4, 4, 4), Progressing, "1 surplus pods"),
            (3, counts(3, 3, 2), Progressing, "2 of 3 pods available"),
            (0, json!({"observedGeneration": 2}), Healthy, ""),
            (1, json!({"observedGeneration": 2}), Progressing, "0 of 1"),
        ] {
            check(deployment(json!({"replicas": replicas}), status), expected, words);
        }
        check(deployment(json!({}), counts(1, 1, 1)), Healthy, "");
        check(deployment(json!({"paused": true}), counts(0, 1, 0)), Suspended, "paused");
    }

    #[test]
    fn failures() {
        let with = |condition: Value| {
            deployment(json!({"replicas": 1}), json!({"observedGeneration": 2, "conditions": [condition]}))
        };
        let late = json!({"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"});
        check(with(late), Degraded, "timed out");
        let quota = json!({"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"});
        check(with(quota), Progressing, "exceeded quota");
        let gone = json!({"type": "ReplicaFailure", "status": "False", "message": "exceeded quota"});
        check(with(gone), Progressing, "0 of 1 pods updated");
    }
}
