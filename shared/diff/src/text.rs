//! Changes as text for a terminal or a log.

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use crate::{Change, FieldChange};

/// Most lines shown of one value; the rest is counted.
const LINES_MAX: usize = 60;
/// Longest texts, in lines, that are compared line by line: the comparison takes time with their product.
const COMPARED_LINES_MAX: usize = 2_000;
/// Unchanged lines shown around changed ones.
const CONTEXT_LINES: usize = 2;

/// How text is dressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Characters only.
    Plain,
    /// ANSI colours.
    Coloured,
}

/// Changes as lines: the path, then `-` before what was and `+` before what is. Control characters of hostile
/// values are escaped. Empty if nothing changed.
pub fn render_diff(changes: &[FieldChange], style: Style) -> String {
    let mut page = Page { style, text: String::new() };
    for FieldChange { path, change } in changes {
        page.line(Tone::Path, "  ", if path.is_empty() { "(all)" } else { path });
        match change {
            Change::Added { value } => page.value(Tone::New, value),
            Change::Removed { value } => page.value(Tone::Old, value),
            Change::Changed { old: Value::String(old), new: Value::String(new) }
                if old.contains('\n') || new.contains('\n') =>
            {
                page.texts(old, new);
            }
            Change::Changed { old, new } => {
                page.value(Tone::Old, old);
                page.value(Tone::New, new);
            }
            Change::Reordered { old, new } => {
                page.line(Tone::Old, "-   ", &format!("order: {}", old.join(" ")));
                page.line(Tone::New, "+   ", &format!("order: {}", new.join(" ")));
            }
        }
    }
    page.text
}

#[derive(Clone, Copy)]
enum Tone {
    Path,
    Old,
    New,
    Same,
}

struct Page {
    style: Style,
    text: String,
}

impl Page {
    fn line(&mut self, tone: Tone, prefix: &str, line: &str) {
        let (before, after) = match (self.style, tone) {
            (Style::Plain, _) | (Style::Coloured, Tone::Same) => ("", ""),
            (Style::Coloured, Tone::Path) => ("\x1b[1m", "\x1b[0m"),
            (Style::Coloured, Tone::Old) => ("\x1b[31m", "\x1b[0m"),
            (Style::Coloured, Tone::New) => ("\x1b[32m", "\x1b[0m"),
        };
        self.text.push_str(before);
        self.text.push_str(prefix);
        line.chars().for_each(|c| push_clean(&mut self.text, c));
        self.text.push_str(after);
        self.text.push('\n');
    }

    fn marked(&mut self, tone: Tone, line: &str) {
        let prefix = match tone {
            Tone::Old => "-   ",
            Tone::New => "+   ",
            Tone::Path | Tone::Same => "    ",
        };
        self.line(tone, prefix, line);
    }

    fn value(&mut self, tone: Tone, value: &Value) {
        let text = match value {
            Value::String(text) if text.contains('\n') => text.clone(),
            Value::Array(_) | Value::Object(_) => serde_json::to_string_pretty(value).unwrap_or_default(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
        };
        for line in text.lines().take(LINES_MAX) {
            self.marked(tone, line);
        }
        self.more(text.lines().count().saturating_sub(LINES_MAX));
    }

    /// Two texts of several lines, compared by line.
    fn texts(&mut self, old: &str, new: &str) {
        if old.lines().count().max(new.lines().count()) > COMPARED_LINES_MAX {
            self.value(Tone::Old, &old.into());
            self.value(Tone::New, &new.into());
            return;
        }
        let diff = TextDiff::from_lines(old, new);
        let mut lines = Vec::new();
        for (i, group) in diff.grouped_ops(CONTEXT_LINES).iter().enumerate() {
            if i > 0 {
                lines.push((Tone::Same, "…"));
            }
            for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
                let tone = match change.tag() {
                    ChangeTag::Delete => Tone::Old,
                    ChangeTag::Insert => Tone::New,
                    ChangeTag::Equal => Tone::Same,
                };
                lines.push((tone, change.value().trim_end_matches('\n')));
            }
        }
        for (tone, line) in lines.iter().take(LINES_MAX) {
            self.marked(*tone, line);
        }
        self.more(lines.len().saturating_sub(LINES_MAX));
    }

    fn more(&mut self, lines: usize) {
        if lines > 0 {
            self.marked(Tone::Same, &format!("… {lines} more lines"));
        }
    }
}

/// Keeps a value from steering the terminal or turning the reading direction.
fn push_clean(text: &mut String, c: char) {
    let turning = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if c == '\t' {
        text.push_str("    ");
    } else if c.is_control() || turning {
        text.extend(c.escape_unicode());
    } else {
        text.push(c);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Scope, field_diff};

    fn check(old: Value, new: Value, expected: &str) {
        assert_eq!(render_diff(&field_diff(&old, &new, Scope::Intent), Style::Plain), expected);
    }

    #[test]
    fn each_change_reads_well() {
        check(
            json!({"spec": {"replicas": 2, "paused": true, "list": [{"name": "a"}, {"name": "b"}]}}),
            json!({"spec": {"replicas": 3, "env": {"a": "b"}, "list": [{"name": "b"}, {"name": "a"}]}}),
            "  spec.env\n+   {\n+     \"a\": \"b\"\n+   }\n  spec.list\n-   order: [name=a] [name=b]\n\
             +   order: [name=b] [name=a]\n  spec.paused\n-   true\n  spec.replicas\n-   2\n+   3\n",
        );
        check(json!({"a": 1}), json!({"a": 1}), "");
    }

    #[test]
    fn texts_are_compared_by_line() {
        let lines = |changed: &str| {
            (0..20)
                .map(|i| if i == 10 { format!("{changed}\n") } else { format!("{i}\n") })
                .collect::<String>()
        };
        check(
            json!({"data": {"app.conf": lines("old")}}),
            json!({"data": {"app.conf": lines("new")}}),
            "  data[\"app.conf\"]\n    8\n    9\n-   old\n+   new\n    11\n    12\n",
        );
    }

    #[test]
    fn values_cannot_steer_the_terminal() {
        let change = |text: &str| {
            render_diff(&field_diff(&json!({"a": ""}), &json!({"a": text}), Scope::Intent), Style::Plain)
        };
        assert_eq!(change("x\x1b[2J\u{202e}\n"), "  a\n+   x\\u{1b}[2J\\u{202e}\n");
        let path = render_diff(&field_diff(&json!({}), &json!({"a\x1b[2J": 1}), Scope::Intent), Style::Plain);
        assert!(!path.contains('\x1b'), "{path:?}");
    }

    #[test]
    fn long_values_are_cut_with_a_count() {
        let long = "x\n".repeat(COMPARED_LINES_MAX + 1);
        let shown =
            render_diff(&field_diff(&json!({"a": "y"}), &json!({"a": long}), Scope::Intent), Style::Plain);
        assert_eq!(shown.lines().count(), 1 + 1 + LINES_MAX + 1);
        assert!(shown.ends_with("… 1941 more lines\n"), "{shown}");
    }

    #[test]
    fn colours_are_closed_on_every_line() {
        let shown =
            render_diff(&field_diff(&json!({"a": 1}), &json!({"a": 2}), Scope::Intent), Style::Coloured);
        assert_eq!(shown, "\x1b[1m  a\x1b[0m\n\x1b[31m-   1\x1b[0m\n\x1b[32m+   2\x1b[0m\n");
    }
}
