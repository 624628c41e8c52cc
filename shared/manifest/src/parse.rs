//! Reading files: YAML streams and JSON, strictly, into documents that know where they stood.

use std::fmt;

use model::RetryClass;
use serde_json::Value;
use serde_saphyr::{Options, Spanned, UserMessageFormatter, budget::Budget};

use crate::strict::{DEPTH_MAX, Strict};

/// Largest file, in bytes: three times the largest bundle of CRDs seen in the field.
pub const FILE_BYTES_MAX: usize = 16 << 20;
/// Most documents in one file; a rendered chart of 5 MB holds about 9,300.
pub const DOCUMENTS_MAX: usize = 50_000;
/// Most YAML nodes in one file, and most that aliases may add: what 16 MiB of ordinary manifests need, and
/// still under 300 MB of memory.
const NODES_MAX: usize = 2_000_000;

/// One document of a file, or one item of a `List` in it. Not shown by `Debug`: it may hold secrets.
#[derive(Clone, PartialEq)]
pub struct Document {
    /// Path of the file inside its artifact.
    pub file: String,
    /// Line of its first key, from 1; items of a `List` carry the list's.
    pub line: u32,
    /// What it says; never null.
    pub value: Value,
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({}:{})", self.file, self.line)
    }
}

/// Says where and why a file cannot be read. It repeats no value of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {message}")]
pub struct ParseError {
    /// Path of the file inside its artifact.
    pub file: String,
    /// Line, from 1; 0 if the whole file is meant.
    pub line: u32,
    /// Column, from 1; 0 if the whole line is meant.
    pub column: u32,
    /// What is wrong, as a fragment.
    pub message: String,
}

impl ParseError {
    /// Always [`RetryClass::Permanent`]: only a commit helps.
    pub fn class(&self) -> RetryClass {
        RetryClass::Permanent
    }

    /// `MANIFEST-SYNTAX`.
    pub fn code(&self) -> &'static str {
        "MANIFEST-SYNTAX"
    }

    /// What a person can do about it.
    pub fn remedy(&self) -> &'static str {
        "correct the file at this line and commit it"
    }
}

/// Reads every document of a file: JSON if the path ends in `.json`, else YAML as kubectl reads it. Empty
/// documents are left out, `List`s are replaced by their items.
///
/// # Errors
/// Permanent: not UTF-8, a syntax error, a duplicate key, or a bound on size, nodes, aliases or depth passed.
///
/// Source: kubectl (sigs.k8s.io/yaml), except that duplicate keys are errors and the keys `y`, `n`, `on`, …
/// stay text.
pub fn parse_file(path: &str, bytes: &[u8]) -> Result<Vec<Document>, ParseError> {
    let fail = |line, column, message: String| ParseError { file: path.to_owned(), line, column, message };
    if bytes.len() > FILE_BYTES_MAX {
        return Err(fail(0, 0, format!("the file is larger than {FILE_BYTES_MAX} bytes")));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let (line, column) = position(&bytes[..error.valid_up_to()]);
        fail(line, column, "not UTF-8 text".to_owned())
    })?;
    let roots = if path.ends_with(".json") { parse_json(text) } else { parse_yaml(text) };
    let roots = roots.map_err(|Fault { line, column, message }| fail(line, column, message))?;
    let mut documents = Vec::with_capacity(roots.len());
    for (line, value) in roots {
        flatten(value, &mut |value| documents.push(Document { file: path.to_owned(), line, value }));
    }
    Ok(documents)
}

struct Fault {
    line: u32,
    column: u32,
    message: String,
}

type Roots = Result<Vec<(u32, Value)>, Fault>;

fn parse_yaml(text: &str) -> Roots {
    let documents = serde_saphyr::from_multiple_with_options::<Spanned<Strict>>(text, options(DEPTH_MAX));
    let documents = documents.map_err(|error| {
        let at = error.location();
        let narrow = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        Fault {
            line: at.map_or(0, |at| narrow(at.line())),
            column: at.map_or(0, |at| narrow(at.column())),
            message: yaml_message(&error),
        }
    })?;
    let line = |at: u64| u32::try_from(at).unwrap_or(u32::MAX);
    Ok(documents.into_iter().map(|found| (line(found.referenced.line()), found.value.0)).collect())
}

/// The parser's own words, bounded. Its snippet of the file, which could show a secret, is switched off below.
fn yaml_message(error: &serde_saphyr::Error) -> String {
    let message = error.render_with_formatter(&UserMessageFormatter);
    let message = message.lines().next().unwrap_or_default();
    // The place is told before it.
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    message.chars().take(300).collect()
}

