//! JSON Schemas of the documents, made from the types that are read.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::{
    API_VERSION, Kind,
    document::{Metadata, application::ApplicationSpec, cluster::ClusterSpec, source::SourceSpec},
};

/// The JSON Schema of a kind, draft 2020-12, without references to other places.
pub fn schema(kind: Kind) -> Value {
    let spec = match kind {
        Kind::Source => of_type::<SourceSpec>(),
        Kind::Cluster => of_type::<ClusterSpec>(),
        Kind::Application => of_type::<ApplicationSpec>(),
    };
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind.word(),
        "description": spec.get("description"),
        "type": "object",
        "properties": {
            "apiVersion": {"description": "The version of this form.", "const": API_VERSION},
            "kind": {"description": "What it defines.", "const": kind.word()},
            "metadata": of_type::<Metadata>(),
            "spec": spec,
        },
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "additionalProperties": false,
    })
}

fn of_type<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    if let Some(map) = schema.as_object_mut() {
        map.retain(|key, _| !matches!(key.as_str(), "$schema" | "title"));
    }
    tidy(&mut schema);
    schema
}

/// Says of an optional field that it may be left out, not that it may be null: leaving out is what people do, and
/// null is taken for it.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Object(map) => {
            map.retain(|key, value| !(key == "default" && value.is_null()) && key != "format");
            one_type(map);
            one_form(map);
            map.values_mut().for_each(tidy);
            if let Some(description) = map.get_mut("description") {
                unwrap_lines(description);
            }
        }
    }
}

/// `type: [string, null]` → `type: string`.
fn one_type(map: &mut Map<String, Value>) {
    let Some(Value::Array(types)) = map.get("type") else { return };
    let mut types = types.iter().filter(|name| *name != "null").cloned();
    if let (Some(only), None) = (types.next(), types.next()) {
        map.insert("type".to_owned(), only);
    }
}

/// `anyOf: [X, {type: null}]` → X; the description of the field goes before that of the type.
fn one_form(map: &mut Map<String, Value>) {
    let Some(Value::Array(forms)) = map.get_mut("anyOf") else { return };
    forms.retain(|form| form.get("type") != Some(&Value::String("null".to_owned())));
    if forms.len() == 1
        && let Some(Value::Object(form)) = forms.pop()
    {
        map.shift_remove("anyOf");
        for (key, value) in form {
            map.entry(key).or_insert(value);
        }
    }
}

/// Comments are broken into lines where their source ends, which means nothing.
fn unwrap_lines(description: &mut Value) {
    if let Value::String(text) = description {
        *text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    }
}
