//! The types of custom resources, from the structural schema of their definition.
//!
//! Source: apiextensions.k8s.io/v1 `JSONSchemaProps`.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use super::{Field, Items, Limits, Others, Relation, Struct, Type, Written, table::table};

/// The type of a custom resource: what its schema says, with the metadata that every object has.
pub(crate) fn structural(schema: &Value) -> Type {
    let mut root = object(schema);
    for name in ["apiVersion", "kind"] {
        root.fields.insert(name.to_owned(), field(Type::Text));
    }
    root.fields.insert("metadata".to_owned(), field(table().metadata.clone()));
    Type::Struct(Arc::new(root))
}

fn field(of: Type) -> Field {
    Field { of, written: Written::Given, default: None, patch: None, limits: Limits::default() }
}

fn object(schema: &Value) -> Struct {
    let mut fields = BTreeMap::new();
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        let mut field = field(of_schema(schema));
        field.default = schema.get("default").cloned();
        field.limits = Limits {
            nullable: schema["nullable"] == true,
            one_of: schema["enum"].as_array().cloned().unwrap_or_default(),
            minimum: schema["minimum"].as_f64(),
            maximum: schema["maximum"].as_f64(),
        };
        fields.insert(name.clone(), field);
    }
    let kept = schema["x-kubernetes-preserve-unknown-fields"] == true;
    let required = schema["required"].as_array().into_iter().flatten();
    Struct {
        relation: relation(schema),
        fields,
        others: if kept { Others::Kept } else { Others::Refused },
        required: required.filter_map(Value::as_str).map(str::to_owned).collect(),
    }
}

fn relation(schema: &Value) -> Relation {
    if schema["x-kubernetes-map-type"] == "atomic" { Relation::Atomic } else { Relation::Granular }
}

fn of_schema(schema: &Value) -> Type {
    if schema["x-kubernetes-int-or-string"] == true {
        return Type::Either;
    }
    match schema["type"].as_str() {
        Some("string") => Type::Text,
        Some("integer") => Type::Whole,
        Some("number") => Type::Number,
        Some("boolean") => Type::Truth,
        Some("array") => Type::List(Arc::new(of_schema(&schema["items"])), items(schema)),
        Some("object") if schema["additionalProperties"].is_object() => {
            Type::Map(Arc::new(of_schema(&schema["additionalProperties"])), relation(schema))
        }
        Some("object") if schema["properties"].is_object() => Type::Struct(Arc::new(object(schema))),
        Some("object") if schema["x-kubernetes-preserve-unknown-fields"] == true => Type::Any,
        // Without properties nothing may be in it.
        Some("object") => Type::Struct(Arc::new(object(schema))),
        _ => Type::Any,
    }
}

fn items(schema: &Value) -> Items {
    let keys = schema["x-kubernetes-list-map-keys"].as_array().into_iter().flatten();
    match schema["x-kubernetes-list-type"].as_str() {
        Some("map") => Items::Keyed(keys.filter_map(Value::as_str).map(str::to_owned).collect()),
        Some("set") => Items::Set,
        _ => Items::Atomic,
    }
}
