//! The audit ledger of a platform: checked as a whole, and event by event, by whoever has nothing but the files.

use std::{fs, path::PathBuf, process::Command};

use serde_json::{Value, json};
use testkit::eventually;

use crate::{
    api::core,
    platform::{BOUND, Platform},
    scene::{Scene, Told, told},
    shop,
};

impl Scene {
    fn audit(&self, words: &[&str]) -> Told {
        let mut run = self.bare();
        run.arg("audit").args(words);
        told(run)
    }

    fn file(&self, name: &str) -> String {
        self.folder().join(name).display().to_string()
    }
}

fn document(told: &Told) -> Value {
    serde_json::from_str(&told.out).unwrap_or_else(|error| panic!("{error}: {told}"))
}

/// One that ran, had its clusters edited, and was stopped. Answers the id of the event of the heal.
async fn audited(scene: &Scene) -> String {
    let first = scene.repository.commit(&shop::FILES);
    let platform = Platform::up(scene, &["--audit-copy", &scene.file("copy")]).await;
    platform.in_sync_at(&first).await;
    let settings = core(&scene.name, "configmaps", "settings");
    scene.api.edit(&settings, json!({"data": {"colour": "by hand"}}));
    let healed = async || (scene.api.object(&settings)["data"]["colour"] == "blue").then_some(());
    eventually(BOUND, "the heal", healed).await;
    let drift = async || {
        let log = platform.ask(&["log", &scene.name, "-o", "json"]);
        let entries = document(&log)["entries"].take();
        let drift = entries.as_array()?.iter().find(|entry| entry["event"] == "DriftDetected")?.clone();
        Some(drift["id"].as_str().unwrap_or_else(|| panic!("{drift}")).to_owned())
    };
    let drift = eventually(BOUND, "the drift in the log", drift).await;
    // The ledger is a moment behind the log.
    let recorded = async || {
        let told = platform.ask(&["log", "--kind", "DriftDetected"]);
        told.out.contains("DriftDetected").then_some(())
    };
    eventually(BOUND, "the drift in the ledger", recorded).await;
    asked(scene, &first, |words| platform.ask(words));
    let state = scene.state().display().to_string();
    let running = scene.audit(&["verify", "--state", &state]);
    running.failed(2, "LEDGER-IN-USE").naming("--audit-copy");
    assert_eq!(platform.stop(), 0);
    drift
}

/// The same questions have the same answers, of a platform that runs and of a folder that it left.
fn asked(scene: &Scene, commit: &str, ask: impl Fn(&[&str]) -> Told) {
    let events = |words: &[&str]| -> Vec<String> {
        let told = ask(&[&["log", "-o", "json"], words].concat());
        assert_eq!(told.exit, 0, "{told}");
        let entries = document(&told)["entries"].take();
        entries.as_array().unwrap().iter().map(|it| it["event"].as_str().unwrap().to_owned()).collect()
    };
    let of_commit = events(&["--commit", &commit[..8]]);
    // Of a platform that runs the second answer may have more.
    assert!(events(&["--commit", commit]).starts_with(&of_commit));
    for kind in ["RevisionObserved", "DesiredStateRendered", "SyncFinished"] {
        assert!(of_commit.iter().any(|event| event == kind), "{kind}: {of_commit:?}");
    }
    assert_eq!(events(&[&scene.name, "--kind", "DriftDetected"]), ["DriftDetected"]);
    assert_eq!(events(&["--kind", "DriftDetected", "--cluster", "eu", "--since", "1h"]), ["DriftDetected"]);
    assert_eq!(events(&["--kind", "DriftDetected", "--until", "1h"]), [""; 0]);
    assert_eq!(events(&["--kind", "DriftDetected", "--cluster", "us"]), [""; 0]);
    assert_eq!(events(&["--kind", "ClusterConnected"]), ["ClusterConnected"]);
    let lines = ask(&["log", "--limit", "3", "-o", "jsonl", "--since", "2000-01-01"]);
    assert_eq!(lines.out.lines().filter(|line| line.starts_with('{')).count(), 3, "{lines}");
    let text = ask(&["log", &scene.name, "--kind", "DriftDetected"]);
    assert!(text.out.contains("data.colour by kubectl-edit"), "{text}");
}

