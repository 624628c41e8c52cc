//! Any kind without a file of its own: the conditions that controllers share.

use crate::{Health, object::Object};

/// Without any of these conditions an object that exists is healthy.
///
/// Source: kstatus, "Reconciling", "Stalled" and "Ready" conditions.
pub(crate) fn assess(object: Object<'_>) -> Health {
    if let Some(stalled) = object.condition("Stalled").filter(|it| it.is_true()) {
        return Health::degraded(stalled.words());
    }
    if let Some(reconciling) = object.condition("Reconciling").filter(|it| it.is_true()) {
        return Health::progressing(reconciling.words());
    }
    let Some(ready) = object.condition("Ready") else { return Health::healthy() };
    let seen = ready.observed_generation.zip(object.generation());
    if let Some((seen, wanted)) = seen.filter(|(seen, wanted)| seen < wanted) {
        return Health::progressing(format!("the controller has seen generation {seen} of {wanted}"));
    }
    if ready.is_true() { Health::healthy() } else { Health::progressing(ready.words()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{
        HealthStatus::{Degraded, Healthy, Progressing},
        check,
    };

    #[test]
    fn shared_conditions() {
        let condition =
            |kind: &str, status: &str| json!({"type": kind, "status": status, "reason": "R", "message": "m"});
        for (conditions, status, words) in [
            (json!([]), Healthy, ""),
            (json!([condition("Ready", "True")]), Healthy, ""),
            (json!([condition("Ready", "False")]), Progressing, "R: m"),
            (json!([condition("Ready", "Unknown")]), Progressing, "R: m"),
            (json!([condition("Ready", "True"), condition("Reconciling", "True")]), Progressing, "R: m"),
            (json!([condition("Ready", "False"), condition("Stalled", "True")]), Degraded, "R: m"),
            (json!([condition("Reconciling", "True"), condition("Stalled", "True")]), Degraded, ""),
            (json!([condition("Stalled", "False"), condition("Reconciling", "False")]), Healthy, ""),
            (
                json!([{"type": "Ready", "status": "True", "observedGeneration": 1}]),
                Progressing,
                "generation 1 of 2",
            ),
            (json!({}), Healthy, ""),
        ] {
            let live = json!({"apiVersion": "x/v1", "kind": "A", "metadata": {"generation": 2}, "status": {"conditions": conditions}});
            check(live, status, words);
        }
    }
}
