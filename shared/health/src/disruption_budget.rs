//! PodDisruptionBudget.

use crate::{Health, object::Object};

/// A budget that allows no disruption just now does its work; one that the controller cannot compute does not.
///
/// Source: Argo CD `resource_customizations/policy/PodDisruptionBudget`; kstatus `pdbConditions`.
pub(crate) fn assess(object: Object<'_>) -> Health {
    if object.is_unobserved() {
        return Health::progressing("the controller has not seen it yet");
    }
    match object.condition("DisruptionAllowed") {
        Some(allowed) if allowed.is_false() && allowed.reason == "SyncFailed" => {
            Health::degraded(allowed.words())
        }
        Some(_) | None => Health::healthy(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{
        HealthStatus::{Degraded, Healthy, Progressing},
        check,
    };

    #[test]
    fn only_a_budget_that_cannot_be_computed_has_failed() {
        for (generation, status, reason, expected, words) in [
            (1, "True", "SufficientPods", Healthy, ""),
            (1, "False", "InsufficientPods", Healthy, ""),
            (1, "False", "SyncFailed", Degraded, "SyncFailed: no controllers"),
            (0, "True", "SufficientPods", Progressing, "not seen"),
        ] {
            check(
                json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "status": {"observedGeneration": generation,
                    "conditions": [{"type": "DisruptionAllowed", "status": status, "reason": reason, "message": "no controllers"}]}}),
                expected,
                words,
            );
        }
    }
}
