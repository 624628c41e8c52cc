//! Manifests: documents that are Kubernetes objects, with their identity checked.

use std::fmt;

use model::{ApiVersion, Gvk, ObjectId, RetryClass, object::ApiVersionError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Document, SetAside, text_maps};

/// Largest object, in bytes of canonical JSON. Source: the API server refuses larger request bodies.
pub const OBJECT_BYTES_MAX: usize = 3 << 20;
/// Longest `metadata.name`, in bytes. Source: Kubernetes "Object Names and IDs", DNS subdomain.
const NAME_BYTES_MAX: usize = 253;
/// Longest namespace and kind, in bytes. Source: RFC 1123 label; apiextensions validation of kinds.
const LABEL_BYTES_MAX: usize = 63;

/// Group of what is read by driftless itself: sources, clusters, applications.
const DEFINITIONS_GROUP: &str = "driftless.dev";

/// Where in an artifact an object was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Path of the file inside its artifact.
    pub file: String,
    /// Line of its first key, from 1.
    pub line: u32,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// One object as written, secrets and all. Not shown by `Debug`.
#[derive(Clone, PartialEq)]
pub struct Manifest {
    /// Its identity. The namespace is as written: `None` if the manifest names none.
    pub id: ObjectId,
    /// The version it is written in.
    pub api_version: ApiVersion,
    /// All of it.
    pub value: Value,
    /// Where it stood; `None` if it comes from no file.
    pub origin: Option<Origin>,
}

impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Manifest({})", self.id)
    }
}

/// Says which document is no usable object, and why. It repeats no value but names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", origin.as_ref().map(|origin| format!("{origin}: ")).unwrap_or_default())]
pub struct ManifestError {
    /// Where it stands, if it comes from a file.
    pub origin: Option<Origin>,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A list or a scalar.
    #[error("a map is expected")]
    NotAMap,
    /// A required text is missing or something else than text.
    #[error("{0} is missing or is not text")]
    NoText(&'static str),
    /// `apiVersion` cannot be one.
    #[error("{0}")]
    ApiVersion(ApiVersionError),
    /// `kind` cannot be one.
    #[error("{0:?} is not a kind")]
    Kind(String),
    /// `metadata.generateName` without a name: each apply would make another object.
    #[error("generateName makes another object at each apply: give it a name")]
    GenerateName,
    /// `metadata.name` cannot be part of a request path.
    #[error("{0:?} is not an object name")]
    Name(String),
    /// `metadata.namespace` is not an RFC 1123 label.
    #[error("{0:?} is not a namespace")]
    Namespace(String),
    /// A map that holds text only holds something else.
    #[error("{path} is not text: put it in quotes")]
    NotQuoted {
        /// The field, such as `metadata.labels.version`.
        path: String,
    },
    /// A map of text is no map.
    #[error("{path} is not a map")]
    NotATextMap {
        /// The field, such as `metadata.labels`.
        path: String,
    },
    /// A value of a Secret's `data` is not base64.
    #[error("data.{key} is not base64: encode it, or write it under stringData")]
    NotBase64 {
        /// The key; not the value.
        key: String,
    },
    /// More than [`OBJECT_BYTES_MAX`].
    #[error("the object is larger than {OBJECT_BYTES_MAX} bytes")]
    TooLarge,
}

impl ManifestError {
    /// Always [`RetryClass::Permanent`]: only a commit helps.
    pub fn class(&self) -> RetryClass {
        RetryClass::Permanent
    }

    /// `MANIFEST-OBJECT`.
    pub fn code(&self) -> &'static str {
        "MANIFEST-OBJECT"
    }

    /// What a person can do about it.
    pub fn remedy(&self) -> &'static str {
        "correct the manifest, or leave the file out of the application's path"
    }
}

impl Manifest {
    /// The object that a document describes.
    ///
    /// # Errors
    /// Permanent: see [`Problem`].
    pub fn from_document(document: Document) -> Result<Self, ManifestError> {
        let Document { file, line, value } = document;
        Self::from_value(value, Some(Origin { file, line }))
    }

    /// The object that a value describes. An empty namespace counts as none and is dropped.
    ///
    /// # Errors
    /// Permanent: see [`Problem`].
    pub fn from_value(mut value: Value, origin: Option<Origin>) -> Result<Self, ManifestError> {
        match identify(&value).and_then(|found| text_maps::check(&value).map(|()| found)) {
            Ok((id, api_version)) => {
                if let Some(Value::Object(metadata)) = value.get_mut("metadata")
                    && metadata.get("namespace").and_then(Value::as_str) == Some("")
                {
                    metadata.shift_remove("namespace");
                }
                Ok(Self { id, api_version, value, origin })
            }
            Err(problem) => Err(ManifestError { origin, problem }),
        }
    }

    /// Kind and version.
    pub fn gvk(&self) -> Gvk {
        Gvk { api_version: self.api_version.clone(), kind: self.id.kind.clone() }
    }

    /// Why it is not applied as an ordinary object, if it is a hook or a test. A definition is neither: set aside, it
    /// would leave the fleet without a word.
    pub fn set_aside(&self) -> Option<SetAside> {
        if self.is_definition() { None } else { SetAside::of(&self.value) }
    }

    /// Whether it is read by driftless itself, and goes to no cluster.
    pub fn is_definition(&self) -> bool {
        self.api_version.group == DEFINITIONS_GROUP
    }
}

