//! `driftless audit verify`

use std::{
    cell::RefCell,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use auditor::{Continuity, Gap};
use events::Leaf;
use ledger::{
    Facts, Progress, Rules, VerifierKey,
    verify::{self, ReadTile},
};
use serde_json::{Value, json};

use super::opened::{self, Opened};
use crate::{
    cli::{Output, VerifyOptions},
    exit::Exit,
    problem::{DOCUMENT_VERSION, Problem},
    state_folder::chain,
    terminal,
};

/// What was found to be as it was recorded.
struct Verdict {
    /// In one line, for people.
    text: String,
    /// For programs; without what is missing.
    document: Value,
    /// What is missing in the log that the ledger follows.
    gaps: Vec<Gap>,
}

/// Checks what the options name.
pub fn verify(options: VerifyOptions) -> Result<Exit, Problem> {
    let verdict = match (&options.proof, &options.copy, &options.key) {
        (Some(proof), _, Some(key)) => of_proof(proof, opened::key(key)?)?,
        (None, Some(copy), Some(key)) => of_copy(copy, opened::key(key)?)?,
        (_, _, key) => of_ledger(&Opened::of(options.state)?, key.as_deref())?,
    };
    tell(&verdict, options.output);
    Ok(if verdict.gaps.iter().any(is_loss) { Exit::Failed } else { Exit::Success })
}

/// A ledger that began later than its log lacks the beginning, which nobody promised.
fn is_loss(gap: &Gap) -> bool {
    match gap {
        Gap::Versions { before, .. } => before.is_some(),
        Gap::Sequences { before, .. } => *before > 0,
    }
}

fn tell(verdict: &Verdict, output: Output) {
    let missing: Vec<String> = verdict.gaps.iter().map(ToString::to_string).collect();
    if output == Output::Json {
        let mut document = verdict.document.clone();
        document["version"] = json!(DOCUMENT_VERSION);
        document["missing"] = json!(missing);
        return terminal::line(&document.to_string());
    }
    terminal::line(&verdict.text);
    for (gap, text) in verdict.gaps.iter().zip(missing) {
        let word = if is_loss(gap) { "missing" } else { "begins later" };
        terminal::line(&format!("{word}: {text}"));
    }
}

/// What to do with what is not what was recorded.
const COMPARE: &str = "keep it as it is, and compare it with copies";

fn broken(error: &(dyn std::error::Error + 'static)) -> Problem {
    Problem::new("LEDGER-BROKEN", chain(error), COMPARE).ending(Exit::Failed)
}

fn of_proof(file: &Path, key: VerifierKey) -> Result<Verdict, Problem> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        Problem::new(
            "AUDIT-FILE",
            format!("{}: {error}", file.display()),
            "name a file that `audit proof` wrote",
        )
    })?;
    let proven = verify::verify_proof(&text, verify::Leaf::Inside, &[key]).map_err(|error| broken(&error))?;
    let leaf = Leaf::decode(&proven.leaf).map_err(|error| broken(&error))?;
    let (what, event) = match leaf {
        Leaf::Event(record) => (
            format!("{} {} of {}, {}", record.kind, record.n, record.aggregate, record.time),
            json!({"id": record.id.to_string(), "kind": record.kind, "aggregate": record.aggregate, "n": record.n,
                   "time": record.time.to_string()}),
        ),
        Leaf::Unreadable(entry) => {
            (format!("an entry of {} that could not be read", entry.aggregate), Value::Null)
        }
    };
    let text = format!(
        "proven: {what}\n  entry {} of {}, root {}, signed by {}",
        proven.index, proven.size, proven.root, proven.origin
    );
    let document = json!({"outcome": "Proven", "event": event, "index": proven.index, "size": proven.size,
        "root": proven.root.to_string(), "name": proven.origin.to_string()});
    Ok(Verdict { text, document, gaps: vec![] })
}

/// A copy in a folder.
struct Folder(PathBuf);

impl ReadTile for Folder {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        match std::fs::read(self.0.join(path)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }
}

fn of_copy(folder: &Path, key: VerifierKey) -> Result<Verdict, Problem> {
    let mut told = Told(0);
    let checked =
        verify::verify_directory(&Folder(folder.to_owned()), &[key], |done| told.entries(done, None));
    let checkpoint = checked.map_err(|error| broken(&error))?;
    let (size, root, name) = (checkpoint.size(), checkpoint.root(), checkpoint.origin());
    Ok(Verdict {
        text: format!("whole: {size} entries\n  root {root}, signed by {name}"),
        document: json!({"outcome": "Whole", "entries": size, "root": root.to_string(), "name": name.to_string()}),
        gaps: vec![],
    })
}

fn of_ledger(opened: &Opened, key: Option<&Path>) -> Result<Verdict, Problem> {
    let (view, key) = (opened.view()?, opened.key(key)?);
    let found = RefCell::new((Continuity::default(), Vec::new()));
    let facts = |leaf: &[u8]| -> Result<Facts, String> {
        let (continuity, gaps) = &mut *found.borrow_mut();
        let leaf = Leaf::decode(leaf).map_err(|error| error.to_string())?;
        gaps.extend(continuity.take(&leaf));
        Ok(auditor::facts_of(&leaf))
    };
    let mut told = Told(0);
    let keys = [key];
    view.verify(0, &Rules { keys: &keys, facts: &facts }, &mut |progress| match progress {
        Progress::Entries { done, of } => told.entries(done, Some(of)),
        // They follow the entries, and are far fewer.
        Progress::Bodies { done: _ } => {}
    })
    .map_err(|error| Problem::new(error.code(), chain(&error), COMPARE).ending(Exit::Failed))?;
    let unreadable = |error| opened::unreadable(&error);
    let root = view.root(view.size()).map_err(unreadable)?;
    let newest = view.newest_checkpoint().map_err(unreadable)?;
    let signed = newest.map_or(0, |newest| newest.checkpoint.size());
    let [name] = keys.each_ref().map(VerifierKey::name);
    let (entries, logs) = (view.size(), view.spans().len());
    Ok(Verdict {
        text: format!(
            "whole: {entries} entries from {logs} {}\n  root {root}; the first {signed} are signed by {name}",
            if logs == 1 { "log" } else { "logs" }
        ),
        document: json!({"outcome": "Whole", "entries": entries, "logs": logs, "root": root.to_string(),
            "signed": signed, "name": name}),
        gaps: found.into_inner().1,
    })
}

/// Entries between two lines of progress: some seconds.
const STRIDE: u64 = 100_000;

/// So many entries were told to be checked.
struct Told(u64);

impl Told {
    fn entries(&mut self, done: u64, of: Option<u64>) {
        if done < self.0 + STRIDE {
            return;
        }
        self.0 = done;
        let all = of.map(|of| format!(" of {of}")).unwrap_or_default();
        terminal::progress(&format!("{done}{all} entries checked"));
    }
}
