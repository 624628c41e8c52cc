//! CustomResourceDefinition.

use crate::{Health, object::Object};

/// Source: Kubernetes `CustomResourceDefinitionConditionType`; kstatus `crdConditions`.
pub(crate) fn assess(object: Object<'_>) -> Health {
    if let Some(names) = object.condition("NamesAccepted").filter(|it| it.is_false()) {
        return Health::degraded(names.words());
    }
    match object.condition("Established") {
        Some(established) if established.is_true() => Health::healthy(),
        Some(established) => Health::progressing(established.words()),
        None => Health::progressing("not established yet"),
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
    fn names_first_then_established() {
        for (conditions, expected, words) in [
            (json!([]), Progressing, "not established"),
            (
                json!([{"type": "NamesAccepted", "status": "True"}, {"type": "Established", "status": "True"}]),
                Healthy,
                "",
            ),
            (
                json!([{"type": "NamesAccepted", "status": "True"}, {"type": "Established", "status": "False", "reason": "Installing"}]),
                Progressing,
                "Installing",
            ),
            (
                json!([{"type": "NamesAccepted", "status": "False", "message": "kind taken"}, {"type": "Established", "status": "True"}]),
                Degraded,
                "kind taken",
            ),
        ] {
            let live = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "status": {"conditions": conditions}});
            check(live, expected, words);
        }
    }
}