pub(crate) fn options(depth: usize) -> Options {
    let mut budget = Budget::default();
    budget.max_documents = DOCUMENTS_MAX;
    budget.max_nodes = NODES_MAX;
    budget.max_events = 4 * NODES_MAX;
    budget.max_depth = depth;
    budget.max_total_scalar_bytes = FILE_BYTES_MAX;
    let mut options = Options::default();
    options.budget = Some(budget);
    options.alias_limits.max_total_replayed_events = NODES_MAX;
    options.legacy_octal_numbers = true;
    options.with_snippet = false;
    options
}

fn parse_json(text: &str) -> Roots {
    let mut roots = Vec::new();
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Strict>();
    loop {
        let start = stream.byte_offset();
        let Some(next) = stream.next() else { return Ok(roots) };
        match next {
            Ok(Strict(Value::Null)) => {}
            Ok(Strict(value)) => roots.push((position(first_word(text, start)).0, value)),
            Err(error) => return Err(json_fault(&error)),
        }
        if roots.len() > DOCUMENTS_MAX {
            let message = format!("more than {DOCUMENTS_MAX} documents");
            return Err(Fault { line: 0, column: 0, message });
        }
    }
}

fn json_fault(error: &serde_json::Error) -> Fault {
    let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
    Fault { line: narrow(error.line()), column: narrow(error.column()), message: message.to_owned() }
}

/// Everything before the first byte at or after `start` that is not white space.
fn first_word(text: &str, start: usize) -> &[u8] {
    let blank = text[start..].bytes().take_while(u8::is_ascii_whitespace).count();
    &text.as_bytes()[..start + blank]
}

/// Line and column, from 1, of what follows `before`.
fn position(before: &[u8]) -> (u32, u32) {
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
    let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    (narrow(line), narrow(column))
}

/// Hands on the value, or the items of the list that it is. Depth is bounded by the reader.
///
/// Source: k8s.io/apimachinery `UnstructuredList`: items of a typed list that say nothing take kind and
/// version from it.
fn flatten(mut value: Value, emit: &mut impl FnMut(Value)) {
    let Some(item_kind) = list_kind(&value) else { return emit(value) };
    let api_version = value.get("apiVersion").cloned();
    let items = value.get_mut("items").map(Value::take);
    let Some(Value::Array(items)) = items else { return };
    for mut item in items {
        if let Some(map) = item.as_object_mut()
            && !map.contains_key("kind")
            && !item_kind.is_empty()
        {
            map.insert("kind".to_owned(), item_kind.clone().into());
            if let Some(version) = &api_version {
                map.entry("apiVersion").or_insert_with(|| version.clone());
            }
        }
        if !item.is_null() {
            flatten(item, emit);
        }
    }
}

