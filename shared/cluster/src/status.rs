//! Turns the answers of an API server that are no success into [`ClusterError`]s.

use std::time::Duration;

use serde::Deserialize;

use crate::{Cause, CauseKind, ClusterError, FieldConflict, Missing, misfit::misfits};

/// Longest message that is kept, in characters: a validation error of a large object can fill pages.
const MESSAGE_CHARS_MAX: usize = 2_000;

/// Most causes and conflicts that are kept.
const CAUSES_MAX: usize = 100;

/// What a request is about, for its errors.
#[derive(Debug, Clone)]
pub(crate) struct About {
    /// `apply ConfigMap shop/web`.
    pub(crate) request: String,
    /// Plural and name in the request's path, by which a 404 is recognised; `None` for collections.
    pub(crate) object: Option<(String, String)>,
    /// Whether the server's words may be shown.
    pub(crate) quoting: Quoting,
    /// JSON pointers of sensitive values, besides those that its kind has.
    pub(crate) sensitive: Vec<String>,
}

/// Whether the words of an API server may leave this crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quoting {
    /// They hold nothing secret.
    Allowed,
    /// They may quote rejected values of a kind that holds secrets.
    Withheld,
}

/// The parts of `meta/v1 Status` that errors are made of.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Status {
    kind: String,
    pub(crate) message: String,
    reason: String,
    details: Option<Details>,
    pub(crate) code: u16,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Details {
    name: String,
    kind: String,
    causes: Vec<RawCause>,
    retry_after_seconds: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawCause {
    reason: String,
    message: String,
    field: String,
}

impl Status {
    /// Reads the body of an answer; a body that is no Status (of a proxy, say) gives an empty one.
    pub(crate) fn parse(body: &[u8]) -> Self {
        serde_json::from_slice(body).ok().filter(|status: &Self| status.kind == "Status").unwrap_or_default()
    }

    /// The error that an answer with this HTTP status and `Retry-After` means.
    pub(crate) fn into_error(self, http: u16, retry_after: Option<Duration>, about: &About) -> ClusterError {
        let request = about.request.clone();
        let message = about.words(&self.message);
        let details = self.details.unwrap_or_default();
        let is = |reason: &str| details.causes.iter().any(|cause| cause.reason == reason);
        match http {
            401 => ClusterError::Unauthorized { request },
            403 if is("NamespaceTerminating") => ClusterError::NamespaceTerminating { request },
            403 => ClusterError::Forbidden { request, message },
            404 => ClusterError::NotFound { request, missing: missing(&details, about) },
            409 if is("FieldManagerConflict") => {
                ClusterError::Conflict { request, conflicts: conflicts(&details.causes) }
            }
            409 if self.reason == "AlreadyExists" => ClusterError::AlreadyExists { request },
            409 => ClusterError::Moved { request, message },
            410 => ClusterError::Gone { request },
            413 => ClusterError::TooLarge { request, limit: "the API server accepts".into() },
            400 | 422 => ClusterError::Invalid { request, causes: causes(&details.causes, about), message },
            429 => {
                let seconds = u64::from(details.retry_after_seconds);
                let hint = (seconds > 0).then(|| Duration::from_secs(seconds));
                ClusterError::Throttled { request, retry_after: retry_after.or(hint) }
            }
            400..500 => ClusterError::Refused { request, status: http, message },
            500 if let Some(fields) = misfits(&self.message, about) => {
                ClusterError::Schema { request, fields }
            }
            500..600 => ClusterError::Server { request, status: http, message },
            _ => ClusterError::BadResponse { request, problem: format!("status {http}") },
        }
    }
}

impl About {
    fn words(&self, message: &str) -> String {
        match self.quoting {
            Quoting::Allowed if message.is_empty() => "(no reason given)".into(),
            Quoting::Allowed => message.chars().take(MESSAGE_CHARS_MAX).collect(),
            Quoting::Withheld => "(the API server's words may quote secret values: withheld)".into(),
        }
    }

    /// The error for an answer that makes no sense.
    pub(crate) fn bad(&self, problem: impl Into<String>) -> ClusterError {
        ClusterError::BadResponse { request: self.request.clone(), problem: problem.into() }
    }
}

/// A 404 speaks of the object only if it calls it by its name: the API server also answers 404 for a kind
/// that it does not serve, and a proxy for anything.
fn missing(details: &Details, about: &About) -> Missing {
    let named = (details.kind.as_str(), details.name.as_str());
    let object = about.object.as_ref().map(|(plural, name)| (plural.as_str(), name.as_str()));
    match named {
        _ if object == Some(named) => Missing::Object,
        ("namespaces", _) => Missing::Namespace,
        _ => Missing::Resource,
    }
}

fn conflicts(causes: &[RawCause]) -> Vec<FieldConflict> {
    let conflicts = causes.iter().filter(|cause| cause.reason == "FieldManagerConflict").take(CAUSES_MAX);
    let read = |cause: &RawCause| FieldConflict {
        manager: manager(&cause.message),
        field: cause.field.chars().take(MESSAGE_CHARS_MAX).collect(),
    };
    conflicts.map(read).collect()
}

/// The manager stands only in the sentence, quoted: `conflict with "alice" using apps/v1`.
/// Source: apimachinery, managedfields/internal/conflict.go.
fn manager(message: &str) -> Option<String> {
    let quoted = message.strip_prefix("conflict with ")?;
    let mut values = serde_json::Deserializer::from_str(quoted).into_iter::<String>();
    values.next()?.ok()
}

fn causes(causes: &[RawCause], about: &About) -> Vec<Cause> {
    let read = |cause: &RawCause| Cause {
        field: cause.field.chars().take(MESSAGE_CHARS_MAX).collect(),
        kind: kind(cause),
        message: match about.quoting {
            Quoting::Allowed => cause.message.chars().take(MESSAGE_CHARS_MAX).collect(),
            Quoting::Withheld => String::new(),
        },
    };
    causes.iter().take(CAUSES_MAX).map(read).collect()
}

/// Source: apimachinery, pkg/util/validation/field and pkg/api/validation (`FieldImmutableErrorMsg`).
fn kind(cause: &RawCause) -> CauseKind {
    match cause.reason.as_str() {
        "FieldValueInvalid" if cause.message.ends_with(": field is immutable") => CauseKind::Immutable,
        "FieldValueForbidden" => CauseKind::Forbidden,
        "FieldValueRequired" => CauseKind::Required,
        "FieldValueDuplicate" => CauseKind::Duplicate,
        "FieldValueTypeInvalid" => CauseKind::Type,
        _ => CauseKind::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn about(quoting: Quoting) -> About {
        About {
            request: "apply X a/b".into(),
            object: Some(("xs".into(), "b".into())),
            quoting,
            sensitive: vec![],
        }
    }

    fn error(http: u16, mut body: Value, quoting: Quoting) -> ClusterError {
        body["kind"] = "Status".into();
        Status::parse(body.to_string().as_bytes()).into_error(http, None, &about(quoting))
    }

    #[test]
    fn a_404_is_about_the_object_only_by_name() {
        for (details, expected) in [
            (json!({"kind": "xs", "name": "b"}), Missing::Object),
            (json!({"kind": "namespaces", "name": "a"}), Missing::Namespace),
            (json!({"kind": "namespaces", "name": "b"}), Missing::Namespace),
            (json!({"kind": "xs", "name": "c"}), Missing::Resource),
            (json!({}), Missing::Resource),
        ] {
            let ClusterError::NotFound { missing, .. } =
                error(404, json!({"details": details.clone()}), Quoting::Allowed)
            else {
                panic!("not a NotFound");
            };
            assert_eq!(missing, expected, "{details}");
        }
        let plain = Status::parse(b"404 page not found").into_error(404, None, &about(Quoting::Allowed));
        assert!(matches!(plain, ClusterError::NotFound { missing: Missing::Resource, .. }));
    }

    #[test]
    fn conflicts_name_manager_and_field() {
        let causes = json!([
            {"reason": "FieldManagerConflict", "field": ".a", "message": "conflict with \"a\\\"b\" using v1"},
            {"reason": "FieldManagerConflict", "message": "something new", "field": ".b"},
        ]);
        let conflict = |manager: Option<&str>, field: &str| FieldConflict {
            manager: manager.map(str::to_owned),
            field: field.into(),
        };
        let expected = vec![conflict(Some("a\"b"), ".a"), conflict(None, ".b")];
        let found =
            error(409, json!({"reason": "Conflict", "details": {"causes": causes}}), Quoting::Withheld);
        assert_eq!(found, ClusterError::Conflict { request: "apply X a/b".into(), conflicts: expected });
    }

    #[test]
    fn withheld_words_appear_nowhere() {
        let cause = json!({"reason": "FieldValueInvalid", "message": "bad: \"hunter2\"", "field": "data[k]"});
        let body = json!({"message": "hunter2", "details": {"causes": [cause]}});
        for http in 400..=599 {
            let found = error(http, body.clone(), Quoting::Withheld);
            assert!(!format!("{found:?} {found}").contains("hunter2"), "{found:?}");
        }
        assert!(error(422, body, Quoting::Allowed).to_string().contains("hunter2"));
    }

    #[test]
    fn statuses_map_to_classes() {
        use model::RetryClass::{Permanent, Stale, Transient};
        for (http, body, class) in [
            (401, json!({}), Permanent),
            (403, json!({"details": {"causes": [{"reason": "NamespaceTerminating"}]}}), Transient),
            (403, json!({}), Permanent),
            (404, json!({}), Stale),
            (409, json!({"reason": "AlreadyExists"}), Stale),
            (409, json!({"reason": "Conflict"}), Stale),
            (410, json!({}), Stale),
            (422, json!({}), Permanent),
            (429, json!({}), Transient),
            (500, json!({}), Transient),
            (302, json!({}), Transient),
            (405, json!({}), Permanent),
        ] {
            assert_eq!(error(http, body, Quoting::Allowed).class(), class, "{http}");
        }
    }

    #[test]
    fn throttling_takes_the_hint_of_the_body() {
        let body = json!({"details": {"retryAfterSeconds": 3}});
        let ClusterError::Throttled { retry_after, .. } = error(429, body, Quoting::Allowed) else {
            panic!()
        };
        assert_eq!(retry_after, Some(Duration::from_secs(3)));
    }
}
