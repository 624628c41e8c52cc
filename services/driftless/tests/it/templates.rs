//! Kustomize and Helm, with the official programs.

use crate::{
    api::{core, deployment},
    scene::Scene,
    shop,
};

#[test]
fn an_overlay_brings_the_base_beside_it() {
    let scene = Scene::new();
    scene.repository.commit(&[
        ("base/deployment.yaml", shop::DEPLOYMENT),
        ("base/kustomization.yaml", "resources: [deployment.yaml]\n"),
        (
            "overlays/prod/kustomization.yaml",
            "resources: [../../base]\nreplicas: [{name: web, count: 7}]\n\
             configMapGenerator: [{name: extra, literals: [mode=prod], options: {disableNameSuffixHash: true}}]\n",
        ),
    ]);
    let path = ["--path", "overlays/prod"];
    let told = scene.sync(&path);
    assert!(told.err.contains("rendered  2 objects with kustomize"), "{told}");
    let web = deployment(&scene.name, "web");
    assert_eq!(scene.api.object(&web)["spec"]["replicas"], 7);
    assert_eq!(scene.api.object(&core(&scene.name, "configmaps", "extra"))["data"]["mode"], "prod");

    // Only the base changes: it is outside the folder, and counts.
    scene.repository.commit(&[("base/deployment.yaml", &shop::DEPLOYMENT.replace("web:1.0", "web:1.1"))]);
    let diff = scene.run("diff", &path);
    assert!(diff.exit == 1 && diff.out.contains("web:1.1"), "{diff}");
    scene.sync(&path);
    let image = &scene.api.object(&web)["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!(image, "registry.example/web:1.1");
}

#[test]
fn a_chart_is_rendered_with_its_values_and_its_hook_is_set_aside() {
    let scene = Scene::new();
    scene.repository.commit(&[
        ("chart/Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n"),
        ("chart/values.yaml", "colour: green\n"),
        (
            "chart/templates/config.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}'}\n\
             data: {colour: '{{ .Values.colour }}', namespace: '{{ .Release.Namespace }}'}\n",
        ),
        (
            "chart/templates/hook.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: migrate, annotations: {helm.sh/hook: pre-install}}\n",
        ),
    ]);
    let told = scene.sync(&["--path", "chart"]);
    assert!(
        told.err.contains("rendered  1 objects with helm")
            || told.err.contains("rendered  1 object with helm"),
        "{told}"
    );
    let note =
        told.err.lines().find(|line| line.contains("note:")).unwrap_or_else(|| panic!("no note: {told}"));
    assert!(note.contains("migrate") && note.contains("hook"), "{told}");
    let config = scene.api.object(&core(&scene.name, "configmaps", &scene.name));
    assert_eq!(config["data"], serde_json::json!({"colour": "green", "namespace": scene.name}));
    assert!(scene.api.get(&core(&scene.name, "configmaps", "migrate")).is_none());
}

#[test]
fn a_chart_comes_with_the_charts_that_it_is_locked_to() {
    let scene = Scene::new();
    let charts = testkit::chart_repository::ChartRepository::start(scene.folder(), None);
    charts.publish("dep", "1.2.3", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: dep}\ndata: {a: b}\n");
    let chart = format!(
        "apiVersion: v2\nname: shop\nversion: 1.0.0\n\
         dependencies: [{{name: dep, version: ^1, repository: '{}'}}]\n",
        charts.url()
    );
    scene.repository.commit(&[("chart/Chart.yaml", &chart)]);
    let refused = scene.run("sync", &["--path", "chart"]);
    refused.failed(1, "CHART-LOCK").naming("helm dependency update");

    charts.lock(&scene.repository.path().join("chart"));
    scene.repository.commit(&[]);
    charts.hide();
    scene.run("sync", &["--path", "chart"]).failed(1, "CHART-FETCH").naming("dep 1.2.3");
    charts.show();
    let told = scene.sync(&["--path", "chart"]);
    assert!(told.err.contains("rendered  1 object with helm"), "{told}");
    assert_eq!(scene.api.object(&core(&scene.name, "configmaps", "dep"))["data"]["a"], "b");
    // From now on it is known.
    charts.hide();
    scene.sync(&["--path", "chart"]);
}

#[test]
fn the_namespace_is_created_if_it_is_missing() {
    let scene = Scene::new();
    scene.repository.commit(&[("deploy/config.yaml", shop::CONFIG)]);
    let namespace = format!("/api/v1/namespaces/{}", scene.name);
    assert!(scene.api.get(&namespace).is_none());
    let diff = scene.run("diff", &[]);
    assert!(diff.exit == 1 && diff.out.contains("+ create ConfigMap"), "{diff}");
    assert!(scene.api.get(&namespace).is_none(), "a diff creates nothing");
    scene.sync(&[]);
    assert!(scene.api.get(&namespace).is_some());
}

#[test]
fn a_missing_program_is_a_mistake_of_configuration_and_plain_files_need_none() {
    let scene = Scene::new();
    scene.repository.commit(&[
        ("overlay/kustomization.yaml", "resources: []\n"),
        ("chart/Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n"),
        ("deploy/config.yaml", shop::CONFIG),
    ]);
    // All that reading a local repository needs, and nothing that renders.
    let programs = scene.programs(&["git", "git-upload-pack", "sh"]);
    let run = |path: &str| {
        let mut run = scene.command("sync", &["--path", path]);
        run.env("DRIFTLESS_TOOLS_BIN", &programs).env("PATH", &programs);
        crate::scene::told(run)
    };
    run("overlay").failed(2, "ENGINE-MISSING").naming("kustomize").naming("DRIFTLESS_TOOLS_BIN");
    run("chart").failed(2, "ENGINE-MISSING").naming("helm");
    let plain = run("deploy");
    assert_eq!(plain.exit, 0, "{plain}");
}
