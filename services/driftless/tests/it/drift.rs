//! Somebody edits the cluster.

use serde_json::json;

use crate::{
    api::{core, deployment, version},
    scene::Scene,
    shop,
};

#[test]
fn an_edited_field_is_shown_and_only_its_object_is_healed() {
    let scene = Scene::new();
    scene.repository.commit(&shop::FILES);
    scene.sync(&[]);
    let settings = core(&scene.name, "configmaps", "settings");
    let web = deployment(&scene.name, "web");
    scene.api.edit(&settings, json!({"data": {"colour": "red"}}));
    let edited = scene.api.object(&settings);
    let others = [web, core(&scene.name, "secrets", "login"), core(&scene.name, "services", "web")];
    let before: Vec<_> = others.iter().map(|path| scene.api.object(path)).collect();

    let diff = scene.run("diff", &[]);
    assert_eq!(diff.exit, 1, "{diff}");
    let readable = scene.readable(&diff.out);
    assert!(readable.contains("~ change ConfigMap NAME/settings\n"), "{diff}");
    assert!(diff.out.contains("red") && diff.out.contains("blue") && diff.out.contains("colour"), "{diff}");
    assert!(!diff.out.contains("large"), "a field that is equal is not shown: {diff}");
    assert_eq!(version(&scene.api.object(&settings)), version(&edited), "a diff writes nothing");

    let healed = scene.sync(&[]);
    assert_eq!(scene.api.object(&settings)["data"], json!({"colour": "blue", "size": "large"}));
    for (path, object) in others.iter().zip(&before) {
        assert_eq!(version(&scene.api.object(path)), version(object), "{path} is written: {healed}");
    }
    assert!(scene.readable(&healed.err).contains("  configured  ConfigMap NAME/settings\n"), "{healed}");
    assert_eq!(scene.run("diff", &[]).exit, 0);
}

#[test]
fn only_what_was_written_is_told_as_configured() {
    let scene = Scene::new();
    scene.repository.commit(&shop::FILES);
    scene.sync(&[]);
    scene.api.edit(&core(&scene.name, "configmaps", "settings"), json!({"data": {"colour": "red"}}));
    scene.sync(&[]);
    scene.api.edit(&deployment(&scene.name, "web"), json!({"spec": {"replicas": 5}}));
    let healed = scene.sync(&[]);
    let told: Vec<_> = healed.err.lines().filter(|line| line.starts_with("  configured ")).collect();
    assert_eq!(told.len(), 1, "{healed}");
    assert!(told[0].contains("Deployment"), "{healed}");
}

#[test]
fn an_edited_secret_is_shown_without_its_values() {
    let scene = Scene::new();
    scene.repository.commit(&shop::FILES);
    scene.sync(&[]);
    let login = core(&scene.name, "secrets", "login");
    scene.api.edit(&login, json!({"stringData": {"password": shop::CANARY_LIVE}}));

    let diff = scene.run("diff", &[]);
    assert_eq!(diff.exit, 1, "{diff}");
    assert!(diff.out.contains("password") && diff.out.contains("***"), "{diff}");
    let healed = scene.sync(&["-o", "json"]);
    let encoded = base64(shop::CANARY);
    assert_eq!(scene.api.object(&login)["data"]["password"], encoded.as_str());
    for text in [&diff.out, &diff.err, &healed.out, &healed.err] {
        for value in [shop::CANARY, shop::CANARY_LIVE] {
            assert!(!text.contains(value) && !text.contains(&base64(value)), "{text}");
        }
    }
}

#[test]
fn a_field_that_git_does_not_name_belongs_to_whoever_set_it() {
    let scene = Scene::new();
    scene.repository.commit(&shop::FILES);
    scene.sync(&[]);
    let settings = core(&scene.name, "configmaps", "settings");
    scene.api.edit(
        &settings,
        json!({"data": {"added": "by hand"}, "metadata": {"annotations": {"example.com/on-call": "eve"}}}),
    );
    let edited = scene.api.object(&settings);

    assert_eq!(scene.run("diff", &[]).exit, 0);
    scene.sync(&[]);
    assert_eq!(version(&scene.api.object(&settings)), version(&edited));
}

#[test]
fn an_object_that_somebody_deleted_is_created_again() {
    let scene = Scene::new();
    scene.repository.commit(&shop::FILES);
    scene.sync(&[]);
    let service = core(&scene.name, "services", "web");
    scene.api.delete(&service);

    let diff = scene.run("diff", &[]);
    assert_eq!(diff.exit, 1, "{diff}");
    assert!(scene.readable(&diff.out).starts_with("+ create Service NAME/web\n"), "{diff}");
    scene.sync(&[]);
    assert!(scene.api.get(&service).is_some());
}

fn base64(text: &str) -> String {
    crate::canary::base64(text.as_bytes())
}
