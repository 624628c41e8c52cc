//! Job.

use crate::{Health, object::Object};

/// A finished job stays finished, suspended or not; a running one is Progressing until it is done.
///
/// Source: Argo CD `health_job.go`. It does not look at the status of conditions: there a job that was resumed
/// (Suspended=False) reads as complete while it runs.
pub(crate) fn assess(object: Object<'_>) -> Health {
    let holds = |kind| object.condition(kind).filter(|it| it.is_true());
    if let Some(failed) = holds("Failed") {
        return Health::degraded(failed.words());
    }
    if holds("Complete").is_some() {
        return Health::healthy();
    }
    if object.is_true("/spec/suspend") || holds("Suspended").is_some() {
        return Health::suspended("suspended");
    }
    if let Some(failing) = holds("FailureTarget") {
        return Health::progressing(format!("failing, {}", failing.words()));
    }
    let succeeded = object.count("/status/succeeded");
    let failed = object.count("/status/failed");
    let active = object.count("/status/active");
    Health::progressing(format!("{active} pods running, {succeeded} done, {failed} failed"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{
        HealthStatus::{Degraded, Healthy, Progressing, Suspended},
        check,
    };

    fn job(suspend: bool, conditions: &[(&str, &str)]) -> Value {
        let conditions: Vec<_> = conditions
            .iter()
            .map(|(kind, status)| json!({"type": kind, "status": status, "reason": "R", "message": "m"}))
            .collect();
        json!({"apiVersion": "batch/v1", "kind": "Job", "spec": {"suspend": suspend}, "status": {"active": 1, "conditions": conditions}})
    }

    #[test]
    fn only_conditions_that_hold_count() {
        for (suspend, conditions, expected, words) in [
            (false, &[][..], Progressing, "1 pods running, 0 done, 0 failed"),
            (false, &[("Complete", "True")], Healthy, ""),
            (false, &[("Complete", "False")], Progressing, "running"),
            (false, &[("Failed", "True")], Degraded, "R: m"),
            (false, &[("Failed", "False")], Progressing, "running"),
            (false, &[("Failed", "Unknown")], Progressing, "running"),
            // Resumed and running.
            (false, &[("Suspended", "False")], Progressing, "running"),
            (true, &[("Suspended", "True")], Suspended, ""),
            // Suspended a moment ago, not yet reported.
            (true, &[], Suspended, ""),
            (true, &[("Complete", "True"), ("Suspended", "True")], Healthy, ""),
            (false, &[("Suspended", "False"), ("Complete", "True")], Healthy, ""),
            (false, &[("FailureTarget", "True")], Progressing, "failing, R: m"),
            (false, &[("FailureTarget", "True"), ("Failed", "True")], Degraded, ""),
            (false, &[("SuccessCriteriaMet", "True"), ("Complete", "True")], Healthy, ""),
        ] {
            check(job(suspend, conditions), expected, words);
        }
        check(json!({"apiVersion": "batch/v1", "kind": "Job"}), Progressing, "0 pods running");
    }
}
