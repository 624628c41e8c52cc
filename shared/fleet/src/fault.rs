//! What is wrong within one document.

/// The rule that is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    /// A document is no definition.
    Kind,
    /// A field is unknown, missing or of the wrong type.
    Field,
    /// A field says something that cannot be.
    Value,
    /// Two definitions of one kind share a name.
    Duplicate,
    /// A definition names another one that there is not.
    Reference,
    /// An application goes nowhere.
    Targets,
    /// There is no definition at all.
    Empty,
}

/// A broken rule at a field, by JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub rule: Rule,
    pub pointer: String,
    /// A sentence without a full stop. It repeats no value but names.
    pub message: String,
    /// What to do, in a few words.
    pub remedy: String,
}

/// All that is wrong with a document.
#[derive(Debug, Default)]
pub(crate) struct Faults(pub Vec<Fault>);

impl Faults {
    /// A field with something that cannot be.
    pub fn value(&mut self, pointer: &str, problem: &str, remedy: &str) {
        let message = format!("{}: {problem}", shown(pointer));
        self.0.push(Fault {
            rule: Rule::Value,
            pointer: pointer.to_owned(),
            message,
            remedy: remedy.to_owned(),
        });
    }

    /// A field that is not as the schema has it.
    pub fn field(&mut self, pointer: &str, problem: &str, remedy: String) {
        let message = format!("{} {problem}", shown(pointer));
        self.0.push(Fault { rule: Rule::Field, pointer: pointer.to_owned(), message, remedy });
    }
}

/// A JSON pointer as people write it: `spec.ignore[0].kind`.
pub(crate) fn shown(pointer: &str) -> String {
    let mut text = String::new();
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        let plain = part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if part.parse::<usize>().is_ok() {
            text.push_str(&format!("[{part}]"));
        } else if plain && !part.is_empty() {
            text.push_str(if text.is_empty() { "" } else { "." });
            text.push_str(&part);
        } else {
            let part: String = part.chars().take(80).collect();
            text.push_str(&format!("[{part:?}]"));
        }
    }
    if text.is_empty() { "the document".to_owned() } else { text }
}

/// The pointer of a key below another.
pub(crate) fn below(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// The word that was probably meant: one or two slips of the pen away, or the same in other letters.
pub(crate) fn nearest<'w>(written: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let bound = if written.chars().count() < 4 { 1 } else { 2 };
    let distances = words.into_iter().map(|word| (distance(written, word), word));
    distances.filter(|(distance, _)| *distance <= bound).min().map(|(_, word)| word)
}

/// Levenshtein's distance, whatever the case.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) =
        (a.to_lowercase().chars().collect(), b.to_lowercase().chars().collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_pen_are_understood() {
        for (written, meant) in [
            ("taregts", Some("targets")),
            ("target", Some("targets")),
            ("SelfHeal", Some("selfHeal")),
            ("selfheal", Some("selfHeal")),
            ("url", None),
            ("completely", None),
        ] {
            assert_eq!(nearest(written, ["targets", "selfHeal", "source"]), meant, "{written}");
        }
    }

    #[test]
    fn pointers_read_as_paths() {
        for (pointer, text) in [
            ("", "the document"),
            ("/spec/ignore/0/kind", "spec.ignore[0].kind"),
            ("/metadata/labels/a.b~1c", "metadata.labels[\"a.b/c\"]"),
        ] {
            assert_eq!(shown(pointer), text);
        }
        assert_eq!(below("/metadata/labels", "a/b~c"), "/metadata/labels/a~1b~0c");
    }
}
