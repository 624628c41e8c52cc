//! The command line itself.

use serde_json::Value;

use crate::{
    scene::{Scene, told},
    shop,
};

#[test]
fn json_is_one_document() {
    let scene = Scene::new();
    scene.repository.commit(&shop::FILES);
    let diff = scene.run("diff", &["-o", "json"]);
    let document: Value = serde_json::from_str(&diff.out).unwrap_or_else(|error| panic!("{error}: {diff}"));
    assert_eq!((diff.exit, document["objects"][0]["change"].as_str()), (1, Some("create")), "{diff}");

    let sync = scene.run("sync", &["-o", "json"]);
    let document: Value = serde_json::from_str(&sync.out).unwrap_or_else(|error| panic!("{error}: {sync}"));
    assert_eq!(document["outcome"], "InSync", "{sync}");
    assert_eq!(document["revision"], scene.repository.commits()[0].as_str());
    assert_eq!(document["objects"].as_array().map(Vec::len), Some(4), "{sync}");
    assert_eq!(sync.err, "", "nothing but the document is told");
}

#[test]
fn a_failure_is_one_document_too() {
    let scene = Scene::new();
    scene.repository.commit(&[("deploy/config.yaml", shop::CONFIG)]);
    for command in ["sync", "diff"] {
        let failed = scene.run(command, &["-o", "json", "--path", "nowhere"]);
        let document: Value =
            serde_json::from_str(&failed.out).unwrap_or_else(|error| panic!("{error}: {failed}"));
        assert_eq!(document["failure"]["code"], "GIT-PATH", "{failed}");
    }
}

#[test]
fn a_dry_run_changes_nothing_and_succeeds() {
    let scene = Scene::new();
    scene.repository.commit(&shop::FILES);
    let dry = scene.run("sync", &["--dry-run"]);
    assert!(dry.exit == 0 && dry.out.contains("+ create Service"), "{dry}");
    assert!(scene.api.get(&format!("/api/v1/namespaces/{}", scene.name)).is_none());
}

#[test]
fn help_and_completions_are_printed() {
    let scene = Scene::new();
    let run = |arguments: &[&str]| {
        let mut command = scene.bare();
        command.args(arguments);
        told(command)
    };
    for arguments in [&["--help"] as &[&str], &["sync", "--help"], &["diff", "--help"]] {
        let help = run(arguments);
        assert!(help.exit == 0 && help.out.contains("Usage: driftless"), "{help}");
    }
    assert!(run(&["sync", "--help"]).out.contains("3 refused by a guard"));
    let bash = run(&["completions", "bash"]);
    assert!(bash.exit == 0 && bash.out.contains("complete -F _driftless"), "{bash}");
    for mistake in [&["sync", "--repo", ".", "--purge"] as &[&str], &["snyc"], &["sync"]] {
        let usage = run(mistake);
        assert_eq!((usage.exit, usage.out.as_str()), (2, ""), "{usage}");
    }
}