/// Reads identity and version from an object.
///
/// # Errors
/// The first [`Problem`] found.
pub(crate) fn identify(value: &Value) -> Result<(ObjectId, ApiVersion), Problem> {
    if !value.is_object() {
        return Err(Problem::NotAMap);
    }
    let api_version: ApiVersion =
        text(value, "/apiVersion", "apiVersion")?.parse().map_err(Problem::ApiVersion)?;
    let kind = text(value, "/kind", "kind")?;
    if !is_kind(kind) {
        return Err(Problem::Kind(shown(kind)));
    }
    if value.pointer("/metadata/name").is_none_or(Value::is_null)
        && value.pointer("/metadata/generateName").is_some()
    {
        return Err(Problem::GenerateName);
    }
    let name = text(value, "/metadata/name", "metadata.name")?;
    if !is_path_segment(name) {
        return Err(Problem::Name(shown(name)));
    }
    let namespace = namespace(value)?;
    let group = api_version.group.clone();
    Ok((ObjectId { group, kind: kind.to_owned(), namespace, name: name.to_owned() }, api_version))
}

fn text<'a>(value: &'a Value, pointer: &str, name: &'static str) -> Result<&'a str, Problem> {
    value.pointer(pointer).and_then(Value::as_str).ok_or(Problem::NoText(name))
}

fn namespace(value: &Value) -> Result<Option<String>, Problem> {
    match value.pointer("/metadata/namespace") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) if is_label(text) => Ok(Some(text.clone())),
        Some(Value::String(text)) => Err(Problem::Namespace(shown(text))),
        Some(_) => Err(Problem::NoText("metadata.namespace")),
    }
}

fn is_kind(text: &str) -> bool {
    let letters = text.bytes().all(|b| b.is_ascii_alphanumeric());
    letters && text.len() <= LABEL_BYTES_MAX && text.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// Source: k8s.io/apimachinery `path.IsValidPathSegmentName`, and the length of a DNS subdomain.
fn is_path_segment(text: &str) -> bool {
    let plain = text.chars().all(|c| !matches!(c, '/' | '%' | '?' | '#') && !c.is_control() && c != ' ');
    plain && !matches!(text, "" | "." | "..") && text.len() <= NAME_BYTES_MAX
}

fn is_label(text: &str) -> bool {
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = text.as_bytes();
    let plain = bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-');
    plain && edge(bytes.first()) && edge(bytes.last()) && text.len() <= LABEL_BYTES_MAX
}

fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Result<Manifest, Problem> {
        Manifest::from_value(value, None).map_err(|error| error.problem)
    }

    #[test]
    fn identity_is_read_as_written() {
        let value = json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "shop"}});
        let manifest = read(value).unwrap();
        assert_eq!(manifest.id.to_string(), "Deployment.apps shop/web");
        assert_eq!(manifest.gvk().to_string(), "apps/v1 Deployment");
        let bare =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": ""}});
        let manifest = read(bare).unwrap();
        assert_eq!(manifest.id.namespace, None);
        assert_eq!(manifest.value["metadata"], json!({"name": "a"}));
    }

    #[test]
    fn names_that_would_leave_their_path_are_refused() {
        for (name, good) in [
            ("web", true),
            ("system:node-proxier", true),
            ("a..b", true),
            ("..", false),
            (".", false),
            ("", false),
            ("a/b", false),
            ("a%2fb", false),
            ("a?x", false),
            ("a#x", false),
            ("a\nb", false),
            (&"a".repeat(254), false),
        ] {
            let value = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
            assert_eq!(read(value).is_ok(), good, "{name:?}");
        }
    }

    #[test]
    fn each_problem_is_told_apart() {
        let object = |metadata: Value| json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata});
        let version: Result<ApiVersion, _> = "/v1".parse();
        for (value, problem) in [
            (json!([]), Problem::NotAMap),
            (json!({"kind": "A"}), Problem::NoText("apiVersion")),
            (json!({"apiVersion": 1}), Problem::NoText("apiVersion")),
            (json!({"apiVersion": "/v1"}), Problem::ApiVersion(version.unwrap_err())),
            (json!({"apiVersion": "v1"}), Problem::NoText("kind")),
            (json!({"apiVersion": "v1", "kind": "a/b"}), Problem::Kind("a/b".into())),
            (object(json!(null)), Problem::NoText("metadata.name")),
            (object(json!({"name": 1})), Problem::NoText("metadata.name")),
            (object(json!({"generateName": "x-"})), Problem::GenerateName),
            (object(json!({"name": "a", "namespace": "A"})), Problem::Namespace("A".into())),
            (object(json!({"name": "a", "namespace": 1})), Problem::NoText("metadata.namespace")),
        ] {
            assert_eq!(read(value.clone()).unwrap_err(), problem, "{value}");
        }
        assert!(read(object(json!({"name": "a", "generateName": "x-"}))).is_ok());
    }

    #[test]
    fn errors_name_the_place_and_debug_hides_the_value() {
        let document = Document { file: "a.yaml".into(), line: 7, value: json!({"password": "hunter2"}) };
        assert_eq!(format!("{document:?}"), "Document(a.yaml:7)");
        let error = Manifest::from_document(document).unwrap_err();
        assert_eq!(error.to_string(), "a.yaml:7: apiVersion is missing or is not text");
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"},
            "stringData": {"password": "hunter2"}});
        assert_eq!(format!("{:?}", read(secret).unwrap()), "Manifest(Secret a)");
    }
}
