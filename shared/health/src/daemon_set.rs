//! DaemonSet.

use crate::{Health, object::Object};

/// Source: Argo CD `health_daemonset.go`; kstatus `daemonsetConditions`.
pub(crate) fn assess(object: Object<'_>) -> Health {
    if object.is_unobserved() {
        return Health::progressing("the controller has not seen it yet");
    }
    let wanted = object.count("/status/desiredNumberScheduled");
    let available = object.count("/status/numberAvailable");
    let updated = object.count("/status/updatedNumberScheduled");
    let on_delete = object.text("/spec/updateStrategy/type") == Some("OnDelete");
    if !on_delete && updated < wanted {
        return Health::progressing(format!("{updated} of {wanted} pods updated"));
    }
    // Argo CD calls any OnDelete set healthy, with no pod running too.
    if available < wanted {
        return Health::progressing(format!("{available} of {wanted} pods available"));
    }
    Health::healthy()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{
        HealthStatus::{Healthy, Progressing},
        check,
    };

    #[test]
    fn rollouts() {
        let status = |updated: i32, available: i32| json!({"observedGeneration": 1, "desiredNumberScheduled": 3, "updatedNumberScheduled": updated, "numberAvailable": available});
        for (strategy, status, expected, words) in [
            ("RollingUpdate", json!({}), Progressing, "not seen"),
            ("RollingUpdate", status(3, 3), Healthy, ""),
            ("RollingUpdate", status(2, 3), Progressing, "2 of 3 pods updated"),
            ("RollingUpdate", status(3, 2), Progressing, "2 of 3 pods available"),
            ("OnDelete", status(0, 3), Healthy, ""),
            ("OnDelete", status(0, 0), Progressing, "0 of 3 pods available"),
            // No node wants it.
            ("RollingUpdate", json!({"observedGeneration": 1, "desiredNumberScheduled": 0}), Healthy, ""),
        ] {
            let live = json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"generation": 1},
                "spec": {"updateStrategy": {"type": strategy}}, "status": status});
            check(live, expected, words);
        }
    }
}
