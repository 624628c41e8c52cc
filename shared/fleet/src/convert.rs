//! From documents of the right shape to definitions: what each value says is checked here.

mod application;
mod cluster;
mod source;

pub(crate) use application::application;
pub(crate) use cluster::cluster;
pub(crate) use source::source;

use std::str::FromStr;

use manifest::SENSITIVE_ANNOTATION;
use model::name::{FLEET, NameError};
use serde_json::Value;

use crate::{
    document::Metadata,
    fault::{Faults, below},
};

/// Longest name of a namespace, in bytes. Source: RFC 1123 label.
const NAMESPACE_BYTES_MAX: usize = 63;

/// The name of a definition. One is reserved for the fleet repository itself.
fn name<N: FromStr<Err = NameError>>(text: &str, faults: &mut Faults) -> Option<N> {
    let pointer = "/metadata/name";
    if text == FLEET {
        faults.value(
            pointer,
            &format!("{FLEET} is what the fleet repository itself is called"),
            "choose another name",
        );
        return None;
    }
    named(text, pointer, faults)
}

/// A definition is kept and shown in clear; the renderer would put a mark in the place of a secret value.
pub(crate) fn secrets(metadata: &Metadata, faults: &mut Faults) {
    if metadata.annotations.contains_key(SENSITIVE_ANNOTATION) {
        let pointer = below("/metadata/annotations", SENSITIVE_ANNOTATION);
        let remedy = "keep the value out, and name the place where it is: a file or an environment variable";
        faults.value(&pointer, "a secret value has no place in a definition", remedy);
    }
}

/// Annotations by which other tools tell hooks from objects.
const HOOKS: [&str; 2] = ["helm.sh/hook", "argocd.argoproj.io/hook"];

/// A hook comes and goes, while what is defined is in force until a commit says otherwise.
pub(crate) fn hooks(metadata: &Metadata, faults: &mut Faults) {
    for hook in HOOKS.into_iter().filter(|hook| metadata.annotations.contains_key(*hook)) {
        let pointer = below("/metadata/annotations", hook);
        faults.value(&pointer, "a definition is no hook", "take the annotation away");
    }
}

/// A name, whatever it names.
fn named<N: FromStr<Err = NameError>>(text: &str, pointer: &str, faults: &mut Faults) -> Option<N> {
    let parsed = text.parse();
    if parsed.is_err() {
        let remedy = "use 1 to 63 of a-z, 0-9 and '-', beginning and ending with a letter or digit";
        faults.value(pointer, "this is not a name", remedy);
    }
    parsed.ok()
}

fn namespace(text: &str, pointer: &str, faults: &mut Faults) {
    let inner = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let edges = !text.is_empty() && !text.starts_with('-') && !text.ends_with('-');
    if !(inner && edges && text.len() <= NAMESPACE_BYTES_MAX) {
        let remedy = "use 1 to 63 of a-z, 0-9 and '-', beginning and ending with a letter or digit";
        faults.value(pointer, "this is not a namespace", remedy);
    }
}

/// Notes more than one of several ways that exclude each other.
fn at_most_one(ways: &[(&str, Option<()>)], pointer: &str, faults: &mut Faults) {
    let told: Vec<&str> = ways.iter().filter_map(|(way, told)| told.map(|()| *way)).collect();
    if told.len() > 1 {
        faults.value(pointer, &format!("{} exclude each other", told.join(" and ")), "keep one of them");
    }
}

/// The value without nulls, which mean the same as nothing.
pub(crate) fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        Value::Object(map) => {
            let kept = map.iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(key, value)| (key.clone(), without_nulls(value))).collect())
        }
    }
}
