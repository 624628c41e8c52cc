//! The canonical form: one byte string per JSON value, whatever the order in which its keys came.

use model::Digest;
use serde_json::Value;

/// The value as JSON without white space, keys sorted by their UTF-8 bytes, numbers and text as
/// `serde_json` writes them.
pub fn canonical_json(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write_canonical(value, &mut out);
    out
}

/// Digest of [`canonical_json`].
pub fn canonical_digest(value: &Value) -> Digest {
    Digest::of(&canonical_json(value))
}

/// Appends [`canonical_json`] to `out`.
pub fn write_canonical(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => write_scalar(value, out),
        Value::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_canonical(item, out);
            }
            out.push(b']');
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| key.as_str());
            out.push(b'{');
            for (i, (key, item)) in entries.into_iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_text(key, out);
                out.push(b':');
                write_canonical(item, out);
            }
            out.push(b'}');
        }
    }
}

fn write_scalar(value: &Value, out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("writing a value to memory cannot fail");
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("writing text to memory cannot fail");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_sorted_at_every_depth() {
        let value = json!({"b": [{"z": 1, "a": null}], "a": {"é": 1.0, "e\"": -0.5, "E": true}});
        let text = String::from_utf8(canonical_json(&value)).unwrap();
        assert_eq!(text, r#"{"a":{"E":true,"e\"":-0.5,"é":1.0},"b":[{"a":null,"z":1}]}"#);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn order_of_keys_never_matters_order_of_items_does() {
        let digest = |text: &str| canonical_digest(&serde_json::from_str(text).unwrap());
        assert_eq!(digest(r#"{"a":1,"b":2}"#), digest(r#"{ "b" : 2, "a" : 1 }"#));
        assert_ne!(digest("[1,2]"), digest("[2,1]"));
        assert_ne!(digest("1"), digest("1.0"));
        assert_ne!(digest("1"), digest("\"1\""));
    }
}
