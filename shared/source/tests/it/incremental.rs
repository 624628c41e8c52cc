//! What a second fetch does: new commits, nothing new, forced pushes, deletions, renames, damage.

use std::{fs, os::unix::fs::PermissionsExt as _};

use model::definition::Reference;
use source::{Fetched, Limits, Program};

use crate::repository::{Scene, definition, git, head};

const CHANGED: Fetched = Fetched { changed: true, program: Program::Gix };
const SAME: Fetched = Fetched { changed: false, program: Program::Gix };

#[test]
fn first_incremental_and_nothing_new() {
    let scene = Scene::new();
    let mirror = scene.mirror();
    assert_eq!(mirror.fetch().unwrap(), CHANGED);
    assert_eq!(mirror.fetch().unwrap(), SAME);
    let second = scene.commit(&[("a.yaml", "two")]);
    assert_eq!(mirror.fetch().unwrap(), CHANGED);
    assert_eq!(head(&mirror), second);
    assert_eq!(scene.packs(), 2);
    assert_eq!(mirror.fetch().unwrap(), SAME);
    assert_eq!(scene.packs(), 2);
}

#[test]
fn a_mirror_is_found_again_by_the_next_process() {
    let scene = Scene::new();
    scene.mirror().fetch().unwrap();
    let mirror = scene.mirror();
    assert_eq!(head(&mirror), scene.push());
    assert_eq!(mirror.fetch().unwrap(), SAME);
}

#[test]
fn a_mirror_is_for_its_owner_alone() {
    let scene = Scene::new();
    let mode = || fs::metadata(scene.mirror_folder()).unwrap().permissions().mode() & 0o777;
    drop(scene.mirror());
    assert_eq!(mode(), 0o700);
    fs::set_permissions(scene.mirror_folder(), fs::Permissions::from_mode(0o755)).unwrap();
    drop(scene.mirror());
    assert_eq!(mode(), 0o700, "also where it was made otherwise");
}

#[test]
fn a_forced_push_replaces_the_branch() {
    let scene = Scene::new();
    let first = scene.push();
    scene.commit(&[("a.yaml", "two")]);
    let mirror = scene.mirror();
    mirror.fetch().unwrap();
    scene.work(&["reset", "-q", "--hard", first.as_str()]);
    let other = scene.commit(&[("a.yaml", "three")]);
    assert_eq!(mirror.fetch().unwrap(), CHANGED);
    assert_eq!(head(&mirror), other);
}

#[test]
fn a_deleted_branch_is_gone_and_may_become_a_folder_of_branches() {
    let scene = Scene::new();
    let mirror = scene.mirror();
    scene.work(&["push", "-q", "origin", "HEAD:refs/heads/side"]);
    mirror.fetch().unwrap();
    assert!(mirror.resolve(&Reference::Branch("side".into())).is_ok());
    git(&scene.bare(), &["branch", "-D", "side"]);
    assert_eq!(mirror.fetch().unwrap(), CHANGED);
    let error = mirror.resolve(&Reference::Branch("side".into())).unwrap_err();
    assert_eq!(error.code(), "GIT-REF");
    scene.work(&["push", "-q", "origin", "HEAD:refs/heads/side"]);
    mirror.fetch().unwrap();
    git(&scene.bare(), &["branch", "-D", "side"]);
    scene.work(&["push", "-q", "origin", "HEAD:refs/heads/side/one"]);
    assert_eq!(mirror.fetch().unwrap(), CHANGED);
    assert!(mirror.resolve(&Reference::Branch("side/one".into())).is_ok());
}

#[test]
fn a_renamed_default_branch_is_followed() {
    let scene = Scene::new();
    let mirror = scene.mirror();
    mirror.fetch().unwrap();
    assert_eq!(mirror.resolve(&Reference::Default).unwrap().name, "main");
    git(&scene.bare(), &["branch", "-m", "main", "trunk"]);
    git(&scene.bare(), &["symbolic-ref", "HEAD", "refs/heads/trunk"]);
    assert_eq!(mirror.fetch().unwrap(), CHANGED);
    assert_eq!(mirror.resolve(&Reference::Default).unwrap().name, "trunk");
    assert_eq!(mirror.fetch().unwrap(), SAME);
}

#[test]
fn a_detached_head_is_a_default_too() {
    let scene = Scene::new();
    let first = scene.push();
    let mirror = scene.mirror();
    scene.commit(&[("a.yaml", "two")]);
    git(&scene.bare(), &["update-ref", "--no-deref", "HEAD", first.as_str()]);
    mirror.fetch().unwrap();
    let found = mirror.resolve(&Reference::Default).unwrap();
    assert_eq!((found.commit, found.name.as_str()), (first, "HEAD"));
    assert_eq!(mirror.fetch().unwrap(), SAME);
}

