//! The tools' own words, made fit for people: where, what, and nothing of this machine.

use std::path::Path;

use manifest::Artifact;

use crate::{EngineError, Place, process::Ended};

/// Longest message, in characters: it ends up in an event.
const MESSAGE_CHARS_MAX: usize = 1000;

/// Longest dump of an object that is kept, in characters; longer ones may hold secret values.
const DUMP_CHARS_MAX: usize = 24;

/// Endings of files that tools name.
const ENDINGS: [&str; 6] = [".yaml", ".yml", ".tpl", ".json", ".txt", "Kustomization"];

/// What stands for what in a tool's words.
pub(crate) struct Names<'a> {
    pub artifact: &'a Artifact,
    /// The temporary folder.
    pub root: &'a Path,
    /// Prefixes that tools print, and what they are in the artifact.
    pub prefixes: Vec<(String, String)>,
}

/// The error of a run that ended badly.
pub(crate) fn failure(program: &'static str, ended: &Ended, names: &Names<'_>) -> EngineError {
    let text = String::from_utf8_lossy(&ended.errors);
    let message = message(&text, names.root);
    EngineError::Failed { program, place: place(&message, names), message }
}

/// The lines from `Error:` on, in one; warnings before it and usage after it are no news.
pub(crate) fn message(text: &str, root: &Path) -> String {
    let mut text = text.replace(&format!("{}/", root.display()), "");
    text = text.replace(&root.display().to_string(), ".");
    let start = text.find("Error: ").map_or(0, |at| at + "Error: ".len());
    let lines = text[start..].lines().map(str::trim).filter(|line| !line.is_empty());
    let joined = lines.take_while(|line| !line.starts_with("Use --debug")).collect::<Vec<_>>().join(" ");
    let folded = fold_dumps(&joined);
    let cut: String = folded.chars().filter(|c| !c.is_control()).take(MESSAGE_CHARS_MAX).collect();
    if cut.is_empty() { "it gave no reason".to_owned() } else { cut }
}

/// Takes user info, queries and our own ports out of addresses: the first two may be secrets, and a port that is
/// another one each time would make old news look new.
pub(crate) fn plain_addresses(message: &str) -> String {
    let plain = |word: &str| match word.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            let kept = path.split(['?', '#']).next().unwrap_or_default();
            let end = if kept.len() < path.len() { "?…" } else { "" };
            format!("{scheme}://{host}{kept}{end}")
        }
        None => word.split_once("->").map_or(word, |(_, to)| to).to_owned(),
    };
    message.split_whitespace().map(plain).collect::<Vec<_>>().join(" ")
}

/// Replaces printed objects (`{"a":…}`, `map[a:…]`) by `{…}`: tools print what they could not use, and that may
/// be a Secret.
fn fold_dumps(text: &str) -> String {
    let mut folded = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(['{', '[']) {
        let (before, dump) = rest.split_at(start);
        folded.push_str(before);
        let end = dump_end(dump);
        let (dump, after) = dump.split_at(end);
        let long = dump.chars().count() > DUMP_CHARS_MAX && dump.contains(':');
        folded.push_str(if long { "{…}" } else { dump });
        rest = after;
    }
    folded + rest
}

/// The length of the bracketed text at the start; all of it if it is not closed.
fn dump_end(text: &str) -> usize {
    let mut depth = 0usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + c.len_utf8();
        }
    }
    text.len()
}

/// The last file that the message names, which is the innermost; its line if one follows.
fn place(message: &str, names: &Names<'_>) -> Option<Place> {
    let separator = |c: char| c.is_whitespace() || "()'\"`,<>".contains(c);
    let mut found: Option<Place> = None;
    for word in message.split(separator) {
        let word = word.trim_end_matches([':', '.', ';']);
        let (file, line) = split_line(word);
        if ENDINGS.iter().any(|ending| file.ends_with(ending)) {
            let file = in_artifact(file, names);
            let again = found.as_ref().is_some_and(|found| found.file == file);
            if again && line.is_none() {
                continue;
            }
            // What is not in the artifact is named only while nothing better is.
            let is_better = |found: &Place| names.artifact.get(&found.file).is_none();
            if names.artifact.get(&file).is_some() || found.as_ref().is_none_or(is_better) {
                found = Some(Place { file, line });
            }
        }
    }
    let place = found?;
    let line = place.line.or_else(|| line_after(message));
    Some(Place { line, ..place })
}

