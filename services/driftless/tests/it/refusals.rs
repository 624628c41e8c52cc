//! Errors as a new user meets them: each says what failed, a stable code and what to do.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    api::core,
    scene::{Scene, Told},
    shop,
};

fn scene() -> Scene {
    let scene = Scene::new();
    scene.repository.commit(&[("deploy/config.yaml", shop::CONFIG)]);
    scene
}

/// Nothing went to the cluster, not even the namespace.
#[track_caller]
fn untouched(scene: &Scene, told: &Told) {
    assert!(scene.api.get(&format!("/api/v1/namespaces/{}", scene.name)).is_none(), "{told}");
}

/// A loopback port that nobody listens on.
fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn bad_yaml_is_told_with_file_and_line() {
    let scene = scene();
    scene
        .repository
        .commit(&[("deploy/bad.yaml", "apiVersion: v1\nkind: ConfigMap\n  metadata: {name: x\n")]);
    let told = scene.run("sync", &[]);
    told.failed(1, "MANIFEST-SYNTAX").naming("deploy/bad.yaml:3");
    untouched(&scene, &told);
    scene.run("diff", &[]).failed(2, "MANIFEST-SYNTAX");
}

#[test]
fn an_unknown_field_is_a_mistake_of_the_manifest() {
    let scene = scene();
    scene.repository.commit(&[(
        "deploy/deployment.yaml",
        &shop::DEPLOYMENT.replace("  replicas: 2", "  replcas: 2\n  paused: maybe"),
    )]);
    let started = Instant::now();
    let told = scene.run("sync", &[]);
    told.failed(1, "CLUSTER-SCHEMA").naming(".spec.replcas: field not declared in schema");
    assert!(started.elapsed() < Duration::from_secs(20), "it is not tried again: {told}");
    let told = scene.run("diff", &[]);
    assert!(told.out.contains(".spec.replcas: field not declared in schema"), "{told}");
    // Where the object is there, too; and in a Secret, whose values are told to nobody.
    scene.repository.commit(&[("deploy/deployment.yaml", shop::DEPLOYMENT)]);
    scene.sync(&[]);
    scene.repository.commit(&[("deploy/deployment.yaml", &shop::DEPLOYMENT.replace("image:", "imgae:"))]);
    let told = scene.run("sync", &[]);
    told.failed(1, "CLUSTER-SCHEMA").naming(r#".containers[name="web"].imgae: field not declared in schema"#);
    scene.repository.commit(&[
        ("deploy/deployment.yaml", shop::DEPLOYMENT),
        ("deploy/secret.yaml", &shop::SECRET.replace("stringData", "strigData")),
    ]);
    let told = scene.run("sync", &[]);
    told.failed(1, "CLUSTER-SCHEMA").naming(".strigData: field not declared in schema");
    assert!(!told.err.contains(shop::CANARY) && !told.out.contains(shop::CANARY), "{told}");
}

#[test]
fn a_namespace_that_nobody_makes_is_told_by_a_diff_as_by_a_sync() {
    let scene = scene();
    let elsewhere = format!("{}-elsewhere", scene.name);
    let text = shop::config("far").replace("name: far", &format!("name: far, namespace: {elsewhere}"));
    scene.repository.commit(&[("deploy/far.yaml", &text)]);
    let diff = scene.run("diff", &[]);
    assert_eq!(diff.exit, 2, "{diff}");
    assert!(diff.out.contains(&format!("! refused ConfigMap {elsewhere}/far")), "{diff}");
    assert!(diff.out.contains("there is no such namespace"), "{diff}");
    assert!(diff.out.contains(&format!("+ create ConfigMap {}/settings", scene.name)), "{diff}");
    scene.run("sync", &[]).failed(1, "CLUSTER-NOT-FOUND").naming("there is no such namespace");
    // With a manifest of it both go through.
    let made = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {elsewhere}}}\n");
    scene.repository.commit(&[("deploy/namespace.yaml", &made)]);
    let diff = scene.run("diff", &[]);
    assert!(diff.exit == 1 && !diff.out.contains("refused"), "{diff}");
    scene.sync(&[]);
}

#[test]
fn a_folder_without_manifests_is_told() {
    let scene = Scene::new();
    scene.repository.commit(&[("deploy/readme.md", "nothing to apply")]);
    let synced = scene.sync(&[]);
    assert!(synced.err.contains("no manifest found under deploy"), "{synced}");
    let compared = scene.run("diff", &[]);
    assert_eq!(compared.exit, 0, "{compared}");
    assert!(compared.err.contains("no manifest found under deploy"), "{compared}");
}

