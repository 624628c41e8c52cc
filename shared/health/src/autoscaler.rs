//! HorizontalPodAutoscaler, v2 and v1.

use serde_json::Value;

use crate::{
    Health,
    object::{Condition, Object},
};

/// Where v1 keeps what v2 has in its status.
const V1_CONDITIONS: &str = "/metadata/annotations/autoscaling.alpha.kubernetes.io~1conditions";

/// Source: Argo CD `health_hpa.go`.
pub(crate) fn assess(object: Object<'_>) -> Health {
    let annotation = object.text(V1_CONDITIONS).and_then(|text| serde_json::from_str::<Value>(text).ok());
    let own: Vec<&Value> = object.items("/status/conditions").collect();
    let old: Vec<&Value> = annotation.iter().filter_map(Value::as_array).flatten().collect();
    let conditions = if own.is_empty() { old } else { own };
    let find = |kind: &str| {
        let found = conditions.iter().find(|item| item.get("type").and_then(Value::as_str) == Some(kind));
        found.map(|item| Condition::of(item))
    };
    let failed = |it: &Condition<'_>| {
        it.is_false() && (it.reason.starts_with("Failed") || it.reason.starts_with("Invalid"))
    };
    if let Some(failure) = ["AbleToScale", "ScalingActive"].into_iter().filter_map(find).find(failed) {
        return Health::degraded(failure.words());
    }
    let able = ["AbleToScale", "ScalingLimited"].into_iter().filter_map(find).any(|it| it.is_true());
    if able { Health::healthy() } else { Health::progressing("not able to scale yet") }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{
        HealthStatus::{Degraded, Healthy, Progressing},
        check,
    };

    fn conditions(list: &[(&str, &str, &str)]) -> Value {
        list.iter().map(|(kind, status, reason)| json!({"type": kind, "status": status, "reason": reason, "message": "m"})).collect()
    }

    #[test]
    fn conditions_of_both_versions() {
        for (list, expected, words) in [
            (&[][..], Progressing, "not able"),
            (&[("AbleToScale", "True", "ReadyForNewScale")], Healthy, ""),
            (&[("AbleToScale", "True", "x"), ("ScalingActive", "True", "ValidMetricFound")], Healthy, ""),
            (
                &[("AbleToScale", "True", "x"), ("ScalingActive", "False", "FailedGetResourceMetric")],
                Degraded,
                "FailedGetResourceMetric: m",
            ),
            (&[("AbleToScale", "True", "x"), ("ScalingActive", "False", "InvalidSelector")], Degraded, "m"),
            // Scaled to zero by hand: at rest, not broken.
            (&[("AbleToScale", "True", "x"), ("ScalingActive", "False", "ScalingDisabled")], Healthy, ""),
            (&[("AbleToScale", "False", "FailedGetScale")], Degraded, "FailedGetScale"),
            (&[("AbleToScale", "False", "BackoffBoth")], Progressing, ""),
        ] {
            let kind = "HorizontalPodAutoscaler";
            check(
                json!({"apiVersion": "autoscaling/v2", "kind": kind, "status": {"conditions": conditions(list)}}),
                expected,
                words,
            );
            let annotations =
                json!({"autoscaling.alpha.kubernetes.io/conditions": conditions(list).to_string()});
            check(
                json!({"apiVersion": "autoscaling/v1", "kind": kind, "metadata": {"annotations": annotations}}),
                expected,
                words,
            );
        }
    }
}
