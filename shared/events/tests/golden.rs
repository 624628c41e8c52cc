//! Payloads in test-data: all stay readable, and those in `next` are written as they stand there.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{
    collections::BTreeSet,
    fmt::Debug,
    fs,
    path::{Path, PathBuf},
};

use events::state::{
    ClusterState, CommandState, DefinitionsState, RenderState, SourceState, State, SyncState, TargetState,
};

/// Where the payloads are that are written now.
const NEXT: &str = "next";

/// Set by whoever wants the payloads of `next` to be written.
const WRITE: &str = "DRIFTLESS_WRITE_TEST_DATA";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("test-data")
}

/// What payloads say, in the folder of each version.
fn all() -> Vec<PathBuf> {
    let versions = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    let files = versions.filter(|path| path.is_dir()).flat_map(|version| fs::read_dir(version).unwrap());
    let mut files: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files
}

/// The kind that a file is named after.
fn kind(file: &Path) -> String {
    let name = file.file_stem().unwrap().to_str().unwrap();
    name.split('-').next().unwrap().to_owned()
}

fn check<S: State + PartialEq + Debug>(file: &Path) {
    let said: S = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let payload = file.with_extension("msgpack");
    let is_next = file.parent().unwrap().ends_with(NEXT);
    let encoded = events::encode(&said).unwrap();
    if is_next && std::env::var_os(WRITE).is_some() {
        fs::write(&payload, &encoded).unwrap();
    }
    let stored = fs::read(&payload).unwrap();
    let read: S = events::decode(1, &stored).unwrap();
    assert_eq!(read, said, "{}", file.display());
    if is_next {
        assert!(encoded == stored, "{} is written otherwise now", payload.display());
        // All that the page names is there by its name: the array form has none.
        let serde_json::Value::Object(fields) = serde_json::to_value(&said).unwrap() else { panic!("a map") };
        for name in fields.keys() {
            let found = stored.windows(name.len()).any(|window| window == name.as_bytes());
            assert!(found, "{name} in {}", payload.display());
        }
    }
}

#[test]
fn every_payload_stays_readable_and_those_of_now_are_written_as_they_stand() {
    for file in all() {
        match kind(&file).as_str() {
            "source" => check::<SourceState>(&file),
            "definitions" => check::<DefinitionsState>(&file),
            "render" => check::<RenderState>(&file),
            "cluster" => check::<ClusterState>(&file),
            "target" => check::<TargetState>(&file),
            "sync" => check::<SyncState>(&file),
            "command" => check::<CommandState>(&file),
            other => panic!("{}: no kind of state is called {other}", file.display()),
        }
    }
}

#[test]
fn every_kind_of_state_is_there() {
    let there: BTreeSet<String> =
        all().iter().filter(|file| file.parent().unwrap().ends_with(NEXT)).map(|file| kind(file)).collect();
    let kinds = ["cluster", "command", "definitions", "render", "source", "sync", "target"];
    assert_eq!(there, kinds.map(str::to_owned).into());
}
