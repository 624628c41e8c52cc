//! CronJob.

use crate::{Health, object::Object};

/// Source: Argo CD `resource_customizations/batch/CronJob`. There a suspended one reads Healthy, and a running
/// one makes the whole application Progressing at each tick of its schedule.
pub(crate) fn assess(object: Object<'_>) -> Health {
    if object.is_true("/spec/suspend") {
        return Health::suspended("suspended");
    }
    let active = object.items("/status/active").next().is_some();
    let scheduled = object.text("/status/lastScheduleTime");
    let succeeded = object.text("/status/lastSuccessfulTime");
    match scheduled {
        // Both are RFC 3339 in UTC with whole seconds, so that text compares as time.
        Some(scheduled) if !active && succeeded.is_none_or(|succeeded| succeeded < scheduled) => {
            Health::degraded(format!("the run of {scheduled} did not succeed"))
        }
        Some(_) | None => Health::healthy(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{
        HealthStatus::{Degraded, Healthy, Suspended},
        check,
    };

    #[test]
    fn the_last_run_counts() {
        let (early, late) = ("2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z");
        for (suspend, status, expected, words) in [
            (false, json!({}), Healthy, ""),
            (true, json!({"lastScheduleTime": late}), Suspended, ""),
            (false, json!({"lastScheduleTime": early, "lastSuccessfulTime": late}), Healthy, ""),
            (false, json!({"lastScheduleTime": early, "lastSuccessfulTime": early}), Healthy, ""),
            (false, json!({"lastScheduleTime": late, "lastSuccessfulTime": early}), Degraded, late),
            (false, json!({"lastScheduleTime": late}), Degraded, "did not succeed"),
            (false, json!({"lastScheduleTime": late, "active": [{"name": "run"}]}), Healthy, ""),
        ] {
            check(
                json!({"apiVersion": "batch/v1", "kind": "CronJob", "spec": {"suspend": suspend}, "status": status}),
                expected,
                words,
            );
        }
    }
}
