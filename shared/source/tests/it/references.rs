//! From references to commits.

use model::definition::Reference;

use crate::repository::{Scene, git, head};

#[test]
fn branches_and_tags_resolve_to_commits() {
    let scene = Scene::new();
    let first = scene.push();
    scene.tag(&[], "plain");
    scene.tag(&["-a", "-m", "words"], "annotated");
    let second = scene.commit(&[("a.yaml", "two")]);
    let mirror = scene.mirror();
    mirror.fetch().unwrap();
    for (reference, commit, name) in [
        (Reference::Default, &second, "main"),
        (Reference::Branch("main".into()), &second, "main"),
        (Reference::Tag("plain".into()), &first, "plain"),
        (Reference::Tag("annotated".into()), &first, "annotated"),
        (Reference::Commit(first.to_string()), &first, first.as_str()),
    ] {
        let found = mirror.resolve(&reference).unwrap();
        assert_eq!((&found.commit, found.name.as_str()), (commit, name), "{reference:?}");
    }
}

#[test]
fn a_moved_tag_is_followed() {
    let scene = Scene::new();
    scene.tag(&[], "v1");
    let mirror = scene.mirror();
    mirror.fetch().unwrap();
    let second = scene.commit(&[("a.yaml", "two")]);
    scene.work(&["tag", "-f", "v1"]);
    scene.work(&["push", "-q", "--force", "origin", "v1"]);
    assert!(mirror.fetch().unwrap().changed);
    assert_eq!(mirror.resolve(&Reference::Tag("v1".into())).unwrap().commit, second);
}

#[test]
fn the_highest_version_in_range_wins() {
    let scene = Scene::new();
    for tag in ["v1.2.0", "1.10.0", "v1.9.3", "v2.0.0-rc.1", "v2.0.0-rc.2", "nightly", "v1.4"] {
        scene.commit(&[("a.yaml", tag)]);
        scene.tag(&[], tag);
    }
    let mirror = scene.mirror();
    mirror.fetch().unwrap();
    for (range, expected) in [
        ("^1", Some("1.10.0")),
        ("~1.9", Some("v1.9.3")),
        ("*", Some("1.10.0")),
        (">=2.0.0-rc.1", Some("v2.0.0-rc.2")),
        (">=2", None),
        ("not a range", None),
    ] {
        let found = mirror.resolve(&Reference::Semver(range.into()));
        match expected {
            Some(name) => assert_eq!(found.unwrap().name, name, "{range}"),
            None => assert_eq!(found.unwrap_err().code(), "GIT-REF", "{range}"),
        }
    }
}

#[test]
fn a_tag_of_something_else_than_a_commit_is_no_revision() {
    let scene = Scene::new();
    scene.work(&["tag", "content", "HEAD:a.yaml"]);
    scene.work(&["tag", "-a", "-m", "words", "folder", "HEAD^{tree}"]);
    scene.work(&["push", "-q", "origin", "content", "folder"]);
    let mirror = scene.mirror();
    mirror.fetch().unwrap();
    for name in ["content", "folder"] {
        assert_eq!(mirror.resolve(&Reference::Tag(name.into())).unwrap_err().code(), "GIT-REF", "{name}");
    }
    assert!(!mirror.fetch().unwrap().changed, "the mirror is not suspect");
}

#[test]
fn what_is_missing_is_named_with_what_there_is() {
    let scene = Scene::new();
    for name in ["a", "b", "c", "d", "e", "f"] {
        scene.work(&["push", "-q", "origin", &format!("HEAD:refs/heads/{name}")]);
    }
    let mirror = scene.mirror();
    mirror.fetch().unwrap();
    let text = mirror.resolve(&Reference::Branch("nope".into())).unwrap_err().to_string();
    assert!(text.contains("has no branch \"nope\"; it has the branches a, b, c, d, e and 2 more"), "{text}");
    let text = mirror.resolve(&Reference::Branch("0123abc".into())).unwrap_err().to_string();
    assert!(text.ends_with("; a commit is named by all of its digits"), "{text}");
    let text = mirror.resolve(&Reference::Tag("v1".into())).unwrap_err().to_string();
    assert!(text.ends_with("it has no tag at all"), "{text}");
    scene.tag(&[], "stable");
    mirror.fetch().unwrap();
    let text = mirror.resolve(&Reference::Branch("stable".into())).unwrap_err().to_string();
    assert!(text.ends_with("; there is a tag of that name"), "{text}");
}

#[test]
fn hostile_references_are_only_missing() {
    let scene = Scene::new();
    let mirror = scene.mirror();
    mirror.fetch().unwrap();
    for name in ["../../../config", "..", "", "main.lock", "a b", "main\0", "-x", "main~1", "HEAD", "@{1}"] {
        for reference in
            [Reference::Branch(name.into()), Reference::Tag(name.into()), Reference::Commit(name.into())]
        {
            assert_eq!(mirror.resolve(&reference).unwrap_err().code(), "GIT-REF", "{reference:?}");
        }
    }
}

#[test]
fn a_commit_that_no_branch_holds_is_fetched_by_its_id() {
    let scene = Scene::new();
    let first = scene.push();
    let lost = scene.commit(&[("a.yaml", "lost")]);
    scene.work(&["reset", "-q", "--hard", first.as_str()]);
    scene.push();
    git(&scene.bare(), &["config", "uploadpack.allowAnySHA1InWant", "true"]);
    let mirror = scene.mirror();
    mirror.fetch().unwrap();
    assert_eq!(head(&mirror), first);
    assert_eq!(mirror.resolve(&Reference::Commit(lost.to_string())).unwrap().commit, lost);
    assert_eq!(
        mirror.at(&lost).unwrap().read(&["a.yaml"]).unwrap().artifact.get("a.yaml").unwrap().bytes,
        b"lost"
    );
    assert!(!mirror.fetch().unwrap().changed);
    let unknown = "1".repeat(40);
    assert_eq!(mirror.resolve(&Reference::Commit(unknown)).unwrap_err().code(), "GIT-REF");
}

#[test]
fn commits_fetched_by_id_do_not_pile_up() {
    let scene = Scene::new();
    let first = scene.push();
    git(&scene.bare(), &["config", "uploadpack.allowAnySHA1InWant", "true"]);
    let mut lost = |round: usize| {
        scene.work(&["reset", "-q", "--hard", first.as_str()]);
        scene.commit(&[("a.yaml", &format!("lost {round}"))])
    };
    let commits: Vec<_> = (0..40).map(&mut lost).collect();
    scene.work(&["reset", "-q", "--hard", first.as_str()]);
    scene.push();
    let mirror = scene.mirror();
    mirror.fetch().unwrap();
    let mut most = 0;
    for commit in &commits {
        assert_eq!(&mirror.resolve(&Reference::Commit(commit.to_string())).unwrap().commit, commit);
        let listed = git(&scene.mirror_folder().join("repository"), &["for-each-ref", "refs/driftless"]);
        assert!(listed.contains(commit.as_str()), "{listed}");
        most = most.max(listed.lines().count());
    }
    assert_eq!(most, 16);
    let packed = ["-c", "gc.reflogExpire=now", "repack", "-a", "-d", "-q"];
    git(&scene.mirror_folder().join("repository"), &packed);
    drop(mirror);
    // Let go of, and fetched again for whoever still wants it.
    let mirror = scene.mirror();
    assert_eq!(mirror.resolve(&Reference::Commit(commits[0].to_string())).unwrap().commit, commits[0]);
}