#[test]
fn a_missing_path_is_named() {
    let scene = scene();
    let told = scene.run("sync", &["--path", "deplyo"]);
    told.failed(1, "GIT-PATH").naming("deplyo");
    untouched(&scene, &told);
}

#[test]
fn what_a_run_before_was_about_is_not_told_again() {
    let scene = scene();
    let nowhere = scene.folder().join("home").display().to_string();
    for round in 0..6 {
        scene.run("sync", &["--repo", &nowhere]).failed(1, "GIT-NOT-FOUND");
        let name = format!("missing-{round}");
        scene.run("sync", &["--revision", &name]).failed(1, "GIT-REF").naming(&name);
    }
    // Nor is what was asked for before taken for what is asked for now.
    let green = shop::CONFIG.replace("blue", "green");
    scene.repository.git(&["tag", "v1.0"]);
    scene.repository.commit(&[("deploy/config.yaml", &green)]);
    for _ in 0..3 {
        for (revision, colour) in [("v1.0", "blue"), ("main", "green")] {
            let told = scene.sync(&["--revision", revision]);
            let object = scene.api.object(&core(&scene.name, "configmaps", "settings"));
            assert_eq!(object["data"]["colour"], colour, "{told}");
        }
    }
}

#[test]
fn several_refusals_are_told_once_each() {
    let scene = scene();
    scene.repository.commit(&[("deploy/more.yaml", &shop::config("more"))]);
    scene.repository.commit(&[("deploy/deployment.yaml", shop::DEPLOYMENT)]);
    scene.api.create("/api/v1/namespaces", json!({"metadata": {"name": scene.name}}));
    let collection = format!("/api/v1/namespaces/{}/configmaps", scene.name);
    for name in ["settings", "more"] {
        scene.api.create(&collection, json!({"metadata": {"name": name}, "data": {"other": "theirs"}}));
    }
    let told = scene.run("sync", &[]);
    told.failed(1, "APPLY-FIRST-CONTACT");
    let lines: Vec<String> = told.err.lines().map(|line| scene.readable(line)).collect();
    let of = |what: &str| lines.iter().filter(|line| line.contains(what)).cloned().collect::<Vec<_>>();
    let owned = "exists and is not ours; it belongs to kubectl-create";
    assert_eq!(of("settings"), [format!("  failed      ConfigMap NAME/settings {owned}")], "{told}");
    assert_eq!(of("more"), [format!("error[APPLY-FIRST-CONTACT]: ConfigMap NAME/more {owned}")], "{told}");
    assert_eq!(of("Deployment"), ["  not tried   Deployment.apps NAME/web"], "{told}");
}

#[test]
fn a_missing_branch_is_named() {
    let scene = scene();
    let told = scene.run("sync", &["--revision", "stagging"]);
    told.failed(1, "GIT-REF").naming("stagging");
    untouched(&scene, &told);
}

#[test]
fn an_empty_repository_is_told_as_such() {
    let scene = Scene::new();
    let told = scene.run("sync", &[]);
    told.failed(1, "GIT-EMPTY");
    untouched(&scene, &told);
}

#[test]
fn a_host_that_does_not_answer_is_named() {
    let scene = scene();
    let url = format!("http://127.0.0.1:{}/shop.git", closed_port());
    let told = scene.run("sync", &["--repo", &url, "--timeout", "10s"]);
    told.failed(1, "GIT-UNREACHABLE").naming("127.0.0.1");
    untouched(&scene, &told);
}

#[test]
fn a_folder_that_is_no_repository_is_told_as_such() {
    let scene = scene();
    let folder = scene.folder().join("home").display().to_string();
    scene.run("sync", &["--repo", &folder, "--timeout", "10s"]).failed(1, "GIT-NOT-FOUND").naming(&folder);
}

#[test]
fn a_cluster_that_does_not_answer_is_named() {
    let scene = scene();
    let file =
        scene.kubeconfig_with(&[("server: ", &format!("server: https://127.0.0.1:{}", closed_port()))]);
    let told = scene.run("sync", &["--kubeconfig", &file, "--timeout", "10s"]);
    told.failed(1, "CLUSTER-UNREACHABLE");
    scene.run("diff", &["--kubeconfig", &file, "--timeout", "10s"]).failed(2, "CLUSTER-UNREACHABLE");
}

