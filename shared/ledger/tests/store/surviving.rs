//! `kill -9` of the process that appends.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
};

use ledger::{Archive, OpenError, Settings};

use crate::samples::*;

const FOLDER: &str = "LEDGER_CHILD_FOLDER";

/// Entries in a batch: small, so that the kill falls into all steps of an append.
const BATCH: u64 = 7;

/// The other process: appends and signs as fast as it can, and says what was acknowledged.
#[test]
#[ignore = "run by a_killed_process_loses_nothing_acknowledged as another process"]
fn child() {
    let folder = std::env::var(FOLDER).expect("only run by its parent");
    let ledger = open(Path::new(&folder));
    loop {
        // As after any restart, what is stored already comes again first.
        let size = ledger.view().unwrap().size();
        let appended = ledger.append(&batch((size.saturating_sub(3)..size + BATCH).map(plain))).unwrap();
        assert_eq!(appended.indexes, size..size + BATCH);
        say(&format!("stored {}", size + BATCH));
        if let Some(signed) = ledger.sign_checkpoint(&key(), at(0)).unwrap() {
            say(&format!("signed {}", signed.checkpoint.size()));
        }
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("SAYS {line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// Lets the child run until it has said something `lines` times, kills it, and reads what it said to the end.
fn run_and_kill(folder: &Path, lines: usize) -> (u64, u64) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "surviving::child", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut stored, mut signed, mut count) = (0, 0, 0);
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let Some((_, words)) = line.split_once("SAYS ") else { continue };
        // The kill may cut the last line short.
        let Some((what, Ok(size))) = words.split_once(' ').map(|(what, size)| (what, size.parse::<u64>()))
        else {
            continue;
        };
        match what {
            "stored" => stored = stored.max(size),
            _ => signed = signed.max(size),
        }
        count += 1;
        if count == lines {
            child.kill().unwrap();
        }
    }
    assert!(count >= lines, "the child ended by itself");
    child.wait().unwrap();
    (stored, signed)
}

#[test]
fn a_killed_process_loses_nothing_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    for round in 1..=5 {
        let (stored, signed) = run_and_kill(folder.path(), 11 * round);
        // Reading alone mends nothing: it says so, or the kill fell between two commits.
        match Archive::open(folder.path(), &Settings::default()) {
            Ok(archive) => verify(&archive.view().unwrap(), 0).unwrap(),
            Err(error) => assert!(matches!(error, OpenError::NotClosed { .. }), "{error}"),
        }
        let ledger = open(folder.path());
        let view = ledger.view().unwrap();
        // A number that was cut short is a smaller one.
        assert!(view.size() >= stored, "{stored} were acknowledged, {} are there", view.size());
        assert!(view.newest_checkpoint().unwrap().unwrap().checkpoint.size() >= signed);
        verify(&view, 0).unwrap();
        for i in 0..view.size() {
            assert_eq!(view.entry(i).unwrap().unwrap().leaf, plain(i).leaf, "each in its place, once");
        }
        let again = ledger.append(&batch((0..view.size()).map(plain))).unwrap();
        assert_eq!((again.skipped, again.indexes.count()), (view.size(), 0));
    }
}
