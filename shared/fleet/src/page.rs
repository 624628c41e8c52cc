//! docs/definitions.md, made from the schemas.

use serde_json::Value;

use crate::{Kind, schema};

const HEAD: &str = include_str!("page.md");

/// The page about definitions: every field with its type, its default and its meaning.
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    for kind in Kind::ALL {
        let schema = schema(kind);
        page.push_str(&format!("\n## `{}`\n\n{}\n\n", kind.word(), text(&schema, "description")));
        page.push_str("| field | type | default | meaning |\n|---|---|---|---|\n");
        if let Some(parts) = schema.get("properties").and_then(Value::as_object) {
            for part in ["metadata", "spec"] {
                if let Some(part_schema) = parts.get(part) {
                    rows(&mut page, part, part_schema);
                }
            }
        }
    }
    page
}

/// One row for every field below, however deep.
fn rows(page: &mut String, path: &str, schema: &Value) {
    let Some(fields) = schema.get("properties").and_then(Value::as_object) else { return };
    let required = schema.get("required").and_then(Value::as_array);
    for (name, field) in fields {
        let path = format!("{path}.{name}");
        let is_required = required.is_some_and(|names| names.iter().any(|required| required == name));
        let default = if is_required { "required".to_owned() } else { default(field) };
        let meaning = meaning(field).replace('|', "\\|");
        page.push_str(&format!("| `{path}` | {} | {default} | {meaning} |\n", type_of(field)));
        rows(page, &path, field);
        if let Some(items) = field.get("items") {
            rows(page, &format!("{path}[]"), items);
        }
    }
}

fn meaning(field: &Value) -> String {
    let mut meaning = text(field, "description").to_owned();
    for form in field.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
        let word = form.get("const").and_then(Value::as_str).unwrap_or_default();
        meaning.push_str(&format!(" `{word}`: {}", text(form, "description")));
    }
    meaning
}

fn text<'v>(schema: &'v Value, key: &str) -> &'v str {
    schema.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn type_of(field: &Value) -> &'static str {
    if field.get("oneOf").is_some() {
        return "one of";
    }
    match text(field, "type") {
        "object" => match field.get("additionalProperties").and_then(|inner| inner.get("type")) {
            Some(_) => "map of text",
            None => "map",
        },
        "array" => match field.pointer("/items/type").and_then(Value::as_str) {
            Some("string") => "list of text",
            Some(_) | None => "list of maps",
        },
        "integer" => "number",
        "boolean" => "true or false",
        _ => "text",
    }
}

/// Empty containers, and maps whose own fields have defaults, need no telling.
fn default(field: &Value) -> String {
    match field.get("default") {
        None | Some(Value::Object(_)) => String::new(),
        Some(Value::Array(items)) if items.is_empty() => String::new(),
        Some(Value::String(text)) => format!("`{text}`"),
        Some(Value::Null) => String::new(),
        Some(value @ (Value::Array(_) | Value::Bool(_) | Value::Number(_))) => format!("`{value}`"),
    }
}

/// The YAML examples of the page.
#[cfg(test)]
fn examples() -> Vec<&'static str> {
    HEAD.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    /// Holds a file of the repository against what is made from the types; `DRIFTLESS_REWRITE=1` writes it anew.
    fn hold(path: &str, made: &str) {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
        if std::env::var_os("DRIFTLESS_REWRITE").is_some() {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, made).unwrap();
        }
        let found = fs::read_to_string(&file).unwrap_or_default();
        assert!(found == made, "{path} is stale: run the tests of this crate with DRIFTLESS_REWRITE=1");
    }

    #[test]
    fn the_page_is_the_one_in_the_repository() {
        hold("docs/definitions.md", &page());
    }

    #[test]
    fn the_schemas_are_those_in_the_repository() {
        for kind in Kind::ALL {
            let text = serde_json::to_string_pretty(&schema(kind)).unwrap() + "\n";
            hold(&format!("deploy/schemas/{}.json", kind.word().to_lowercase()), &text);
        }
    }

    #[test]
    fn the_examples_of_the_page_are_a_set() {
        let examples = examples();
        assert!(!examples.is_empty());
        for example in examples {
            let documents = manifest::parse_file("fleet.yaml", example.as_bytes()).unwrap();
            let reading = crate::read(&documents);
            assert_eq!(reading.problems, [], "{example}");
            assert!(reading.set.is_some());
        }
    }

    #[test]
    fn every_field_is_explained() {
        for row in page().lines().filter(|row| row.starts_with("| `")) {
            let cells: Vec<&str> = row.split(" | ").collect();
            assert!(cells.len() == 4 && cells[3].len() > 4, "{row}");
        }
        assert!(page().contains("| `spec.ignore[].pointers` | list of text |"));
        assert!(page().contains("| `spec.targets` | map | required |"));
        assert!(page().contains("| `spec.guard.maxPrunePercent` | number | `30` |"));
    }
}
