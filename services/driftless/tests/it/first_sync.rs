//! Plain YAML for the first time, and again.

use std::{fs, os::unix::fs::PermissionsExt};

use testkit::cluster;

use crate::{
    api::{Api, core, deployment, version},
    backup::mode,
    scene::Scene,
    shop,
};

/// What a first sync says on its way.
const FIRST: &str = "\
fetched   main at COMMIT
rendered  4 objects with plain 1, pipeline 1
  created     ConfigMap NAME/settings
  created     Secret NAME/login
  created     Service NAME/web
  created     Deployment.apps NAME/web
";

/// Requests that the API server stored, of the kinds in the shop.
fn writes(api: &Api) -> u64 {
    let kinds = ["configmaps", "secrets", "services", "deployments", "namespaces"];
    let verbs = ["APPLY", "PATCH", "POST", "PUT", "DELETE"];
    let metrics = api.metrics();
    let counts = metrics.lines().filter(|line| {
        line.starts_with("apiserver_request_total{")
            && line.contains("dry_run=\"\"")
            && kinds.iter().any(|kind| line.contains(&format!("resource=\"{kind}\"")))
            && verbs.iter().any(|verb| line.contains(&format!("verb=\"{verb}\"")))
    });
    counts.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

#[test]
fn a_first_sync_creates_and_a_second_writes_nothing() {
    // Its own: the API server counts the writes of everybody.
    let cluster = cluster::own("first-sync");
    let scene = Scene::on(&cluster);
    scene.repository.commit(&shop::FILES);
    let before = writes(&scene.api);

    let first = scene.sync(&[]);
    assert_eq!(scene.readable(&first.out), "in sync at COMMIT: 4 objects, Progressing\n", "{first}");
    // On a busy machine it may say what it waits for.
    let steps: String = first.err.split_inclusive('\n').filter(|line| !line.starts_with("still ")).collect();
    assert_eq!(scene.readable(&steps), FIRST, "{first}");
    let paths = [
        core(&scene.name, "configmaps", "settings"),
        core(&scene.name, "secrets", "login"),
        core(&scene.name, "services", "web"),
        deployment(&scene.name, "web"),
    ];
    let objects: Vec<_> = paths.iter().map(|path| scene.api.object(path)).collect();
    assert_eq!(objects[0]["data"]["colour"], "blue");
    // Four objects and their namespace.
    let after_first = writes(&scene.api);
    assert!(after_first >= before + 5, "the count counts: {before} then {after_first}");

    let second = scene.sync(&[]);
    assert_eq!(scene.readable(&second.out), "in sync at COMMIT: 4 objects, Progressing\n", "{second}");
    assert!(!second.err.contains("created") && !second.err.contains("configured"), "{second}");
    let diff = scene.run("diff", &[]);
    assert_eq!((diff.exit, diff.out.as_str()), (0, "no difference\n"), "{diff}");
    assert_eq!(writes(&scene.api), after_first, "a sync without a change and a diff write nothing");
    for (path, object) in paths.iter().zip(&objects) {
        assert_eq!(version(&scene.api.object(path)), version(object), "{path}");
    }
}

#[test]
fn what_git_only_points_to_is_noted() {
    let scene = Scene::new();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
    let first = scene.repository.commit(&[("deploy/config.yaml", shop::CONFIG), ("deploy/big.bin", pointer)]);
    let entry = format!("160000,{first},deploy/vendor");
    scene.repository.git(&["update-index", "--add", "--cacheinfo", &entry]);
    scene.repository.git(&["commit", "--quiet", "--message", "a submodule"]);
    let told = scene.sync(&[]);
    for what in ["note: deploy/vendor is a submodule", "note: deploy/big.bin lies in Git LFS"] {
        assert!(told.err.contains(what), "{what}: {told}");
    }
    let json = scene.sync(&["-o", "json"]);
    let document: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(document["notes"].as_array().map(Vec::len), Some(2), "{json}");
}

#[test]
fn a_tag_and_a_commit_are_synced_as_they_are() {
    let scene = Scene::new();
    let first = scene.repository.commit(&[("deploy/config.yaml", shop::CONFIG)]);
    scene.repository.git(&["tag", "v1.0"]);
    let green = shop::CONFIG.replace("blue", "green");
    let second = scene.repository.commit(&[("deploy/config.yaml", &green)]);
    scene.repository.commit(&[("deploy/config.yaml", &shop::CONFIG.replace("blue", "red"))]);
    let colour = || scene.api.object(&core(&scene.name, "configmaps", "settings"))["data"]["colour"].clone();
    for (revision, name, commit, expected) in [
        ("v1.0", "v1.0", &first, "blue"),
        (second.as_str(), second.as_str(), &second, "green"),
        // Back again, though the mirror holds newer commits.
        ("v1.0", "v1.0", &first, "blue"),
    ] {
        let told = scene.sync(&["--revision", revision]);
        assert!(told.err.contains(&format!("fetched   {name} at {}", &commit[..8])), "{told}");
        assert!(told.out.starts_with(&format!("in sync at {}", &commit[..8])), "{told}");
        assert_eq!(colour(), expected, "{revision}");
    }
}

#[test]
fn a_new_key_is_readable_by_its_owner_only() {
    let scene = Scene::new();
    scene.repository.commit(&[("deploy/config.yaml", shop::CONFIG)]);
    scene.sync(&[]);
    let key = scene.state().join("key");
    assert_eq!((mode(&scene.state()), mode(&key)), (0o700, 0o600));
    let first = fs::read(&key).unwrap();
    scene.sync(&[]);
    assert_eq!((fs::read(&key).unwrap(), mode(&key)), (first, 0o600), "it stays the same");

    // Also in a folder that somebody made for everybody.
    let open = scene.folder().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
    let diff = scene.run("diff", &["--state", open.to_str().unwrap()]);
    assert_eq!(diff.exit, 0, "{diff}");
    assert_eq!((mode(&open.join("key")), mode(&open.join("log"))), (0o600, 0o700));
}
