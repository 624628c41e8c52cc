//! Time, output and memory; a missing program; a kill.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use engine::{Isolation, Kind, Limits};
use model::definition::Rendering;

use crate::scene::{Scene, tools};

const KUSTOMIZATION: [(&str, &str); 1] = [("app/kustomization.yaml", "namespace: x")];

/// A folder whose `kustomize` is a script.
fn fake(folder: &Path, script: &str) -> PathBuf {
    let file = folder.join("kustomize");
    fs::write(&file, format!("#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    folder.to_owned()
}

fn limits() -> Limits {
    Limits { time: Duration::from_secs(2), ..Limits::default() }
}

#[tokio::test]
async fn a_run_that_does_not_end_is_killed_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let pid_file = folder.path().join("pid");
    let script = format!("sleep 1000 & echo $! > {}\nwait", pid_file.display());
    let scene = Scene::with(fake(folder.path(), &script), limits()).await;
    let start = Instant::now();
    let error = scene.render(&KUSTOMIZATION, "app", &Rendering::Detect).await.unwrap_err();
    assert_eq!(error.code(), "RENDER-TIMEOUT", "{error}");
    assert!(start.elapsed() < Duration::from_secs(10));
    let pid = fs::read_to_string(pid_file).unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    while is_running(pid.trim()) {
        assert!(Instant::now() < deadline, "the child outlived its parent");
        tokio::task::yield_now().await;
    }
}

/// A killed process that nobody waited for yet does not run.
fn is_running(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| !stat.rsplit(')').next().unwrap().trim().starts_with('Z'))
}

#[tokio::test]
async fn endless_output_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { output: 100_000, ..Limits::default() };
    let scene = Scene::with(fake(folder.path(), "exec yes"), limits).await;
    let start = Instant::now();
    let error = scene.render(&KUSTOMIZATION, "app", &Rendering::Detect).await.unwrap_err();
    assert_eq!(error.code(), "RENDER-TOO-LARGE", "{error}");
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn endless_errors_neither_block_nor_fill_memory() {
    let folder = tempfile::tempdir().unwrap();
    let script = "echo 'Error: the cause' >&2; yes x | head -c 5000000 >&2; exit 1";
    let scene = Scene::with(fake(folder.path(), script), limits()).await;
    let error = scene.render(&KUSTOMIZATION, "app", &Rendering::Detect).await.unwrap_err();
    assert_eq!(error.code(), "RENDER-FAILED", "{error}");
    assert!(error.to_string().contains("the cause") && error.to_string().len() < 2000, "{error}");
}

#[tokio::test]
async fn a_template_that_eats_memory_fails_alone() {
    let limits = Limits { memory: 256 << 20, time: Duration::from_secs(50), ..Limits::default() };
    let scene = Scene::with(tools(), limits).await;
    let template = "{{- $s := \"xxxxxxxxxxxxxxxx\" }}{{ range until 40 }}{{ $s = cat $s $s }}{{ end }}\na: {{ len $s }}\n";
    let files = [
        ("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        ("web/templates/bomb.yaml", template),
    ];
    let error = scene.render(&files, "web", &Rendering::Detect).await.unwrap_err();
    assert_eq!(error.code(), "RENDER-FAILED", "{error}");
    assert!(error.to_string().contains("memory"), "{error}");
}

#[tokio::test]
async fn the_real_tools_fit_into_the_default_bounds_and_an_isolated_network() {
    let scene = Scene::new().await;
    assert_eq!(
        scene.engine.isolation(),
        Isolation::Namespace,
        "unshare --net is not allowed on this machine"
    );
    assert_ne!(scene.engine.version(Kind::Helm).await.unwrap(), "");
    assert_ne!(scene.engine.version(Kind::Kustomize).await.unwrap(), "");
}

#[tokio::test]
async fn a_program_sees_only_its_own_environment() {
    let folder = tempfile::tempdir().unwrap();
    let scene =
        Scene::with(fake(folder.path(), "env; ls -a / >/dev/null; cat /proc/net/dev"), limits()).await;
    let rendered = scene.render(&KUSTOMIZATION, "app", &Rendering::Detect).await.unwrap();
    let text = crate::scene::text(&rendered);
    let names: Vec<&str> =
        text.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    let allowed = |name: &&&str| {
        name.starts_with("HELM_")
            || name.to_lowercase().ends_with("_proxy")
            || [
                "HOME",
                "TMPDIR",
                "PATH",
                "PWD",
                "KUBECONFIG",
                "GOMEMLIMIT",
                "LC_ALL",
                "TZ",
                "_",
                "OLDPWD",
                "SHLVL",
            ]
            .contains(*name)
    };
    let others: Vec<_> = names.iter().filter(|name| !allowed(name)).collect();
    assert!(others.is_empty(), "{others:?}");
    let networks: Vec<&str> =
        text.lines().filter_map(|line| line.split_once(": ")).map(|(name, _)| name.trim()).collect();
    assert_eq!(networks, ["lo"], "{text}");
}

#[tokio::test]
async fn a_render_that_is_dropped_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let started = folder.path().join("started");
    let script = format!("touch {}; exec sleep 1000", started.display());
    let scene = Scene::with(fake(folder.path(), &script), Limits::default()).await;
    {
        let render = scene.render(&KUSTOMIZATION, "app", &Rendering::Detect);
        let deadline = Instant::now() + Duration::from_secs(10);
        let wait = async {
            while !started.exists() {
                assert!(Instant::now() < deadline, "the program did not start");
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = render => panic!("it cannot end"),
            () = wait => {}
        }
    }
    let left: Vec<_> =
        fs::read_dir(scene.own_folder()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["lock"]);
}