#[tokio::test]
async fn what_a_platform_did_is_proven_without_it() {
    let scene = Scene::new();
    let drift = audited(&scene).await;
    let state = scene.state().display().to_string();
    let whole = scene.audit(&["verify", "--state", &state]);
    assert!(whole.exit == 0 && whole.out.starts_with("whole: "), "{whole}");
    let report = document(&scene.audit(&["verify", "--state", &state, "-o", "json"]));
    let entries = report["entries"].as_u64().unwrap();
    assert_eq!((&report["outcome"], &report["signed"]), (&json!("Whole"), &json!(entries)), "{report}");
    assert_eq!((&report["missing"], &report["logs"]), (&json!([]), &json!(1)), "{report}");

    let commit = scene.repository.commits().swap_remove(0);
    asked(&scene, &commit, |words| {
        let mut run = scene.bare();
        run.args(words).args(["--state", &state]);
        told(run)
    });

    // The key is handed on once; whoever has it needs no ledger.
    let key = scene.state().join("ledger/verifier-key").display().to_string();
    let copy = scene.audit(&["verify", "--copy", &scene.file("copy"), "--key", &key, "-o", "json"]);
    assert_eq!((&document(&copy)["root"], copy.exit), (&report["root"], 0), "{copy}");
    let proof = scene.file("drift.tlog-proof");
    let written = scene.audit(&["proof", &drift, "--state", &state, "--to", &proof]);
    assert!(written.exit == 0 && written.err.contains("verifier-key"), "{written}");
    let proven = scene.audit(&["verify", &proof, "--key", &key]);
    assert!(proven.exit == 0 && proven.out.starts_with("proven: DriftDetected "), "{proven}");
    let python = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/ledger/test-data/verify.py");
    let other = Command::new("python3").args([python, &proof, &key]).output().unwrap();
    assert!(other.status.success(), "{other:?}");

    scene
        .audit(&["proof", &drift[..12], "--state", &state])
        .failed(2, "AUDIT-EVENT")
        .naming("names no event");
    scene.audit(&["proof", "5".repeat(64).as_str(), "--state", &state]).failed(2, "AUDIT-EVENT");
    scene.audit(&["verify", "--state", &scene.file("tmp")]).failed(2, "LEDGER-MISSING");
    scene.audit(&["verify", &proof, "--key", &scene.file("none")]).failed(2, "AUDIT-KEY");
}

/// One-shot runs leave a ledger too, each behind the one before.
#[test]
fn a_sync_leaves_its_story_in_the_ledger_of_the_state_folder() {
    let scene = Scene::new();
    let state = scene.state().display().to_string();
    for colour in ["blue", "green"] {
        let config = shop::CONFIG.replace("blue", colour);
        let commit = scene.repository.commit(&[("deploy/config.yaml", &config)]);
        scene.sync(&[]);
        let mut run = scene.bare();
        run.args(["log", "--kind", "SyncFinished", "--commit", &commit, "-o", "json", "--state", &state]);
        let log = told(run);
        assert_eq!(document(&log)["entries"].as_array().map(Vec::len), Some(1), "{log}");
        let whole = scene.audit(&["verify", "--state", &state, "-o", "json"]);
        assert_eq!((whole.exit, &document(&whole)["missing"]), (0, &json!([])), "{whole}");
    }
}

