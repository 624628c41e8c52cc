//! Namespace.

use crate::{Health, object::Object};

/// Source: Kubernetes `NamespacePhase`.
pub(crate) fn assess(object: Object<'_>) -> Health {
    match object.text("/status/phase") {
        Some("Active") | None => Health::healthy(),
        Some("Terminating") => Health::progressing("terminating"),
        Some(other) => Health::unknown(format!("phase {other}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{
        HealthStatus::{Healthy, Progressing, Unknown},
        check,
    };

    #[test]
    fn phases() {
        for (phase, expected) in [
            (json!("Active"), Healthy),
            (json!(null), Healthy),
            (json!("Terminating"), Progressing),
            (json!("x"), Unknown),
        ] {
            check(json!({"apiVersion": "v1", "kind": "Namespace", "status": {"phase": phase}}), expected, "");
        }
    }
}
