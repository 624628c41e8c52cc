//! Redaction: secret values replaced by keyed hashes, once, when an object is read.
//!
//! # Design notes
//! A hash stands in for a value wherever objects are digested, stored, compared, shown or audited: equal
//! values have equal hashes under one install key, and without the key a hash tells nothing. A hash is never
//! recognised by how it looks: a hostile manifest may contain such text. What was replaced is a list of
//! places kept beside the object, and a secret value that *is* such text is hashed like any other.

use std::{collections::BTreeMap, fmt};

use model::RetryClass;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroize as _;

use crate::{
    InstallKey, canonical_json,
    key::{hex, keyed_hash},
    text_maps::decode_base64,
};

/// Annotation of a desired object that lists further sensitive values as JSON pointers (RFC 6901), separated
/// by commas. It is read from the desired object and applied to the live one too.
pub const SENSITIVE_ANNOTATION: &str = "driftless.dev/sensitive";
/// Most pointers read from [`SENSITIVE_ANNOTATION`]; an object with more secrets belongs in a Secret.
pub const SENSITIVE_MAX: usize = 64;

/// kubectl's copy of the whole object, secret data included.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Fields of a Secret that hold no secret. Source: core/v1 Secret.
const OPEN_IN_SECRET: [&str; 5] = ["apiVersion", "kind", "metadata", "type", "immutable"];

/// Fields of `metadata`. Source: meta/v1 ObjectMeta.
const METADATA: [&str; 15] = [
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// An object in which every secret value is replaced by `hmac:<key id>:<64 hexadecimal digits>`.
///
/// Only [`redact`] and the decoding of a [`crate::DesiredSet`] make one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Redacted {
    value: Value,
    /// JSON pointers of what was replaced, in order.
    places: Vec<String>,
}

impl Redacted {
    pub(crate) fn from_stored(value: Value, places: Vec<String>) -> Self {
        Self { value, places }
    }

    /// The object without its secrets.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The object without its secrets.
    pub fn into_value(self) -> Value {
        self.value
    }

    /// JSON pointers of the values that were replaced, in order.
    pub fn places(&self) -> &[String] {
        &self.places
    }
}

impl AsRef<Value> for Redacted {
    fn as_ref(&self) -> &Value {
        &self.value
    }
}

/// The secret values of one object by JSON pointer. Wiped from memory when dropped, not shown by `Debug`; it
/// is serialised only to be [`crate::seal`]ed.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretValues(BTreeMap<String, Value>);

impl SecretValues {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Debug for SecretValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretValues({})", self.len())
    }
}

impl Drop for SecretValues {
    fn drop(&mut self) {
        self.0.values_mut().for_each(wipe);
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(map) => map.values_mut().for_each(wipe),
    }
}

/// Says that secret values do not belong to an object. It repeats no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// The object lacks a value at this place, or the values lack one for it.
    #[error("no secret value belongs to {0:?} of this object")]
    Mismatch(String),
}

impl RestoreError {
    /// Always [`RetryClass::Bug`]: object and values are made, stored and read as one.
    pub fn class(&self) -> RetryClass {
        RetryClass::Bug
    }
}

/// Takes the secret values out of an object: `data` and `stringData` of Secrets (also of Secrets inside other
/// objects), kubectl's last-applied annotation on any object, and whatever `sensitive` points at. A value
/// that is a map or a list is replaced as a whole.
///
/// Of a Secret nothing stays readable but what is known to be no secret: a misspelt `stringDatum`, or `data`
/// that slipped below `metadata`, is refused by the API server, but the log has it by then.
///
/// `data` counts as the bytes that it encodes, so the same value has the same hash in `data` and
/// `stringData`. Live objects go through the same function, with the pointers of the desired one; drop the
/// values then.
pub fn redact(mut value: Value, key: &InstallKey, sensitive: &[String]) -> (Redacted, SecretValues) {
    let mut found = BTreeMap::new();
    for pointer in sensitive {
        if value.pointer(pointer).is_some_and(|value| !value.is_null()) {
            found.insert(pointer.clone(), Encoding::Plain);
        }
    }
    find_secrets(&value, &mut String::new(), &mut found);
    let secret = key.derive("redact");
    let mut values = BTreeMap::new();
    // An outer place sorts before those inside it, and once it is replaced they are gone.
    for (pointer, encoding) in found {
        if let Some(place) = value.pointer_mut(&pointer) {
            let marker = marker(place, encoding, &secret, key);
            values.insert(pointer, std::mem::replace(place, Value::String(marker)));
        }
    }
    let places = values.keys().cloned().collect();
    (Redacted { value, places }, SecretValues(values))
}

/// Whether [`redact`] would find a secret value in an object without pointers of its own.
pub fn holds_secrets(value: &Value) -> bool {
    let mut found = BTreeMap::new();
    find_secrets(value, &mut String::new(), &mut found);
    !found.is_empty()
}

/// Puts the secret values back, for the API server's eyes only.
///
/// # Errors
/// Bug: the values are not exactly those that were taken out of this object.
pub fn restore(redacted: &Redacted, values: &SecretValues) -> Result<Value, RestoreError> {
    let mismatch = |place: &String| RestoreError::Mismatch(place.clone());
    if let Some(place) = values.0.keys().find(|place| redacted.places.binary_search(place).is_err()) {
        return Err(mismatch(place));
    }
    let mut value = redacted.value.clone();
    for place in &redacted.places {
        let original = values.0.get(place).ok_or_else(|| mismatch(place))?;
        *value.pointer_mut(place).ok_or_else(|| mismatch(place))? = original.clone();
    }
    Ok(value)
}