/// What a list holds (`ConfigMap` for `ConfigMapList`, nothing for `List`), or `None` if it is no list: a
/// custom kind may well end in `List`, but then it has a name and no items.
fn list_kind(value: &Value) -> Option<String> {
    let item_kind = value.get("kind")?.as_str()?.strip_suffix("List")?;
    let items = value.get("items").is_some_and(Value::is_array);
    let named = value.pointer("/metadata/name").is_some();
    (item_kind.is_empty() || (items && !named)).then(|| item_kind.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(path: &str, text: &str) -> Vec<(u32, Value)> {
        let documents = parse_file(path, text.as_bytes()).unwrap();
        documents.into_iter().map(|document| (document.line, document.value)).collect()
    }

    fn refuse(path: &str, text: &str) -> ParseError {
        parse_file(path, text.as_bytes()).unwrap_err()
    }

    #[test]
    fn documents_know_their_lines_and_empty_ones_are_left_out() {
        let text =
            "# note\n---\n---\na: 1\n---\n# nothing\n---\n\n\nb: |\n  --- no separator\n...\n---\nnull\n";
        let expected = vec![(4, json!({"a": 1})), (10, json!({"b": "--- no separator\n"}))];
        assert_eq!(read("x.yaml", text), expected);
        assert_eq!(read("x.yaml", ""), vec![]);
        assert_eq!(read("x.yaml", "\u{feff}a: 1"), vec![(1, json!({"a": 1}))]);
        assert_eq!(read("x.yaml", "a: 1\r\n---\r\nb: 2\r\n").len(), 2);
    }

    #[test]
    fn json_files_may_hold_several_documents() {
        let text = "\n{\"a\":\t\"\\ud83d\\ude00\\/\"}\n null {\"b\": 1e2}";
        assert_eq!(read("x.json", text), vec![(2, json!({"a": "😀/"})), (3, json!({"b": 100.0}))]);
        assert_eq!(read("x.json", "  "), vec![]);
        assert_eq!(refuse("x.json", "{\"a\": 1,\n\"a\": 2}").message, "key \"a\" stands twice in one map");
        assert_eq!(refuse("x.json", "{\n\"a\" 1}").line, 2);
    }

    #[test]
    fn scalars_read_as_kubectl_reads_them() {
        for (text, value) in [
            ("0777", json!(511)),
            ("0o777", json!(511)),
            ("089", json!(89.0)),
            ("1_000", json!(1000)),
            ("yes", json!(true)),
            ("Off", json!(false)),
            ("'yes'", json!("yes")),
            ("12:30:45", json!("12:30:45")),
            ("2001-01-01", json!("2001-01-01")),
            ("~", json!(null)),
            ("1.5", json!(1.5)),
            ("1234e3", json!(1_234_000.0)),
            ("9223372036854775808", json!(9_223_372_036_854_775_808_u64)),
            ("18446744073709551616", json!(18_446_744_073_709_551_616.0)),
        ] {
            assert_eq!(read("x.yaml", &format!("a: {text}")), vec![(1, json!({"a": value}))], "{text}");
        }
        assert_eq!(read("x.yaml", "on: 1\n2: b"), vec![(1, json!({"on": 1, "2": "b"}))]);
        let merged = "a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3";
        assert_eq!(read("x.yaml", merged)[0].1, json!({"a": {"b": 1, "c": 2}, "d": {"c": 3, "b": 1}}));
    }

    #[test]
    fn faults_name_the_place() {
        let error = refuse("deploy/a.yaml", "a: 1\nb:\n  c: 1\n  c: 2\n");
        assert_eq!((error.line, error.column), (4, 3));
        assert!(error.message.contains("duplicate"), "{error}");
        assert!(error.to_string().starts_with("deploy/a.yaml:4:3: "), "{error}");
        assert_eq!(refuse("a.yaml", "a: 1\n---\nb: [1\n").line, 3);
        let not_text = parse_file("a.yaml", b"a: 1\nb: \xff").unwrap_err();
        assert_eq!((not_text.line, not_text.column), (2, 4));
    }

    #[test]
    fn what_json_cannot_hold_is_refused() {
        for text in ["a: .nan", "a: .inf", "a: 1e999", "? [a]\n: b"] {
            refuse("x.yaml", text);
        }
    }

    #[test]
    fn faults_repeat_no_value() {
        for text in [
            "password: \"hunter2",
            "password: 'hunter2\n",
            "hunter2: [",
            "- hunter2\nb: *hunter",
            "a: @hunter2",
        ] {
            assert!(
                !refuse("x.yaml", text).to_string().contains("hunter2"),
                "{text:?}: {}",
                refuse("x.yaml", text)
            );
        }
        assert!(!refuse("x.json", "{\"password\": \"hunter2}").to_string().contains("hunter2"));
    }

    #[test]
    fn bombs_are_stopped() {
        let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for i in 1..12 {
            let row = vec![format!("*a{}", i - 1); 10].join(", ");
            laughs.push_str(&format!("a{i}: &a{i} [{row}]\n"));
        }
        refuse("bomb.yaml", &laughs);
        let nested = |levels| "[".repeat(levels) + &"]".repeat(levels);
        assert_eq!(read("deep.yaml", &nested(DEPTH_MAX)).len(), 1);
        assert_eq!(read("deep.json", &nested(DEPTH_MAX)).len(), 1);
        refuse("deep.yaml", &nested(DEPTH_MAX + 1));
        refuse("deep.json", &nested(DEPTH_MAX + 1));
        refuse("deep.yaml", &"[".repeat(5_000));
        refuse("deep.yaml", &(0..5_000).map(|i| " ".repeat(i) + "a:\n").collect::<String>());
        refuse("deep.json", &"[".repeat(100_000));
        refuse("many.yaml", &"--- 1\n".repeat(DOCUMENTS_MAX + 1));
        refuse("large.yaml", &"#".repeat(FILE_BYTES_MAX + 1));
    }

    #[test]
    fn lists_become_their_items() {
        let text =
            "kind: List\napiVersion: v1\nitems:\n- {kind: A}\n- kind: List\n  items: [{kind: B}]\n- null\n";
        assert_eq!(read("x.yaml", text), vec![(1, json!({"kind": "A"})), (1, json!({"kind": "B"}))]);
        let typed = "{kind: ConfigMapList, apiVersion: v1, items: [{data: {}}]}";
        assert_eq!(read("x.yaml", typed)[0].1, json!({"data": {}, "kind": "ConfigMap", "apiVersion": "v1"}));
        assert_eq!(read("x.yaml", "{kind: List, apiVersion: v1, items: null}"), vec![]);
        let custom = "{kind: AllowList, metadata: {name: x}, items: [{}]}";
        assert_eq!(read("x.yaml", custom).len(), 1);
        assert_eq!(read("x.yaml", custom)[0].1["kind"], "AllowList");
    }
}
