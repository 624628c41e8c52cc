//! Two repositories that know nothing of each other, on one cluster.

use crate::{
    api::core,
    repository::Repository,
    scene::{Scene, Told, told},
    shop,
};

/// Each has objects of its own, in a folder of the same name.
fn namesakes() -> (Scene, Repository) {
    let (scene, other) = (Scene::new(), Repository::new());
    scene.repository.commit(&[("deploy/first.yaml", &shop::config("first"))]);
    let objects =
        [("deploy/second.yaml", shop::config("second")), ("deploy/third.yaml", shop::config("third"))];
    other.commit(&objects.each_ref().map(|(path, text)| (*path, text.as_str())));
    (scene, other)
}

fn sync(scene: &Scene, repository: &Repository, options: &[&str]) -> Told {
    let mut run = scene.bare();
    run.args(["sync", "--repo", &repository.url(), "--path", "deploy", "--prune", "--timeout", "60s"]);
    run.args(["--namespace", &scene.name]).arg("--kubeconfig").arg(scene.kubeconfig()).args(options);
    told(run)
}

fn there(scene: &Scene) -> [bool; 2] {
    ["first", "second"].map(|name| scene.api.get(&core(&scene.name, "configmaps", name)).is_some())
}

#[test]
fn folders_of_one_name_are_two_applications() {
    let (scene, other) = namesakes();
    for repository in [&scene.repository, &other, &scene.repository] {
        let told = sync(&scene, repository, &[]);
        assert_eq!(told.exit, 0, "{told}");
    }
    assert_eq!(there(&scene), [true, true]);
}

#[test]
fn what_another_repository_applied_is_neither_taken_nor_deleted() {
    let (scene, other) = namesakes();
    let folder = |name: &str| scene.folder().join(name).display().to_string();
    let (mine, elsewhere) = (folder("mine"), folder("elsewhere"));
    let named = ["--application", &scene.name, "--state"];
    let first = sync(&scene, &scene.repository, &[&named[..], &[&mine]].concat());
    assert_eq!(first.exit, 0, "{first}");
    // On another machine, and in the state folder of the first.
    for state in [&elsewhere, &mine] {
        let refused = sync(&scene, &other, &[&named[..], &[state]].concat());
        refused.failed(3, "SOURCE-OTHER").naming("--take-over");
        assert_eq!(there(&scene), [true, false], "{refused}");
    }
    let taken = sync(&scene, &other, &[&named[..], &[&elsewhere, "--take-over"]].concat());
    assert_eq!((taken.exit, there(&scene)), (0, [true, true]), "{taken}");
    // A machine without state takes its own for its own.
    let again = folder("again");
    other.remove(&["deploy/second.yaml"]);
    let told = sync(&scene, &other, &[&named[..], &[&again, "--take-over"]].concat());
    assert_eq!((told.exit, there(&scene)), (0, [true, false]), "{told}");
}
