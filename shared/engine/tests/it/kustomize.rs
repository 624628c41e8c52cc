//! Kustomizations.

use std::{io::ErrorKind, net::TcpListener};

use engine::Kind;
use model::definition::Rendering;

use crate::scene::{Scene, text};

const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\ndata:\n  a: b\n";

#[tokio::test]
async fn an_overlay_uses_a_base_beside_it() {
    let scene = Scene::new().await;
    let files = [
        ("base/kustomization.yaml", "resources: [config.yaml]\n"),
        ("base/config.yaml", CONFIG),
        ("prod/kustomization.yaml", "resources: [../base]\nnamePrefix: prod-\nnamespace: x\n"),
    ];
    let rendered = scene.render(&files, "prod", &Rendering::Detect).await.unwrap();
    assert_eq!(rendered.len(), 1);
    assert_eq!(rendered[0].name, "prod/kustomization.yaml");
    let expected =
        "apiVersion: v1\ndata:\n  a: b\nkind: ConfigMap\nmetadata:\n  name: prod-web\n  namespace: x\n";
    assert_eq!(text(&rendered), expected);
    assert!(scene.engine.version(Kind::Kustomize).await.unwrap().starts_with("kustomize v5."));
}

#[tokio::test]
async fn links_within_the_repository_work() {
    let scene = Scene::new().await;
    let files = [
        ("shared/config.yaml", CONFIG),
        ("app/kustomization.yaml", "resources: [here]\n"),
        ("app/here", "->../linked"),
        ("linked/kustomization.yaml", "resources: [config.yaml]\n"),
        ("linked/config.yaml", CONFIG),
    ];
    let rendered = scene.render(&files, "app", &Rendering::Kustomize).await.unwrap();
    assert!(text(&rendered).contains("name: web"));
}

#[tokio::test]
async fn nothing_of_this_machine_can_be_read() {
    let scene = Scene::new().await;
    let secret = scene.scratch.path().join("machine.yaml");
    std::fs::write(&secret, CONFIG.replace("a: b", "a: machine-secret")).unwrap();
    let outside = secret.to_str().unwrap();
    let up = format!("../../../../../../../..{outside}");
    for (kustomization, link) in [
        (format!("resources: [{outside}]"), "->x"),
        (format!("resources: [{up}]"), "->x"),
        (format!("configMapGenerator: [{{name: a, files: [{up}]}}]"), "->x"),
        (format!("patches: [{{path: {up}}}]"), "->x"),
        ("resources: [l]".to_owned(), &*format!("->{outside}")),
        ("resources: [l]".to_owned(), &*format!("->{up}")),
    ] {
        let files = [("app/kustomization.yaml", kustomization.as_str()), ("app/l", link)];
        let error = scene.render(&files, "app", &Rendering::Kustomize).await.unwrap_err();
        assert!(matches!(error.code(), "RENDER-FAILED" | "RENDER-LINK"), "{error}");
        assert!(!error.to_string().contains("machine-secret"), "{error}");
    }
}

#[tokio::test]
async fn remote_bases_are_not_loaded() {
    let scene = Scene::new().await;
    for address in ["https://127.0.0.1:9/x.yaml", "https://127.0.0.1:9/owner/repository?ref=v1"] {
        let kustomization = format!("resources: ['{address}']");
        let files = [("app/kustomization.yaml", kustomization.as_str())];
        let error = scene.render(&files, "app", &Rendering::Kustomize).await.unwrap_err();
        assert_eq!(error.code(), "RENDER-FAILED", "{error}");
    }
}

#[tokio::test]
async fn nobody_on_this_machine_is_called() {
    let scene = Scene::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    for resource in
        [format!("http://{address}/x.yaml"), format!("http://{address}/owner/repository.git?ref=v1")]
    {
        let kustomization = format!("resources: ['{resource}']");
        let files = [("app/kustomization.yaml", kustomization.as_str())];
        let error = scene.render(&files, "app", &Rendering::Kustomize).await.unwrap_err();
        assert_eq!(error.code(), "RENDER-FAILED", "{error}");
        let called = listener.accept().map(|(_, from)| from);
        assert_eq!(called.unwrap_err().kind(), ErrorKind::WouldBlock, "{resource}");
    }
}

#[tokio::test]
async fn a_vendored_chart_that_differs_each_time_is_refused() {
    let scene = Scene::new().await;
    let files = [
        ("app/kustomization.yaml", "helmCharts: [{name: web, releaseName: r}]\n"),
        ("app/charts/web/values.yaml", ""),
        ("app/charts/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        (
            "app/charts/web/templates/c.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: '{{ randAlphaNum 12 }}'}\n",
        ),
    ];
    let error = scene.render(&files, "app", &Rendering::Kustomize).await.unwrap_err();
    assert_eq!(error.code(), "RENDER-RANDOM", "{error}");
}

#[tokio::test]
async fn a_bad_file_is_named_with_its_line() {
    let scene = Scene::new().await;
    let files = [
        ("app/kustomization.yaml", "resources: [bad.yaml]\n"),
        ("app/bad.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a: b\n"),
    ];
    let error = scene.render(&files, "app", &Rendering::Kustomize).await.unwrap_err();
    assert_eq!(error.place().unwrap().to_string(), "app/bad.yaml:4", "{error}");
    assert!(!error.to_string().contains(scene.scratch.path().to_str().unwrap()), "{error}");

    let files = [("app/kustomization.yaml", "resources: [missing.yaml]\n")];
    let error = scene.render(&files, "app", &Rendering::Kustomize).await.unwrap_err();
    assert_eq!(error.place().unwrap().to_string(), "app/missing.yaml", "{error}");
}

#[tokio::test]
async fn a_vendored_chart_is_inflated() {
    let scene = Scene::new().await;
    let files = [
        ("app/kustomization.yaml", "helmCharts: [{name: web, releaseName: r, valuesFile: v.yaml}]\n"),
        ("app/v.yaml", "who: kustomize\n"),
        ("app/charts/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        (
            "app/charts/web/templates/c.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {who: '{{ .Values.who }}'}\n",
        ),
    ];
    let rendered = scene.render(&files, "app", &Rendering::Kustomize).await.unwrap();
    assert!(text(&rendered).contains("who: kustomize"), "{}", text(&rendered));
}
