//! Trees and files of a commit.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{PermissionsExt as _, symlink},
    process::{Command, Stdio},
};

use manifest::FileMode;
use model::Commit;
use source::Note;

use crate::repository::{Scene, git, head};

#[test]
fn a_folder_is_read_with_modes_and_links() {
    let scene = Scene::new();
    let work = scene.work_tree();
    fs::create_dir_all(work.join("deploy/sub")).unwrap();
    symlink("../a.yaml", work.join("deploy/link")).unwrap();
    symlink("/etc/passwd", work.join("deploy/sub/out")).unwrap();
    fs::write(work.join("deploy/run.sh"), "x").unwrap();
    fs::set_permissions(work.join("deploy/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    let commit = scene.commit(&[]);
    let mirror = scene.mirror();
    mirror.fetch().unwrap();
    let contents = mirror.at(&commit).unwrap().read(&["deploy"]).unwrap();
    let files: Vec<_> = contents
        .artifact
        .files()
        .iter()
        .map(|(path, file)| (path.as_str(), file.mode, String::from_utf8_lossy(&file.bytes).into_owned()))
        .collect();
    assert_eq!(
        files,
        [
            ("deploy/link", FileMode::Symlink, "../a.yaml".to_owned()),
            ("deploy/run.sh", FileMode::Executable, "x".to_owned()),
            ("deploy/sub/out", FileMode::Symlink, "/etc/passwd".to_owned()),
        ]
    );
    assert_eq!(mirror.at(&commit).unwrap().read(&[""]).unwrap().artifact.files().len(), 4);
    assert_eq!(
        mirror.at(&commit).unwrap().read(&["deploy", "deploy/sub", "a.yaml"]).unwrap().artifact.files().len(),
        4
    );
}

#[test]
fn tree_ids_change_only_with_what_is_below() {
    let scene = Scene::new();
    let first = scene.commit(&[("x/f", "1"), ("y/f", "1")]);
    let second = scene.commit(&[("y/f", "2")]);
    let mirror = scene.mirror();
    mirror.fetch().unwrap();
    let id = |commit: &Commit, path: &str| mirror.at(commit).unwrap().tree_id(path).unwrap();
    assert_eq!(id(&first, "x"), id(&second, "x"));
    assert_ne!(id(&first, "y"), id(&second, "y"));
    assert_ne!(id(&first, ""), id(&second, "./"));
    assert_eq!(id(&first, "nope"), None);
    assert_eq!(id(&first, "a.yaml"), None);
    assert_eq!(id(&first, "x").unwrap().as_str(), scene.work(&["rev-parse", &format!("{first}:x")]));
}

#[test]
fn paths_that_lead_out_or_nowhere_are_refused() {
    let scene = Scene::new();
    let mirror = scene.mirror();
    mirror.fetch().unwrap();
    let commit = head(&mirror);
    for path in ["..", "../..", "a/../../etc", "nope", "a.yaml/x", "a\0", &"x/".repeat(3000)] {
        let error = mirror.at(&commit).unwrap().read(&[path]).unwrap_err();
        assert_eq!(error.code(), "GIT-PATH", "{error}");
    }
    let unknown: Commit = "1".repeat(40).parse().unwrap();
    assert_eq!(mirror.at(&unknown).err().unwrap().code(), "GIT-REF");
}

#[test]
fn submodules_and_lfs_pointers_are_noted() {
    let scene = Scene::new();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
    let first = scene.commit(&[("big.bin", pointer)]);
    let entry = format!("160000,{first},vendor/lib");
    scene.work(&["update-index", "--add", "--cacheinfo", &entry]);
    scene.work(&["commit", "-q", "-m", "a submodule"]);
    let commit = scene.push();
    let mirror = scene.mirror();
    mirror.fetch().unwrap();
    let notes = mirror.at(&commit).unwrap().read(&[""]).unwrap().notes;
    assert_eq!(notes, [Note::Submodule("vendor/lib".into()), Note::LfsPointer("big.bin".into())]);
}

/// A commit whose tree git itself would not make.
fn hostile_commit(scene: &Scene, name: &str) -> Commit {
    let blob = scene.work(&["rev-parse", "HEAD:a.yaml"]);
    let raw: Vec<u8> =
        (0..40).step_by(2).map(|at| u8::from_str_radix(&blob[at..at + 2], 16).unwrap()).collect();
    let tree = [format!("100644 {name}\0").as_bytes(), &raw].concat();
    let mut child = Command::new("git")
        .current_dir(scene.work_tree())
        .args(["hash-object", "-w", "-t", "tree", "--literally", "--stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&tree).unwrap();
    let tree = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let commit = scene.work(&["commit-tree", tree.trim(), "-m", "hostile"]);
    scene.work(&["push", "-q", "--force", "origin", &format!("{commit}:refs/heads/main")]);
    commit.parse().unwrap()
}

#[test]
fn hostile_names_in_trees_are_refused() {
    for name in ["..", ".", ".git", ".GIT", "a/b", "../../x", "a\nb", "a\\..\\b"] {
        let scene = Scene::new();
        let commit = hostile_commit(&scene, name);
        let mirror = scene.mirror();
        mirror.fetch().unwrap();
        let error = mirror.at(&commit).unwrap().read(&[""]).unwrap_err();
        assert_eq!(error.code(), "GIT-TREE", "{name:?}: {error}");
        // The refusal does not make the mirror suspect.
        assert!(!mirror.fetch().unwrap().changed);
    }
}

#[test]
fn a_tree_that_unfolds_without_end_is_bounded() {
    let scene = Scene::new();
    // Folders alone: no bound on files or bytes stops it.
    let empty = scene.work(&["hash-object", "-w", "-t", "tree", "/dev/null"]);
    let mut line = format!("040000 tree {empty}\td");
    for level in 0..12 {
        let list: String = (0..10).map(|n| format!("{}{n}\n", line)).collect();
        let mut child = Command::new("git")
            .current_dir(scene.work_tree())
            .arg("mktree")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(list.as_bytes()).unwrap();
        let tree = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
        assert_eq!(tree.trim().len(), 40, "level {level}");
        line = format!("040000 tree {}\td", tree.trim());
    }
    let tree = line.split_whitespace().nth(2).unwrap().to_owned();
    let commit = scene.work(&["commit-tree", &tree, "-m", "bomb"]);
    git(&scene.work_tree(), &["push", "-q", "--force", "origin", &format!("{commit}:refs/heads/main")]);
    let mirror = scene.mirror();
    mirror.fetch().unwrap();
    let error = mirror.at(&commit.parse().unwrap()).unwrap().read(&[""]).unwrap_err();
    assert_eq!(error.code(), "GIT-TOO-LARGE");
}