#[test]
fn an_empty_repository_says_so_until_the_first_push() {
    let scene = Scene::empty();
    let mirror = scene.mirror();
    assert_eq!(mirror.fetch().unwrap_err().code(), "GIT-EMPTY");
    let first = scene.commit(&[("a.yaml", "one")]);
    assert_eq!(mirror.fetch().unwrap(), CHANGED);
    assert_eq!(head(&mirror), first);
}

#[test]
fn a_repository_that_lost_everything_leaves_the_mirror_alone() {
    let scene = Scene::new();
    let mirror = scene.mirror();
    mirror.fetch().unwrap();
    git(&scene.bare(), &["update-ref", "-d", "refs/heads/main"]);
    assert_eq!(mirror.fetch().unwrap_err().code(), "GIT-EMPTY");
    assert_eq!(head(&mirror), scene.push());
}

/// Fetches sixty commits one by one, and reads each; returns the most packs that were there.
fn sixty_fetches(limits: Limits) -> usize {
    let scene = Scene::new();
    let mirror = scene.mirror().with_limits(limits);
    let mut most = 0;
    for round in 0..60 {
        let pushed = scene.commit(&[("a.yaml", &round.to_string())]);
        mirror.fetch().unwrap();
        most = most.max(scene.packs());
        assert_eq!(head(&mirror), pushed, "round {round}");
        let contents = mirror.at(&pushed).unwrap().read(&["a.yaml"]).unwrap();
        assert_eq!(contents.artifact.get("a.yaml").unwrap().bytes, round.to_string().as_bytes());
    }
    most
}

#[test]
fn many_fetches_leave_few_packs_and_each_is_read() {
    assert_eq!(sixty_fetches(Limits { packs: 20, ..Limits::default() }), 20);
    assert_eq!(sixty_fetches(Limits::default()), Limits::default().packs);
}

#[test]
fn a_damaged_mirror_is_made_anew() {
    let scene = Scene::new();
    let mirror = scene.mirror();
    mirror.fetch().unwrap();
    let (packs, commit) = (scene.mirror_folder().join("repository/objects/pack"), head(&mirror));
    drop(mirror);
    for file in fs::read_dir(&packs).unwrap() {
        let path = file.unwrap().path();
        fs::remove_file(&path).unwrap();
        if path.extension().is_some_and(|extension| extension == "pack") {
            fs::write(&path, b"PACK nonsense").unwrap();
        }
    }
    let mirror = scene.mirror();
    assert!(mirror.at(&commit).and_then(|snapshot| snapshot.read(&["a.yaml"])).is_err());
    scene.commit(&[("a.yaml", "two")]);
    mirror.fetch().unwrap();
    let commit = head(&mirror);
    assert_eq!(
        mirror.at(&commit).unwrap().read(&["a.yaml"]).unwrap().artifact.get("a.yaml").unwrap().bytes,
        b"two"
    );
}

#[test]
fn a_folder_that_holds_nonsense_is_made_anew() {
    let scene = Scene::new();
    scene.mirror().fetch().unwrap();
    fs::write(scene.mirror_folder().join("repository/HEAD"), b"\0\0\0").unwrap();
    let mirror = scene.mirror();
    assert_eq!(mirror.fetch().unwrap(), CHANGED);
}

#[test]
fn a_killed_fetch_leaves_nothing_in_the_way() {
    let scene = Scene::new();
    scene.mirror().fetch().unwrap();
    let repository = scene.mirror_folder().join("repository");
    fs::write(repository.join("packed-refs.lock"), b"").unwrap();
    fs::write(repository.join("objects/pack/.tmpXYZ"), b"half a pack").unwrap();
    let second = scene.commit(&[("a.yaml", "two")]);
    let mirror = scene.mirror();
    mirror.fetch().unwrap();
    assert_eq!(head(&mirror), second);
    assert!(!repository.join("objects/pack/.tmpXYZ").exists());
}

#[test]
fn a_folder_belongs_to_one_owner_and_one_address() {
    let (scene, other) = (Scene::new(), Scene::new());
    let mirror = scene.mirror();
    mirror.fetch().unwrap();
    let error = scene.mirror_of(definition(scene.bare().to_str().unwrap())).err().unwrap();
    assert_eq!(error.code(), "GIT-BUSY");
    drop(mirror);
    let mirror = scene.mirror_of(definition(other.bare().to_str().unwrap())).unwrap();
    assert_eq!(mirror.resolve(&Reference::Default).unwrap_err().code(), "GIT-REF");
}
