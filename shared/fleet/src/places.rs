//! Points at what is wrong: in the files that a fleet was rendered from.

use std::collections::BTreeMap;

use manifest::{Document, Places, parse_file};
use serde_json::Value;

use crate::Problem;

/// Files by path.
pub type Files<'a> = BTreeMap<&'a str, &'a [u8]>;

/// Finds out where documents that come from no file were written: at the first document of the same kind and name.
/// What templates made stays without a place.
pub fn find(documents: &mut [Document], files: &Files<'_>) {
    let mut written = BTreeMap::new();
    for (path, bytes) in files.iter().filter(|(path, _)| is_manifest(path)) {
        for document in parse_file(path, bytes).unwrap_or_default() {
            written.entry(identity(&document.value)).or_insert((document.file, document.line));
        }
    }
    for document in documents.iter_mut().filter(|document| document.file.is_empty()) {
        if let Some((file, line)) = written.get(&identity(&document.value)) {
            document.file.clone_from(file);
            document.line = *line;
        }
    }
}

fn is_manifest(path: &str) -> bool {
    [".yaml", ".yml", ".json"].iter().any(|ending| path.ends_with(ending))
}

fn identity(value: &Value) -> (Option<String>, Option<String>) {
    let text = |pointer| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    (text("/kind"), text("/metadata/name"))
}

/// Gives every problem the line and column of its field, and puts all in the order of the files.
pub fn point(problems: &mut [Problem], files: &Files<'_>) {
    let mut read = BTreeMap::new();
    for problem in problems.iter_mut().filter(|problem| problem.line > 0 && problem.column == 0) {
        let Some((path, bytes)) = files.get_key_value(problem.file.as_str()) else { continue };
        let places = read.entry(*path).or_insert_with(|| Places::of(bytes));
        if let Some((line, column)) = places.find(problem.line, &problem.pointer) {
            (problem.line, problem.column) = (line, column);
        }
    }
    problems.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
}
