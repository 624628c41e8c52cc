//! StatefulSet.

use crate::{Health, object::Object};

/// Source: Argo CD `health_statefulset.go`; kstatus `statefulsetConditions`.
pub(crate) fn assess(object: Object<'_>) -> Health {
    if object.is_unobserved() {
        return Health::progressing("the controller has not seen it yet");
    }
    let wanted = object.replicas();
    let present = object.count("/status/replicas");
    let ready = object.count("/status/readyReplicas");
    if ready < wanted {
        return Health::progressing(format!("{ready} of {wanted} pods ready"));
    }
    if present > wanted {
        return Health::progressing(format!("{} surplus pods still there", present - wanted));
    }
    if object.text("/spec/updateStrategy/type") == Some("OnDelete") {
        return Health::healthy();
    }
    let updated = object.count("/status/updatedReplicas");
    let partition = object.count("/spec/updateStrategy/rollingUpdate/partition").clamp(0, wanted);
    if partition > 0 {
        let due = wanted - partition;
        if updated < due {
            return Health::progressing(format!("{updated} of {due} pods updated"));
        }
        return Health::healthy();
    }
    // Argo CD stops comparing revisions as soon as the manifest has a `rollingUpdate` block, and then shows a
    // rollout as done while old pods are still ready.
    if object.text("/status/currentRevision") != object.text("/status/updateRevision") {
        return Health::progressing(format!("{updated} of {wanted} pods updated"));
    }
    Health::healthy()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{
        HealthStatus::{Healthy, Progressing},
        check,
    };

    #[test]
    fn rollouts() {
        let rolling =
            |partition: i32| json!({"type": "RollingUpdate", "rollingUpdate": {"partition": partition}});
        let status = |ready: i32, updated: i32, current: &str| {
            json!({"observedGeneration": 1, "replicas": 3, "readyReplicas": ready, "updatedReplicas": updated,
                "currentRevision": current, "updateRevision": "new"})
        };
        for (strategy, status, expected, words) in [
            (json!(null), json!({}), Progressing, "not seen"),
            (json!(null), status(2, 3, "new"), Progressing, "2 of 3 pods ready"),
            (json!(null), status(3, 3, "new"), Healthy, ""),
            (json!(null), status(3, 1, "old"), Progressing, "1 of 3 pods updated"),
            // The block is there, as it is by default on every live object.
            (rolling(0), status(3, 1, "old"), Progressing, "1 of 3 pods updated"),
            (rolling(2), status(3, 0, "old"), Progressing, "0 of 1 pods updated"),
            (rolling(2), status(3, 1, "old"), Healthy, ""),
            (rolling(9), status(3, 0, "old"), Healthy, ""),
            (json!({"type": "OnDelete"}), status(3, 0, "old"), Healthy, ""),
            (json!({"type": "OnDelete"}), status(1, 0, "old"), Progressing, "1 of 3"),
        ] {
            check(set(strategy, status), expected, words);
        }
        let surplus = json!({"observedGeneration": 1, "replicas": 4, "readyReplicas": 4});
        check(set(json!(null), surplus), Progressing, "1 surplus");
    }

    fn set(strategy: Value, status: Value) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"generation": 1},
            "spec": {"replicas": 3, "updateStrategy": strategy}, "status": status})
    }
}
