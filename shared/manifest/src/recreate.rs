//! Consent to delete an object and create it anew, where a field of it can never change.

use serde_json::Value;

/// Annotation of a desired object that consents, with the value `allowed`. It stands at the object, so that the
/// commit that needs it shows it; a policy for a whole application would let a typo delete a Service.
///
/// Source: Flux `kustomize.toolkit.fluxcd.io/force`, Argo CD `sync-options: Replace=true,Force=true`.
pub const RECREATE_ANNOTATION: &str = "driftless.dev/recreate";

/// Kinds whose deletion takes data or other people's objects along: no annotation is consent enough.
const NEVER: [(&str, &str); 4] = [
    ("v1", "Namespace"),
    ("v1", "PersistentVolume"),
    ("v1", "PersistentVolumeClaim"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
];

/// Whether the desired object consents.
pub fn may_recreate(desired: &Value) -> bool {
    let text = |key: &str| desired.get(key).and_then(Value::as_str).unwrap_or_default();
    let annotations = desired.pointer("/metadata/annotations");
    let word = annotations.and_then(|all| all.get(RECREATE_ANNOTATION)).and_then(Value::as_str);
    word == Some("allowed") && !NEVER.contains(&(text("apiVersion"), text("kind")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn consent_is_one_word_and_never_for_data() {
        for (version, kind, word, may) in [
            ("v1", "Service", "allowed", true),
            ("apps/v1", "Deployment", "allowed", true),
            ("v1", "Service", "true", false),
            ("v1", "Service", "", false),
            ("v1", "PersistentVolumeClaim", "allowed", false),
            ("v1", "Namespace", "allowed", false),
            ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "allowed", false),
        ] {
            let object = json!({"apiVersion": version, "kind": kind,
                "metadata": {"name": "a", "annotations": {RECREATE_ANNOTATION: word}}});
            assert_eq!(may_recreate(&object), may, "{kind} {word}");
        }
        assert!(!may_recreate(&json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}})));
    }
}
