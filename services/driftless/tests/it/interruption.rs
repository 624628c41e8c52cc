//! Runs that end early, and state that is lost.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use crate::{
    api::{core, version},
    scene::Scene,
    shop,
};

fn synced() -> Scene {
    let scene = Scene::new();
    let files: Vec<_> =
        (0..60).map(|i| (format!("deploy/c{i}.yaml"), shop::config(&format!("c{i}")))).collect();
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    scene.repository.commit(&files);
    scene
}

fn count(scene: &Scene) -> usize {
    let list = scene.api.object(&format!(
        "/api/v1/namespaces/{0}/configmaps?labelSelector=driftless.dev/application={0}",
        scene.name
    ));
    list["items"].as_array().unwrap().len()
}

/// Kills (-9) a sync as soon as it says a line that begins so.
fn killed_at(scene: &Scene, line: &str) {
    let mut run = scene.command("sync", &[]).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let told = BufReader::new(run.stderr.take().unwrap()).lines().map_while(Result::ok);
    let seen: Vec<_> = told.take_while(|told| !told.starts_with(line)).collect();
    run.kill().unwrap();
    let status = run.wait().unwrap();
    assert!(!status.success(), "it ended before it could be killed: {seen:?}");
}

#[test]
fn a_killed_run_is_carried_on_by_the_next() {
    let scene = synced();
    for line in ["fetched", "rendered", "  created"] {
        killed_at(&scene, line);
    }
    let told = scene.sync(&[]);
    assert!(told.out.contains(": 60 objects"), "{told}");
    assert_eq!(count(&scene), 60);
    assert_eq!(scene.run("diff", &[]).exit, 0);
    // Nothing is an orphan that only the killed runs knew.
    scene.sync(&["--prune"]);
    assert_eq!(count(&scene), 60);
}

#[test]
fn an_inventory_that_was_lost_is_rebuilt_and_prunes_only_when_told() {
    let scene = Scene::new();
    let files: Vec<_> =
        (0..4).map(|i| (format!("deploy/c{i}.yaml"), shop::config(&format!("c{i}")))).collect();
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    scene.repository.commit(&files);
    scene.sync(&[]);
    let kept = core(&scene.name, "configmaps", "c1");
    let before = scene.api.object(&kept);
    std::fs::remove_dir_all(scene.state()).unwrap();
    scene.repository.remove(&["deploy/c0.yaml"]);

    let without = scene.sync(&[]);
    assert_eq!(count(&scene), 4, "{without}");
    assert_eq!(
        version(&scene.api.object(&kept)),
        version(&before),
        "what is in sync is not written: {without}"
    );
    std::fs::remove_dir_all(scene.state()).unwrap();
    let with = scene.sync(&["--prune"]);
    assert_eq!(count(&scene), 3, "{with}");
    assert!(scene.api.get(&core(&scene.name, "configmaps", "c0")).is_none());
}

#[test]
fn two_runs_on_one_state_folder_do_not_meet() {
    let scene = synced();
    let first = scene.command("sync", &[]).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let second = scene.run("sync", &[]);
    let first = first.wait_with_output().unwrap();
    assert!(first.status.success() || second.exit == 0, "one of them works: {second}");
    if second.exit != 0 {
        assert!(second.err.contains("error[LOG-"), "{second}");
    }
    scene.sync(&[]);
    assert_eq!(count(&scene), 60);
}
