//! PersistentVolumeClaim.

use crate::{Health, object::Object};

/// Source: Argo CD `health_pvc.go`.
pub(crate) fn assess(object: Object<'_>) -> Health {
    match object.text("/status/phase") {
        Some("Bound") => Health::healthy(),
        Some("Pending") | None => Health::progressing("not bound yet"),
        Some("Lost") => Health::degraded("its volume is lost"),
        Some(other) => Health::unknown(format!("phase {other}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{
        HealthStatus::{Degraded, Healthy, Progressing, Unknown},
        check,
    };

    #[test]
    fn phases() {
        for (phase, expected, words) in [
            (json!("Bound"), Healthy, ""),
            (json!("Pending"), Progressing, "not bound"),
            (json!(null), Progressing, "not bound"),
            (json!("Lost"), Degraded, "lost"),
            (json!("Other"), Unknown, "phase Other"),
        ] {
            check(
                json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "status": {"phase": phase}}),
                expected,
                words,
            );
        }
    }
}
