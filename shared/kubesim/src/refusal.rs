//! Refusals, as the `Status` objects of the real server.
//!
//! Source: k8s.io/apimachinery/pkg/api/errors; texts as Kubernetes 1.36 writes them.

use serde_json::{Map, Value, json};

use crate::schema::Kind;

/// A request that is refused.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) code: u16,
    reason: &'static str,
    message: String,
    details: Option<Value>,
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    reason: &'static str,
    message: String,
    field: String,
}

impl Problem {
    pub(crate) fn invalid(field: &str, value: &Value, why: &str) -> Self {
        let message = format!("Invalid value: {value}: {why}");
        Self { reason: "FieldValueInvalid", message, field: field.to_owned() }
    }

    /// A null where the schema wants a value of this type.
    pub(crate) fn mistyped(field: &str, wanted: &str) -> Self {
        let message = format!("Invalid value: \"null\": {field} in body must be of type {wanted}: \"null\"");
        Self { reason: "FieldValueTypeInvalid", message, field: field.to_owned() }
    }

    pub(crate) fn required(field: &str, why: &str) -> Self {
        let message =
            if why.is_empty() { "Required value".to_owned() } else { format!("Required value: {why}") };
        Self { reason: "FieldValueRequired", message, field: field.to_owned() }
    }

    pub(crate) fn unsupported(field: &str, value: &Value, supported: &[Value]) -> Self {
        let supported: Vec<_> = supported.iter().map(ToString::to_string).collect();
        let message = format!("Unsupported value: {value}: supported values: {}", supported.join(", "));
        Self { reason: "FieldValueNotSupported", message, field: field.to_owned() }
    }

    pub(crate) fn forbidden(field: &str, why: &str) -> Self {
        let message = format!("Forbidden: {why}");
        Self { reason: "FieldValueForbidden", message, field: field.to_owned() }
    }

    fn cause(&self) -> Value {
        json!({"reason": self.reason, "message": self.message, "field": self.field})
    }
}

/// `deployments.apps`.
fn resource(kind: &Kind) -> String {
    if kind.group.is_empty() { kind.plural.clone() } else { format!("{}.{}", kind.plural, kind.group) }
}

fn details(name: &str, group: &str, kind: &str) -> Map<String, Value> {
    let all = [("name", name), ("group", group), ("kind", kind)];
    let given = all.into_iter().filter(|(_, value)| !value.is_empty());
    given.map(|(name, value)| (name.to_owned(), json!(value))).collect()
}

impl Refusal {
    fn new(code: u16, reason: &'static str, message: String) -> Self {
        Self { code, reason, message, details: None }
    }

    fn about(mut self, kind: &Kind, name: &str) -> Self {
        self.details = Some(Value::Object(details(name, &kind.group, &kind.plural)));
        self
    }

    pub(crate) fn not_found(kind: &Kind, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{} {name:?} not found", resource(kind))).about(kind, name)
    }

    pub(crate) fn exists(kind: &Kind, name: &str) -> Self {
        let message = format!("{} {name:?} already exists", resource(kind));
        Self::new(409, "AlreadyExists", message).about(kind, name)
    }

