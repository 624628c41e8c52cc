//! Maps that hold text only: labels, annotations, the data of ConfigMaps and Secrets. The API server refuses
//! anything else in them, without a line number; here the unquoted `1.0` is found before anything is applied.

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::Value;

use crate::Problem;

/// Go's decoder, which the API server uses: padding required, stray trailing bits let through.
/// Source: Go `encoding/base64.StdEncoding`.
const LIKE_GO: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// Decodes base64 as the API server does: line breaks are ignored.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let text: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    LIKE_GO.decode(text).ok()
}

/// Encodes as the API server does.
pub(crate) fn encode_base64(bytes: &[u8]) -> String {
    LIKE_GO.encode(bytes)
}

/// Whether this is a Secret of the core group.
pub(crate) fn is_secret(value: &Value) -> bool {
    let says = |key, text| value.get(key).and_then(Value::as_str) == Some(text);
    says("apiVersion", "v1") && says("kind", "Secret")
}

/// Finds the first entry of such a map that is no text, or is not base64 where it must be. Nulls pass: they
/// are dropped later.
pub(crate) fn check(value: &Value) -> Result<(), Problem> {
    check_map(value.pointer("/metadata/labels"), "metadata.labels")?;
    check_map(value.pointer("/metadata/annotations"), "metadata.annotations")?;
    let is_config = ["apiVersion", "kind"].map(|key| value.get(key).and_then(Value::as_str))
        == [Some("v1"), Some("ConfigMap")];
    if is_config || is_secret(value) {
        check_map(value.get("data"), "data")?;
    }
    if is_secret(value) {
        check_map(value.get("stringData"), "stringData")?;
        for (key, value) in value.get("data").and_then(Value::as_object).into_iter().flatten() {
            if value.as_str().is_some_and(|text| decode_base64(text).is_none()) {
                return Err(Problem::NotBase64 { key: key.clone() });
            }
        }
    }
    Ok(())
}

fn check_map(map: Option<&Value>, path: &str) -> Result<(), Problem> {
    let entries = match map {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::Object(entries)) => entries,
        Some(_) => return Err(Problem::NotATextMap { path: path.to_owned() }),
    };
    match entries.iter().find(|(_, value)| !value.is_string() && !value.is_null()) {
        Some((key, _)) => Err(Problem::NotQuoted { path: format!("{path}.{key}") }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unquoted_values_are_found_where_text_is_required() {
        let quoted = |path: &str| Err(Problem::NotQuoted { path: path.into() });
        for (value, result) in [
            (json!({"metadata": {"labels": {"version": 1.0}}}), quoted("metadata.labels.version")),
            (json!({"metadata": {"annotations": {"on": true}}}), quoted("metadata.annotations.on")),
            (json!({"metadata": {"labels": {"a": null, "b": "1"}, "annotations": null}}), Ok(())),
            (json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"port": 80}}), quoted("data.port")),
            (json!({"apiVersion": "x/v1", "kind": "ConfigMap", "data": {"port": 80}}), Ok(())),
            (
                json!({"apiVersion": "v1", "kind": "Secret", "stringData": {"pin": 1}}),
                quoted("stringData.pin"),
            ),
            (
                json!({"metadata": {"labels": []}}),
                Err(Problem::NotATextMap { path: "metadata.labels".into() }),
            ),
            (
                json!({"apiVersion": "v1", "kind": "Secret", "data": {"pin": "hunter2!"}}),
                Err(Problem::NotBase64 { key: "pin".into() }),
            ),
            (json!({"apiVersion": "v1", "kind": "Secret", "data": {"pin": "aHVu\ndGVyMg==\n"}}), Ok(())),
        ] {
            assert_eq!(check(&value), result, "{value}");
        }
    }

    #[test]
    fn base64_reads_as_go_reads_it() {
        for (text, bytes) in [
            ("", Some(&b""[..])),
            ("YQ==", Some(b"a")),
            ("YR==", Some(b"a")),
            ("Y\r\nQ==\n", Some(b"a")),
            ("YQ", None),
            ("YQ= =", None),
            ("YQ==YQ==", None),
            ("_w==", None),
        ] {
            assert_eq!(decode_base64(text).as_deref(), bytes, "{text:?}");
        }
    }
}