/// The object as it would be redacted under another key: equal to what was redacted under that one from the same
/// values.
///
/// # Errors
/// Bug: the values are not exactly those that were taken out of this object.
pub fn redacted_under(
    redacted: &Redacted,
    values: &SecretValues,
    key: &InstallKey,
) -> Result<Redacted, RestoreError> {
    let value = restore(redacted, values)?;
    let sensitive = sensitive_pointers(&value);
    Ok(redact(value, key, &sensitive).0)
}

/// The pointers that an object lists under [`SENSITIVE_ANNOTATION`]; at most [`SENSITIVE_MAX`].
pub fn sensitive_pointers(desired: &Value) -> Vec<String> {
    let annotations = desired.pointer("/metadata/annotations");
    let list = annotations.and_then(|all| all.get(SENSITIVE_ANNOTATION)).and_then(Value::as_str);
    let pointers = list.into_iter().flat_map(|list| list.split(',')).map(str::trim);
    // Identity and annotations stay readable: without them the object is nobody's.
    let allowed = |pointer: &&str| {
        let inside = |root: &str| {
            pointer.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        pointer.starts_with('/') && !["/metadata", "/apiVersion", "/kind"].into_iter().any(inside)
    };
    pointers.filter(allowed).take(SENSITIVE_MAX).map(str::to_owned).collect()
}

/// Whether a text looks like what [`redact`] leaves behind. For showing only: anybody can write such text.
pub fn is_marker(text: &str) -> bool {
    let hexadecimal = |part: &str, digits| {
        part.len() == digits && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let parts = text.strip_prefix("hmac:").and_then(|rest| rest.split_once(':'));
    parts.is_some_and(|(id, hash)| hexadecimal(id, 16) && hexadecimal(hash, 64))
}

/// How the text of a secret stands for its bytes.
#[derive(Clone, Copy)]
enum Encoding {
    Plain,
    Base64,
}

fn find_secrets(value: &Value, path: &mut String, found: &mut BTreeMap<String, Encoding>) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                descend(&i.to_string(), path, |path| find_secrets(item, path, found));
            }
        }
        Value::Object(map) => {
            let secret = is_core_secret(map);
            // With metadata it is an object, not a reference to one, whose name must stay readable.
            let object = secret && map.get("metadata").is_some_and(Value::is_object);
            let annotations = map.get("annotations").is_some_and(|all| all.get(LAST_APPLIED).is_some());
            if annotations {
                descend("annotations", path, |path| {
                    descend(LAST_APPLIED, path, |path| found.insert(path.clone(), Encoding::Plain));
                });
            }
            for (name, item) in map {
                descend(name, path, |path| match name.as_str() {
                    "data" if secret => find_entries(item, path, Encoding::Base64, found),
                    "stringData" if secret => find_entries(item, path, Encoding::Plain, found),
                    "metadata" if object => {
                        find_strangers(item, path, found);
                        find_secrets(item, path, found);
                    }
                    name if object && !OPEN_IN_SECRET.contains(&name) => {
                        find_entries(item, path, Encoding::Plain, found);
                    }
                    _ => find_secrets(item, path, found),
                });
            }
        }
    }
}

/// Whether this is a Secret of the core group, or was meant to be one: what is written in the wrong case or with a
/// wrong version is refused by the API server, when the log has it already. Kinds of that name in other groups
/// are their own business.
fn is_core_secret(map: &serde_json::Map<String, Value>) -> bool {
    let text = |key| map.get(key).and_then(Value::as_str);
    let core =
        text("apiVersion").is_some_and(|version| !version.contains('/') || version.starts_with("core/"));
    core && text("kind").is_some_and(|kind| kind.eq_ignore_ascii_case("Secret"))
}

/// Whatever a Secret's metadata holds that is no field of it.
fn find_strangers(metadata: &Value, path: &mut String, found: &mut BTreeMap<String, Encoding>) {
    let fields = metadata.as_object().into_iter().flatten();
    for (name, item) in fields.filter(|(name, _)| !METADATA.contains(&name.as_str())) {
        descend(name, path, |path| find_entries(item, path, Encoding::Plain, found));
    }
}

/// Each entry of a Secret's map; something else than a map as a whole.
fn find_entries(map: &Value, path: &mut String, encoding: Encoding, found: &mut BTreeMap<String, Encoding>) {
    match map {
        Value::Null => {}
        Value::Object(entries) => {
            for (name, _) in entries.iter().filter(|(_, value)| !value.is_null()) {
                descend(name, path, |path| found.insert(path.clone(), encoding));
            }
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            found.insert(path.clone(), Encoding::Plain);
        }
    }
}

/// Runs `inside` with `name` appended to the JSON pointer.
fn descend<T>(name: &str, path: &mut String, inside: impl FnOnce(&mut String) -> T) -> T {
    let length = path.len();
    path.push('/');
    // Most names need no escape, and every name of every object passes here.
    if name.contains(['~', '/']) {
        path.push_str(&name.replace('~', "~0").replace('/', "~1"));
    } else {
        path.push_str(name);
    }
    let result = inside(path);
    path.truncate(length);
    result
}

/// The first byte keeps apart: bytes, and values that are no text or do not decode.
fn marker(value: &Value, encoding: Encoding, secret: &[u8; 32], key: &InstallKey) -> String {
    let bytes = match (value, encoding) {
        (Value::String(text), Encoding::Plain) => Some(text.as_bytes().to_vec()),
        (Value::String(text), Encoding::Base64) => decode_base64(text),
        _ => None,
    };
    let hash = match bytes {
        Some(bytes) => keyed_hash(secret, &[b"b", &zeroize::Zeroizing::new(bytes)]),
        None => keyed_hash(secret, &[b"j", &zeroize::Zeroizing::new(canonical_json(value))]),
    };
    format!("hmac:{}:{}", key.key_id(), hex(&hash))
}

#[cfg(test)]
mod tests;