/// The status of a time that is past is what it was then, however it is now.
#[tokio::test]
async fn how_it_was_is_told_of_any_time() {
    let scene = Scene::new();
    let first = scene.repository.commit(&shop::FILES);
    let platform = Platform::up(&scene, &[]).await;
    let then = platform.in_sync_at(&first).await["changed"].as_str().unwrap().to_owned();
    let second = scene.repository.commit(&[("deploy/config.yaml", &shop::CONFIG.replace("blue", "green"))]);
    assert_eq!(platform.ask(&["sync", &scene.name]).exit, 0);
    let now = platform.in_sync_at(&second).await;

    let past = |ask: &dyn Fn(&[&str]) -> Told, time: &str| -> Value {
        let told = ask(&["at", time, "status", "-o", "json"]);
        assert_eq!(told.exit, 0, "{told}");
        document(&told)["targets"][0].take()
    };
    let recorded = async || {
        let told = platform.ask(&["log", "--kind", "SyncFinished", "--commit", &second]);
        told.out.contains("succeeded").then_some(())
    };
    eventually(BOUND, "the sync in the ledger", recorded).await;
    let check = |ask: &dyn Fn(&[&str]) -> Told| {
        let was = past(ask, &then);
        assert_eq!(
            (&was["sync"], &was["revision"], &was["changed"]),
            (&json!("InSync"), &json!(first), &json!(then))
        );
        assert_eq!(was["evaluated"]["state"], "Unknown", "who had looked is recorded nowhere");
        let is = past(ask, now["changed"].as_str().unwrap());
        assert_eq!((&is["revision"], &is["objects"]), (&json!(second), &now["objects"]));
        let text = ask(&["at", &then, "status"]);
        assert!(text.out.contains(&first[..8]) && !text.out.contains("AGE"), "{text}");
        assert_eq!(ask(&["at", &then, "status", "other", "-o", "json"]).exit, 0);
    };
    check(&|words| platform.ask(words));
    platform.ask(&["at", "2000-01-01", "status"]).failed(1, "AUDIT-PAST");
    assert_eq!(platform.stop(), 0);
    let state = scene.state().display().to_string();
    let folder = |words: &[&str]| {
        let mut run = scene.bare();
        run.args(words).args(["--state", &state]);
        told(run)
    };
    check(&folder);
    folder(&["at", "2000-01-01", "status"]).failed(2, "AUDIT-PAST");
}

#[tokio::test]
async fn what_was_changed_afterwards_is_found() {
    let scene = Scene::new();
    let drift = audited(&scene).await;
    let state = scene.state().display().to_string();
    let key = scene.state().join("ledger/verifier-key").display().to_string();
    let proof = scene.file("drift.tlog-proof");
    assert_eq!(scene.audit(&["proof", &drift, "--state", &state, "--to", &proof]).exit, 0);
    let text = fs::read_to_string(&proof).unwrap();
    let leaf = text.lines().find(|line| line.starts_with("extra ")).unwrap();
    let middle = leaf.len() / 2;
    let other = if &leaf[middle..=middle] == "A" { "B" } else { "A" };
    fs::write(&proof, text.replace(leaf, &format!("{}{other}{}", &leaf[..middle], &leaf[middle + 1..])))
        .unwrap();
    scene.audit(&["verify", &proof, "--key", &key]).failed(1, "LEDGER-BROKEN");

    let bundles = scene.folder().join("copy/tile/entries");
    let mut bundle: Vec<PathBuf> = vec![];
    crate::canary::files_below(&bundles, &mut bundle);
    let bundle = bundle.iter().max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap();
    let mut bytes = fs::read(bundle).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(bundle, bytes).unwrap();
    scene.audit(&["verify", "--copy", &scene.file("copy"), "--key", &key]).failed(1, "LEDGER-BROKEN");

    // Another key, whoever signed with it, is not believed.
    let stranger = fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../shared/ledger/test-data/verifier-key"
    ));
    fs::write(scene.file("stranger"), stranger.unwrap()).unwrap();
    scene.audit(&["verify", "--state", &state, "--key", &scene.file("stranger")]).failed(1, "LEDGER-BROKEN");
}