    pub(crate) fn modified(kind: &Kind, name: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} {name:?}: the object has been modified; please apply your changes to \
             the latest version and try again",
            resource(kind)
        );
        Self::new(409, "Conflict", message).about(kind, name)
    }

    /// An apply names an object by its uid that is not there.
    pub(crate) fn absent(kind: &Kind, name: &str, uid: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} {name:?}: uid mismatch: the provided object specified uid {uid}, and no \
             existing object was found",
            resource(kind)
        );
        Self::new(409, "Conflict", message).about(kind, name)
    }

    /// A replacement names another object than the one that is there.
    pub(crate) fn other_object(kind: &Kind, place: [&str; 2], uids: [&str; 2]) -> Self {
        let [namespace, name] = place;
        let namespace = if namespace.is_empty() { String::new() } else { format!("/{namespace}") };
        let message = format!(
            "Operation cannot be fulfilled on {} {name:?}: StorageError: invalid object, Code: 4, Key: \
             /registry/{}{namespace}/{name}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in \
             precondition: {}, UID in object meta: {}",
            resource(kind),
            kind.plural,
            uids[0],
            uids[1]
        );
        Self::new(409, "Conflict", message).about(kind, name)
    }

    /// A precondition of a deletion does not hold.
    pub(crate) fn precondition(kind: &Kind, name: &str, why: &str) -> Self {
        let shown =
            if kind.group.is_empty() { kind.kind.clone() } else { format!("{}.{}", kind.kind, kind.group) };
        let message = format!("Operation cannot be fulfilled on {shown} {name:?}: {why}");
        let details = Value::Object(details(name, &kind.group, &kind.kind));
        Self { details: Some(details), ..Self::new(409, "Conflict", message) }
    }

    /// `conflicts` are pairs of manager and field.
    pub(crate) fn conflicts(conflicts: &[(String, String)]) -> Self {
        let causes: Vec<_> = conflicts
            .iter()
            .map(|(manager, field)| {
                json!({"reason": "FieldManagerConflict", "message": format!("conflict with {manager}"), "field": field})
            })
            .collect();
        let message = match conflicts {
            [(manager, field)] => format!("Apply failed with 1 conflict: conflict with {manager}: {field}"),
            conflicts => {
                let mut managers: Vec<_> = conflicts.iter().map(|(manager, _)| manager).collect();
                managers.sort();
                managers.dedup();
                let mut lines = Vec::new();
                for manager in managers {
                    lines.push(format!("conflicts with {manager}:"));
                    let fields = conflicts.iter().filter(|(other, _)| other == manager);
                    lines.extend(fields.map(|(_, field)| format!("- {field}")));
                }
                format!("Apply failed with {} conflicts: {}", conflicts.len(), lines.join("\n"))
            }
        };
        Self { details: Some(json!({"causes": causes})), ..Self::new(409, "Conflict", message) }
    }

    pub(crate) fn invalid(kind: &Kind, name: &str, problems: &[Problem]) -> Self {
        let shown =
            if kind.group.is_empty() { kind.kind.clone() } else { format!("{}.{}", kind.kind, kind.group) };
        Self::invalid_of(&shown, details(name, &kind.group, &kind.kind), problems)
    }

    /// A replacement has to name the version that it was made from, and does not.
    pub(crate) fn unconditional(kind: &Kind, name: &str) -> Self {
        let problem =
            Problem::invalid("metadata.resourceVersion", &json!(0), "must be specified for an update");
        Self::invalid_of(&resource(kind), details(name, &kind.group, &kind.plural), &[problem])
    }

    /// The options of a request are invalid.
    pub(crate) fn invalid_options(options: &str, problem: &Problem) -> Self {
        let shown = format!("{options}.meta.k8s.io");
        Self::invalid_of(&shown, details("", "meta.k8s.io", options), std::slice::from_ref(problem))
    }

    fn invalid_of(shown: &str, mut details: Map<String, Value>, problems: &[Problem]) -> Self {
        let name = details.get("name").and_then(Value::as_str).unwrap_or_default();
        let texts: Vec<_> =
            problems.iter().map(|problem| format!("{}: {}", problem.field, problem.message)).collect();
        let mut told = Vec::new();
        for text in texts {
            if !told.contains(&text) {
                told.push(text);
            }
        }
        let text = match &told[..] {
            [one] => one.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        let message = format!("{shown} {name:?} is invalid: {text}");
        details.insert("causes".into(), problems.iter().map(Problem::cause).collect());
        Self { details: Some(Value::Object(details)), ..Self::new(422, "Invalid", message) }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message.into())
    }

    /// The configuration that is applied is not of its type: 500, without a reason.
    pub(crate) fn mistyped(message: String) -> Self {
        Self::new(500, "", message)
    }

    pub(crate) fn no_resource() -> Self {
        let message = "the server could not find the requested resource".to_owned();
        Self { details: Some(json!({})), ..Self::new(404, "NotFound", message) }
    }

    pub(crate) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource".to_owned();
        Self { details: Some(json!({})), ..Self::new(405, "MethodNotAllowed", message) }
    }

    pub(crate) fn media_type() -> Self {
        let message = "415: Unsupported Media Type".to_owned();
        Self { details: Some(json!({})), ..Self::new(415, "UnsupportedMediaType", message) }
    }

    /// A strategic merge patch for a kind whose lists have no merge keys.
    pub(crate) fn no_strategy() -> Self {
        let message = "the body of the request was in an unknown format - accepted media types include: \
                       application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
        Self::new(415, "UnsupportedMediaType", message.to_owned())
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized".to_owned())
    }

    pub(crate) fn expired(message: String) -> Self {
        Self::new(410, "Expired", message)
    }

    /// The caller has seen a version that is not here yet.
    pub(crate) fn too_large(asked: u64, current: u64) -> Self {
        let message = format!("Timeout: Too large resource version: {asked}, current: {current}");
        let cause = json!({"reason": "ResourceVersionTooLarge", "message": "Too large resource version"});
        let details = json!({"causes": [cause], "retryAfterSeconds": 1});
        Self { details: Some(details), ..Self::new(504, "Timeout", message) }
    }

    /// Nothing new may be made in a namespace that goes.
    pub(crate) fn terminating(kind: &Kind, name: &str, namespace: &str) -> Self {
        let why =
            format!("unable to create new content in namespace {namespace} because it is being terminated");
        let mut refusal =
            Self::new(403, "Forbidden", format!("{} {name:?} is forbidden: {why}", resource(kind)));
        let mut details = details(name, &kind.group, &kind.plural);
        let cause = json!({"reason": "NamespaceTerminating",
            "message": format!("namespace {namespace} is being terminated"), "field": "metadata.namespace"});
        details.insert("causes".into(), json!([cause]));
        refusal.details = Some(Value::Object(details));
        refusal
    }

    /// A refusal that somebody asked for: an injected fault.
    pub(crate) fn injected(code: u16, retry_after: Option<u32>) -> Self {
        let (reason, message) = match code {
            401 => ("Unauthorized", "Unauthorized"),
            403 => ("Forbidden", "forbidden: by a fault that was set"),
            404 => ("NotFound", "the server could not find the requested resource"),
            409 => ("Conflict", "Operation cannot be fulfilled: by a fault that was set"),
            410 => ("Expired", "too old resource version"),
            429 => ("TooManyRequests", "too many requests, please try again later"),
            503 => ("ServiceUnavailable", "the server is currently unable to handle the request"),
            504 => ("Timeout", "request did not complete within the allotted timeout"),
            _ => ("InternalError", "Internal error occurred: by a fault that was set"),
        };
        let details = retry_after.map(|seconds| json!({"retryAfterSeconds": seconds}));
        Self { details, ..Self::new(code, reason, message.to_owned()) }
    }

    /// The `Status` object.
    pub(crate) fn to_json(&self) -> Value {
        let mut status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message});
        if !self.reason.is_empty() {
            status["reason"] = json!(self.reason);
        }
        if let Some(details) = &self.details {
            status["details"] = details.clone();
        }
        status["code"] = json!(self.code);
        status
    }
}