/// `web/templates/a.yaml:3:4` is a file, a line and a column.
fn split_line(word: &str) -> (&str, Option<u32>) {
    match word.split_once(':') {
        Some((file, rest)) => (file, rest.split(':').next().and_then(|line| line.parse().ok())),
        None => (word, None),
    }
}

/// `yaml: line 5: …` counts in the rendered text for Helm and in the file for kustomize; both are hints.
fn line_after(message: &str) -> Option<u32> {
    let rest = message.split("line ").nth(1)?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn in_artifact(file: &str, names: &Names<'_>) -> String {
    let known = names.prefixes.iter().find_map(|(printed, meant)| {
        file.strip_prefix(printed.as_str()).map(|rest| format!("{meant}{rest}"))
    });
    known.unwrap_or_else(|| file.trim_start_matches("./").to_owned())
}

#[cfg(test)]
mod tests {
    use manifest::{File, FileMode};

    use super::*;

    fn read(text: &str) -> (Option<String>, String) {
        let file = || File { mode: FileMode::Regular, bytes: Vec::new() };
        let paths =
            ["deploy/web/templates/d.yaml", "deploy/web/Chart.yaml", "app/kustomization.yaml", "app/x.yaml"];
        let artifact = Artifact::from_files(paths.map(|path| (path.to_owned(), file()))).unwrap();
        let names = Names {
            artifact: &artifact,
            root: Path::new("/tmp/r-1/files"),
            prefixes: vec![("web/".to_owned(), "deploy/web/".to_owned())],
        };
        let ended = Ended { success: false, output: Vec::new(), errors: text.into() };
        let EngineError::Failed { place, message, .. } = failure("tool", &ended, &names) else { panic!() };
        (place.map(|place| place.to_string()), message)
    }

    #[test]
    fn the_place_is_found_in_the_words_of_both_tools() {
        for (text, expected) in [
            (
                "Error: template: web/templates/d.yaml:5:14: executing \"web/templates/d.yaml\" at <.Values.a.b>: nil pointer",
                Some("deploy/web/templates/d.yaml:5"),
            ),
            (
                "Error: execution error at (web/templates/d.yaml:3:4): replicas is required\n\nUse --debug flag",
                Some("deploy/web/templates/d.yaml:3"),
            ),
            (
                "Error: YAML parse error on web/templates/d.yaml: error converting YAML to JSON: yaml: line 7: bad",
                Some("deploy/web/templates/d.yaml:7"),
            ),
            (
                "Error: accumulating resources: accumulation err='accumulating resources from 'x.yaml': \
                 MalformedYAMLError: yaml: line 4: mapping values are not allowed in File: x.yaml': \
                 evalsymlink failure on '/tmp/r-1/files/app/x.yaml'",
                Some("app/x.yaml:4"),
            ),
            ("Error: something else", None),
        ] {
            assert_eq!(read(text).0.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn addresses_lose_what_is_secret_or_chance() {
        for (text, expected) in [
            ("Get \"https://u:p@h/x\": no", "Get \"https://h/x\": no"),
            ("failed to fetch https://h/x.tgz?X-Sig=1 : 403", "failed to fetch https://h/x.tgz?… : 403"),
            ("read tcp 10.0.0.1:4711->10.0.0.2:443: reset", "read tcp 10.0.0.2:443: reset"),
        ] {
            assert_eq!(plain_addresses(text), expected);
        }
    }

    #[test]
    fn messages_hold_neither_this_machine_nor_dumps() {
        let (_, text) = read(
            "warning: x\nError: no match in /tmp/r-1/files/app/x.yaml for {\"data\":{\"password\":\"aHVudGVyMg==\"}} or map[password:hunter2 other:x]",
        );
        assert_eq!(text, "no match in app/x.yaml for {…} or map{…}");
        assert_eq!(read("").1, "it gave no reason");
        assert_eq!(read(&format!("Error: {}", "x".repeat(5000))).1.len(), MESSAGE_CHARS_MAX);
        assert_eq!(read("Error: {\"password\":\"unclosed-and-long-enough").1, "{…}");
    }
}
