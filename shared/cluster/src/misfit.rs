//! Reads what of a manifest does not fit the schema of its kind.
//!
//! The API server answers 500 without a reason to such an apply, whatever the field validation; only its fixed
//! sentence tells it from a fault of the server, which would be tried again.
//! Source: apimachinery, managedfields/internal/structuredmerge.go and structured-merge-diff, typed/helpers.go.

use crate::{
    Misfit,
    status::{About, Quoting},
};

/// Most fields that are kept.
const FIELDS_MAX: usize = 100;

/// Longest field and problem that are kept, in characters: a list key can be any text.
const CHARS_MAX: usize = 300;

/// How the sentence begins.
const SENTENCE: &str = "failed to create typed patch object (";

/// The fields that the message of a 500 complains of; `None` if it is about something else. Values are left out.
pub(crate) fn misfits(message: &str, about: &About) -> Option<Vec<Misfit>> {
    let (_, complaints) = message.strip_prefix(SENTENCE)?.split_once("): ")?;
    let lines = complaints.strip_prefix("errors:\n").unwrap_or(complaints).lines().take(FIELDS_MAX);
    Some(lines.map(|line| misfit(line.trim(), about)).collect())
}

fn misfit(line: &str, about: &About) -> Misfit {
    let (field, problem) = line.split_at(end_of_path(line));
    // `expected string, got &value.valueUnstructured{..}`: what follows is a value.
    let problem = problem.trim_start_matches(": ").split(", got ").next().unwrap_or_default();
    let (field, problem) = match about.quoting {
        Quoting::Allowed => (field.to_owned(), problem),
        // List items are called by the values of their keys.
        Quoting::Withheld => (without_keys(field), if problem == UNDECLARED { problem } else { WITHHELD }),
    };
    let cut = |text: &str| text.chars().take(CHARS_MAX).collect();
    Misfit { field: cut(&field), problem: cut(problem) }
}

const UNDECLARED: &str = "field not declared in schema";
const WITHHELD: &str = "its value does not fit";

/// Where the path ends: at the first `: ` that is not in a quoted key.
fn end_of_path(line: &str) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    for (at, character) in line.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ':' if !quoted && line[at..].starts_with(": ") => return at,
            _ => {}
        }
    }
    line.len()
}

/// The path with the keys of list items left out.
fn without_keys(path: &str) -> String {
    let (mut bare, mut quoted, mut escaped, mut inside) = (String::new(), false, false, false);
    for character in path.chars() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '[' if !quoted => inside = true,
            ']' if !quoted => {
                inside = false;
                bare.push_str("[*]");
            }
            _ if inside => {}
            _ => bare.push(character),
        }
    }
    bare
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(message: &str, quoting: Quoting) -> Option<Vec<String>> {
        let about = About { request: String::new(), object: None, quoting, sensitive: vec![] };
        let fields = misfits(message, &about)?;
        Some(fields.into_iter().map(|misfit| format!("{} | {}", misfit.field, misfit.problem)).collect())
    }

    #[test]
    fn fields_are_read_and_values_are_not() {
        use Quoting::{Allowed, Withheld};
        let begin = "failed to create typed patch object (/zz; apps/v1, Kind=Deployment): ";
        for (complaint, quoting, expected) in [
            (".dta: field not declared in schema", Allowed, vec![".dta | field not declared in schema"]),
            (".dta: field not declared in schema", Withheld, vec![".dta | field not declared in schema"]),
            (
                "errors:\n  .spec.replicas: expected numeric (int or float), got string\n  .spec.c[name=\"a: b\"].image: expected string, got &value.valueUnstructured{Value:true}",
                Allowed,
                vec![
                    ".spec.replicas | expected numeric (int or float)",
                    ".spec.c[name=\"a: b\"].image | expected string",
                ],
            ),
            (
                ".a[key=\"hunter2\"].b: duplicate entries for key [containerPort=1,protocol=\"TCP\"]",
                Allowed,
                vec![".a[key=\"hunter2\"].b | duplicate entries for key [containerPort=1,protocol=\"TCP\"]"],
            ),
            (
                ".a[key=\"hunter2]\\\"\"].b: duplicate entries for key [p=\"hunter2\"]",
                Withheld,
                vec![".a[*].b | its value does not fit"],
            ),
        ] {
            let found = told(&format!("{begin}{complaint}"), quoting);
            assert_eq!(found.unwrap_or_default(), expected, "{complaint}");
        }
        assert_eq!(told("etcdserver: request timed out", Allowed), None);
        assert_eq!(told("webhook: failed to create typed patch object (x): y", Allowed), None);
    }
}
