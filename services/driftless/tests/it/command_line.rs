//! The command line itself.

use serde_json::{Value, json};

use crate::{
    api::{core, deployment},
    scene::{Scene, Told, told},
    shop,
};

fn document(told: &Told) -> Value {
    serde_json::from_str(&told.out).unwrap_or_else(|error| panic!("{error}: {told}"))
}

#[test]
fn json_is_one_document_of_a_stable_form() {
    let scene = Scene::new();
    scene.repository.commit(&[("deploy/config.yaml", shop::CONFIG), ("deploy/secret.yaml", shop::SECRET)]);
    let diff = scene.run("diff", &["-o", "json"]);
    assert_eq!((diff.exit, document(&diff)["objects"][0]["change"].as_str()), (1, Some("create")), "{diff}");

    let sync = scene.run("sync", &["-o", "json"]);
    let object = |kind: &str, name: &str| {
        json!({
            "group": "", "kind": kind, "namespace": scene.name, "name": name,
            "outcome": "created", "failure": null,
        })
    };
    let expected = json!({
        "version": 1, "outcome": "InSync", "revision": scene.repository.commits()[0], "health": "Healthy",
        "failure": null, "objects": [object("ConfigMap", "settings"), object("Secret", "login")], "notes": [],
    });
    assert_eq!(document(&sync), expected, "{sync}");
    assert_eq!(sync.err, "", "nothing but the document is told");
    let again = document(&scene.run("sync", &["-o", "json"]));
    assert_eq!(
        (&again["objects"][0]["outcome"], &again["objects"][1]["outcome"]),
        (&json!("unchanged"), &json!("unchanged"))
    );

    scene.api.edit(&core(&scene.name, "configmaps", "settings"), json!({"data": {"colour": "red"}}));
    let login = core(&scene.name, "secrets", "login");
    scene.api.edit(&login, json!({"stringData": {"password": shop::CANARY_LIVE}}));
    let diff = scene.run("diff", &["-o", "json"]);
    let object = |kind: &str, name: &str, field: Value| {
        json!({
            "group": "", "kind": kind, "namespace": scene.name, "name": name,
            "change": "change", "fields": [field], "reason": null,
        })
    };
    let field = |path: &str, before: &str, after: &str| json!({"path": path, "change": "changed", "before": before, "after": after});
    let expected = json!({
        "version": 1, "notes": [],
        "objects": [
            object("Secret", "login", field("data.password", "***", "***")),
            object("ConfigMap", "settings", field("data.colour", "red", "blue")),
        ],
    });
    assert_eq!((diff.exit, document(&diff)), (1, expected), "{diff}");
}

#[test]
fn a_list_item_is_found_by_its_name_and_shown_alone() {
    let scene = Scene::new();
    let two = shop::DEPLOYMENT.to_owned() + "      - {name: log, image: 'registry.example/log:2.0'}\n";
    scene.repository.commit(&[("deploy/deployment.yaml", &two)]);
    scene.sync(&[]);
    let log = json!({"name": "log", "image": "registry.example/log:9"});
    let first = json!({"name": "first", "image": "registry.example/first:1"});
    let patch = json!({"spec": {"template": {"spec": {"containers": [first, log]}}}});
    scene.api.edit(&deployment(&scene.name, "web"), patch);
    let diff = scene.run("diff", &[]);
    let expected = "\
~ change Deployment.apps NAME/web
  spec.template.spec.containers[name=log].image
-   \"registry.example/log:9\"
+   \"registry.example/log:2.0\"
";
    assert_eq!((diff.exit, scene.readable(&diff.out).as_str()), (1, expected), "{diff}");
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let scene = Scene::new();
    scene.repository.commit(&[("deploy/config.yaml", shop::CONFIG)]);
    let red = "\x1b[32m";
    let on_terminal = scene.on_terminal("diff", &[]);
    let told = told(on_terminal);
    assert!(told.exit == 1 && told.out.contains(red), "{told}");
    let mut unwanted = scene.on_terminal("diff", &[]);
    unwanted.env("NO_COLOR", "1");
    let told = crate::scene::told(unwanted);
    assert!(told.exit == 1 && told.out.contains("+ create") && !told.out.contains('\x1b'), "{told}");
    assert!(!scene.run("diff", &[]).out.contains('\x1b'));
}

