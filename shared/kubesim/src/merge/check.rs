//! Whether a configuration is of its type.

use serde_json::Value;

use super::items::step;
use crate::{
    fields::{Step, shown},
    schema::{Items, Type},
};

/// Checks a value against its type; items of a list with equal keys are wrong too.
///
/// # Errors
/// Everything that is wrong, in the words of the real server.
pub(crate) fn check(of: &Type, value: &Value) -> Result<(), Vec<String>> {
    let mut check = Check { path: Vec::new(), problems: Vec::new() };
    check.value(of, value);
    if check.problems.is_empty() { Ok(()) } else { Err(check.problems) }
}

struct Check {
    path: Vec<Step>,
    problems: Vec<String>,
}

impl Check {
    fn problem(&mut self, what: &str) {
        self.problems.push(format!("{}: {what}", shown(&self.path)));
    }

    fn value(&mut self, of: &Type, value: &Value) {
        if value.is_null() {
            return;
        }
        match of {
            Type::Any => {}
            Type::Text | Type::Time if value.is_string() => {}
            Type::Whole | Type::Number if value.is_number() => {}
            Type::Truth if value.is_boolean() => {}
            Type::Quantity | Type::Either if value.is_string() || value.is_number() => {}
            Type::Map(..) | Type::Named(_) | Type::Struct(_) if value.is_object() => self.map(of, value),
            Type::List(of, items) if value.is_array() => self.list(of, items, value),
            Type::Text => self.problem(&format!("expected string, got {}", go(value))),
            Type::Whole | Type::Number => {
                self.problem(&format!("expected numeric (int or float), got {}", go(value)))
            }
            Type::Truth => self.problem(&format!("expected boolean, got {}", go(value))),
            Type::Quantity | Type::Either | Type::Time => self.problem("expected scalar"),
            Type::Map(..) | Type::Named(_) | Type::Struct(_) => {
                self.problem(&format!("expected map, got {}", go(value)));
            }
            Type::List(..) => self.problem(&format!("expected list, got {}", go(value))),
        }
    }

    fn map(&mut self, of: &Type, value: &Value) {
        for (name, value) in value.as_object().into_iter().flatten() {
            self.path.push(Step::Field(name.clone()));
            match of.child(name) {
                Some(child) => self.value(child, value),
                None => self.problem("field not declared in schema"),
            }
            self.path.pop();
        }
    }

    fn list(&mut self, of: &Type, items: &Items, value: &Value) {
        let mut seen = Vec::new();
        for (at, item) in value.as_array().into_iter().flatten().enumerate() {
            let step = match items {
                Items::Atomic => Step::Index(i64::try_from(at).unwrap_or(i64::MAX)),
                Items::Set | Items::Keyed(_) => match step(of, items, item) {
                    Ok(step) if seen.contains(&step) => {
                        let key = shown(&[step]);
                        self.problem(&format!("duplicate entries for key {key}"));
                        continue;
                    }
                    Ok(step) => step,
                    Err(problem) => {
                        self.problem(&format!("element {at}: {problem}"));
                        continue;
                    }
                },
            };
            seen.push(step.clone());
            self.path.push(step);
            self.value(of, item);
            self.path.pop();
        }
    }
}

/// A value as the real server's errors show it.
fn go(value: &Value) -> String {
    let shown = match value {
        Value::String(text) => format!("{text:?}"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            value.to_string()
        }
    };
    format!("&value.valueUnstructured{{Value:{shown}}}")
}
