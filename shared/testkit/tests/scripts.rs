//! The scripts in tests/ that everything real comes from.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
    thread,
    time::{Duration, Instant},
};

use testkit::cluster::{self, OwnCluster};

fn script(name: &str) -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests").join(name))
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The process ids of a cluster's parts.
fn processes(state: &Path) -> Vec<String> {
    let files = fs::read_dir(state).unwrap().map(|entry| entry.unwrap().path());
    let ids = files.filter(|file| file.extension().is_some_and(|extension| extension == "pid"));
    ids.map(|file| fs::read_to_string(file).unwrap().trim().to_owned()).collect()
}

fn ports(state: &Path) -> Vec<String> {
    let files = fs::read_dir(state).unwrap().map(|entry| entry.unwrap().path());
    let ports = files.filter(|file| file.extension().is_some_and(|extension| extension == "port"));
    ports.map(|file| fs::read_to_string(file).unwrap()).collect()
}

#[test]
fn clusters_stand_side_by_side_and_leave_nothing_behind() {
    let starting: Vec<_> = (0..2).map(|_| thread::spawn(|| cluster::own("side"))).collect();
    let clusters: Vec<OwnCluster> = starting.into_iter().map(|start| start.join().unwrap()).collect();
    let mut all: Vec<String> = clusters.iter().flat_map(|cluster| ports(cluster.state())).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 6, "each part of each has a port of its own: {all:?}");
    let states: Vec<PathBuf> = clusters.iter().map(|cluster| cluster.state().to_owned()).collect();
    let ids: Vec<String> = states.iter().flat_map(|state| processes(state)).collect();
    assert_eq!(ids.len(), 4, "{ids:?}");
    for cluster in &clusters {
        let text = fs::read_to_string(cluster.kubeconfig_file()).unwrap();
        assert!(text.contains("server: https://127.0.0.1:"), "{text}");
    }
    drop(clusters);
    for state in &states {
        assert!(!state.exists(), "{}", state.display());
    }
    for id in ids {
        let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        assert!(
            !states.iter().any(|state| line.contains(state.to_str().unwrap())),
            "{id} still runs: {line}"
        );
    }
}

#[test]
fn a_second_install_builds_nothing() {
    let first = script("tools/install").output().unwrap();
    assert!(first.status.success(), "{}", told(&first));
    let start = Instant::now();
    let second = script("tools/install").output().unwrap();
    assert!(second.status.success() && told(&second).is_empty(), "{}", told(&second));
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}

#[test]
fn a_real_component_that_cannot_be_had_is_a_failure() {
    let cache = std::env::temp_dir().join(cluster::unique("no-tools"));
    // A machine on which nothing was built yet, and nothing can be loaded.
    let programs = cache.join("programs");
    fs::create_dir_all(&programs).unwrap();
    fs::write(programs.join("go"), "#!/bin/sh\necho 'go: no network' >&2\nexit 1\n").unwrap();
    fs::set_permissions(programs.join("go"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", programs.display());
    for (name, options) in [("tools/install", &[] as &[&str]), ("cluster-up", &["--name", "none"])] {
        let mut run = script(name);
        run.args(options).env("DRIFTLESS_TOOLS", &cache).env("PATH", &path).env("CI", "true");
        let run = run.output().unwrap();
        assert!(!run.status.success() && run.stdout.is_empty(), "{name}: {}", told(&run));
        assert!(told(&run).contains("no network"), "{name}: {}", told(&run));
    }
    fs::remove_dir_all(cache).unwrap();
    let missing = std::panic::catch_unwind(|| testkit::tool("no-such-tool"));
    assert!(missing.is_err(), "a test that wants it fails; it is not skipped");
}