#[test]
fn a_failure_is_one_document_too() {
    let scene = Scene::new();
    scene.repository.commit(&[("deploy/config.yaml", shop::CONFIG)]);
    for command in ["sync", "diff"] {
        let failed = scene.run(command, &["-o", "json", "--path", "nowhere"]);
        let document = document(&failed);
        assert_eq!((&document["version"], &document["outcome"]), (&json!(1), &json!("Failed")), "{failed}");
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
    for command in ["sync", "diff"] {
        let help = run(&[command, "--help"]).out;
        for part in ["Examples:\n  driftless ", "Exit codes:\n  0 ", "With -o json"] {
            assert!(help.contains(part), "{part}: {help}");
        }
    }
    for (shell, mark) in
        [("bash", "complete -F _driftless"), ("zsh", "#compdef driftless"), ("fish", "complete -c driftless")]
    {
        let script = run(&["completions", shell]);
        assert!(script.exit == 0 && script.out.contains(mark), "{script}");
        assert!(script.out.contains("dry-run"), "{script}");
    }
    for mistake in [&["sync", "--repo", ".", "--purge"] as &[&str], &["snyc"], &["sync"]] {
        let usage = run(mistake);
        assert_eq!((usage.exit, usage.out.as_str()), (2, ""), "{usage}");
    }
}

#[test]
fn definitions_are_for_the_differ() {
    let scene = Scene::new();
    for role in ["fetcher", "renderer", "applier", "differ"] {
        let mut run = scene.bare();
        run.args([role, "--state", "state", "--key", "missing", "--definitions", "definitions.json"]);
        let told = told(run);
        if role == "differ" {
            told.failed(2, "STATE-KEY");
        } else {
            assert_eq!(told.exit, 2, "{told}");
            told.naming("unexpected argument '--definitions'");
        }
    }
}

#[test]
fn a_fleet_repository_is_named_without_secrets_and_not_beside_definitions() {
    let scene = Scene::new();
    let key = scene.folder().join("fleet-key");
    std::fs::write(&key, "7".repeat(64)).unwrap();
    let run = |options: &[&str]| {
        let mut run = scene.bare();
        run.args(["differ", "--state", "state", "--key"]).arg(&key).args(options);
        told(run)
    };
    for (options, words) in [
        (&["--fleet", "x", "--definitions", "y"][..], "cannot be used with"),
        (&["--fleet-path", "x"], "--fleet <URL|DIR[#R]>"),
        (&["--fleet", ".", "--fleet-poll", "10ms"], "--fleet-poll is less than a second"),
        (&["--fleet", "/nowhere"], "error[GIT-ADDRESS]: /nowhere"),
        (&["--fleet", "https://a:hunter2@git.example/x#main"], "error[GIT-ADDRESS]: the address"),
    ] {
        let told = run(options);
        assert_eq!(told.exit, 2, "{told}");
        assert!(told.err.contains(words) && !told.err.contains("hunter2"), "{words}: {told}");
    }
}

#[test]
fn no_role_starts_without_the_key_of_its_log() {
    let scene = Scene::new();
    let state = scene.folder().join("role");
    let bad = scene.folder().join("bad-key");
    std::fs::write(&bad, "not a key\n").unwrap();
    for role in ["fetcher", "renderer", "differ", "applier"] {
        let run = |key: Option<&std::path::Path>| {
            let mut run = scene.bare();
            run.arg(role).arg("--state").arg(&state).args(key.map(|_| "--key")).args(key);
            told(run)
        };
        let without = run(None);
        assert_eq!(without.exit, 2, "{without}");
        without.naming("--key");
        run(Some(&scene.folder().join("missing"))).failed(2, "STATE-KEY").naming("missing");
        run(Some(&bad)).failed(2, "STATE-KEY").naming("bad-key");
    }
    assert!(!state.exists(), "nothing is made before the key is there, least of all a key");
}