#[test]
fn a_wrong_token_is_told_and_not_shown() {
    let scene = scene();
    let file = scene.kubeconfig_with(&[("token: ", "token: wrong-token-77aa}")]);
    let told = scene.run("sync", &["--kubeconfig", &file, "--timeout", "10s"]);
    told.failed(1, "CLUSTER-AUTH");
    assert!(!told.err.contains("wrong-token-77aa"), "{told}");
}

#[test]
fn a_missing_kubeconfig_is_a_mistake_of_configuration() {
    let scene = scene();
    let told = scene.run("sync", &["--kubeconfig", "/nowhere/kubeconfig", "--timeout", "10s"]);
    told.failed(2, "CLUSTER-KUBECONFIG").naming("/nowhere/kubeconfig");
}

#[test]
fn a_missing_context_is_a_mistake_of_configuration() {
    let scene = scene();
    let told = scene.run("sync", &["--context", "prodution", "--timeout", "10s"]);
    told.failed(2, "CLUSTER-KUBECONFIG").naming("prodution");
}

#[test]
fn an_unknown_kind_is_named_and_the_rest_is_kept_as_it_is() {
    let scene = scene();
    let gadget = "apiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: g}\n";
    scene.repository.commit(&[("deploy/gadget.yaml", gadget)]);
    let told = scene.run("sync", &["--timeout", "20s"]);
    told.failed(1, "PLAN-UNKNOWN-KIND").naming("Gadget");
}

#[test]
fn a_context_is_taken_at_its_word() {
    let scene = scene();
    let kubeconfig = std::fs::read_to_string(scene.kubeconfig()).unwrap();
    let named = |line: &str| {
        line.strip_prefix("- name: ").filter(|name| name.ends_with("-viewer")).map(ToOwned::to_owned)
    };
    let viewer = kubeconfig.lines().find_map(named).unwrap();
    let told = scene.run("sync", &["--context", &viewer, "--timeout", "10s"]);
    told.failed(1, "CLUSTER-FORBIDDEN").naming("viewer");
    let administrator = viewer.trim_end_matches("-viewer");
    scene.run("sync", &["--context", administrator]).failed(2, "STATE-OTHER");
    let elsewhere = scene.folder().join("elsewhere").display().to_string();
    scene.sync(&["--context", administrator, "--state", &elsewhere]);
}

#[test]
fn an_object_of_somebody_is_left_untouched() {
    let scene = scene();
    scene.api.create("/api/v1/namespaces", json!({"metadata": {"name": scene.name}}));
    let collection = format!("/api/v1/namespaces/{}/configmaps", scene.name);
    scene.api.create(&collection, json!({"metadata": {"name": "settings"}, "data": {"other": "theirs"}}));
    let path = core(&scene.name, "configmaps", "settings");
    let before = scene.api.object(&path);

    let diff = scene.run("diff", &[]);
    assert_eq!(diff.exit, 2, "{diff}");
    assert_eq!(
        scene.readable(&diff.out),
        "! refused ConfigMap NAME/settings\n    ConfigMap NAME/settings exists and is not ours; it belongs to kubectl-create\n"
    );
    let told = scene.run("sync", &[]);
    told.failed(1, "APPLY-FIRST-CONTACT").naming("settings").naming("--take-over");
    assert_eq!(told.err.matches("settings").count(), 1, "it is told once: {told}");
    let after = scene.api.object(&path);
    assert_eq!(after["metadata"]["managedFields"], before["metadata"]["managedFields"], "{told}");
    assert_eq!(
        (&after["data"], &after["metadata"]["labels"]),
        (&before["data"], &before["metadata"]["labels"])
    );
    // Whoever takes it over is shown from whom.
    let diff = scene.run("diff", &["--take-over"]);
    assert_eq!(diff.exit, 1, "{diff}");
    let shown = "ConfigMap NAME/settings exists and would be taken over from kubectl-create";
    assert!(scene.readable(&diff.err).contains(shown), "{diff}");
}

#[test]
fn a_field_that_somebody_took_first_is_a_conflict_that_names_the_owner() {
    let scene = scene();
    scene.sync(&[]);
    let path = core(&scene.name, "configmaps", "settings");
    scene.api.edit(&path, json!({"data": {"shape": "round"}}));
    let before = scene.api.object(&path);
    scene
        .repository
        .commit(&[("deploy/config.yaml", &shop::CONFIG.replace("size:", "shape: square, size:"))]);

    let told = scene.run("sync", &[]);
    told.failed(1, "APPLY-CONFLICT").naming("kubectl-edit").naming("shape");
    assert_eq!(scene.api.object(&path), before, "{told}");
    scene.repository.commit(&[("deploy/config.yaml", shop::CONFIG)]);
    scene.sync(&[]);
}
