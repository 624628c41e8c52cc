//! APIService.

use crate::{Health, object::Object};

/// Source: Argo CD `health_apiservice.go`.
pub(crate) fn assess(object: Object<'_>) -> Health {
    match object.condition("Available") {
        Some(available) if available.is_true() => Health::healthy(),
        Some(available) => Health::progressing(available.words()),
        None => Health::progressing("not available yet"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{
        HealthStatus::{Healthy, Progressing},
        check,
    };

    #[test]
    fn availability() {
        for (status, expected, words) in
            [("True", Healthy, ""), ("False", Progressing, "MissingEndpoints"), ("Unknown", Progressing, "")]
        {
            let live = json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
                "status": {"conditions": [{"type": "Available", "status": status, "reason": "MissingEndpoints"}]}});
            check(live, expected, words);
        }
        check(
            json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService"}),
            Progressing,
            "not available",
        );
    }
}
