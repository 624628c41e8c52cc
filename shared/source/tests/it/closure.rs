//! Closures of real commits; the rules themselves are tested beside the code.

use crate::repository::Scene;

const BASE: (&str, &str) = ("base/kustomization.yaml", "resources: [deployment.yaml]\n");
const OVERLAY: (&str, &str) = ("prod/kustomization.yaml", "resources: [../base]\nnamePrefix: p-\n");

#[test]
fn only_what_is_read_changes_the_digest() {
    let scene = Scene::empty();
    let files = [BASE, OVERLAY, ("base/deployment.yaml", "kind: X\n"), ("other/x.yaml", "1\n")];
    let first = scene.commit(&files);
    let unrelated = scene.commit(&[("other/x.yaml", "2\n")]);
    let base = scene.commit(&[("base/deployment.yaml", "kind: Y\n")]);
    let mirror = scene.mirror();
    mirror.fetch().unwrap();
    let closure = |commit| mirror.at(commit).unwrap().closure("prod", &[]).unwrap();
    assert_eq!(closure(&first), closure(&unrelated));
    assert_ne!(closure(&first).digest, closure(&base).digest);
    assert_eq!(closure(&base).roots, ["base", "prod"]);
    let roots: Vec<String> = closure(&base).roots;
    let roots: Vec<&str> = roots.iter().map(String::as_str).collect();
    assert_eq!(mirror.at(&base).unwrap().read(&roots).unwrap().artifact.files().len(), 3);
    let error = mirror.at(&first).unwrap().closure("nope", &[]).unwrap_err();
    assert_eq!(error.code(), "GIT-PATH");
}

#[test]
fn a_reverted_change_has_the_old_digest() {
    let scene = Scene::empty();
    let first = scene.commit(&[("app/x.yaml", "1\n")]);
    let second = scene.commit(&[("app/x.yaml", "2\n")]);
    let third = scene.commit(&[("app/x.yaml", "1\n")]);
    let mirror = scene.mirror();
    mirror.fetch().unwrap();
    let digest = |commit| mirror.at(commit).unwrap().closure("app", &[]).unwrap().digest;
    assert_eq!(digest(&first), digest(&third));
    assert_ne!(digest(&first), digest(&second));
}
