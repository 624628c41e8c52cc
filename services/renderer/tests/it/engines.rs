//! The real kustomize and helm through the whole loop.

use crate::scene::{Path, Scene, application, config_map, ids};

const CHART: [(&str, &str); 4] = [
    ("chart/Chart.yaml", "apiVersion: v2\nname: chart\nversion: 0.1.0\n"),
    ("chart/values.yaml", "text: default\n"),
    (
        "chart/templates/map.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n  \
         namespace: {{ .Release.Namespace }}\ndata:\n  text: {{ .Values.text }}\n",
    ),
    (
        "chart/templates/hook.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: before\n  annotations: {helm.sh/hook: pre-install}\n",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_is_rendered_by_helm_and_its_hooks_are_set_aside() {
    let scene = Scene::new().await;
    let text = r#"{"name":"one","source":{"name":"shop","path":"chart"},"namespace":"prod",
        "rendering":{"helm":{"values":"text: inline"}}}"#;
    scene.define(&[text]).await;
    scene.revision(1, &[("chart", Path::Files(&CHART))]).await;
    let state = scene.rendered("one", 1).await;
    assert_eq!(state.failure, None);
    assert!(state.made_from.engine.starts_with("helm v"), "{}", state.made_from.engine);
    let desired = state.desired.unwrap();
    let set = scene.set(&desired).await;
    assert_eq!(ids(&set), ["ConfigMap prod/one"]);
    assert_eq!(set.objects()[0].value.value()["data"]["text"], "inline");
    assert_eq!(desired.notes.len(), 1);
    assert!(desired.notes[0].message.contains("Pod before"), "{:?}", desired.notes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kustomization_is_found_out_and_given_a_process() {
    let scene = Scene::new().await;
    scene.define(&[&application("one", "over/lay")]).await;
    let map = config_map("a", "1");
    let files = [
        ("base/a.yaml", &*map),
        ("base/kustomization.yaml", "resources: [a.yaml]\n"),
        ("over/lay/kustomization.yaml", "namePrefix: pre-\nresources: [../../base]\n"),
    ];
    scene.revision(1, &[("over/lay", Path::Files(&files))]).await;
    let state = scene.rendered("one", 1).await;
    assert_eq!(state.failure, None);
    assert!(state.made_from.engine.starts_with("kustomize v"), "{}", state.made_from.engine);
    assert_eq!(ids(&scene.set(&state.desired.unwrap()).await), ["ConfigMap pre-a"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_definition_says_which_files_and_under_which_name() {
    let scene = Scene::new().await;
    let plain = r#"{"name":"plain","source":{"name":"shop","path":"plain"},
        "rendering":{"plain":{"include":["*.yaml","more/**"],"exclude":["no-*"]}}}"#;
    let named = r#"{"name":"named","source":{"name":"shop","path":"chart"},
        "rendering":{"helm":{"releaseName":"another"}}}"#;
    scene.define(&[plain, named]).await;
    let map = |name: &str| config_map(name, "1");
    let (a, b, c, d) = (map("top"), map("excluded"), map("not-included"), map("below"));
    let files = [
        ("plain/a.yaml", &*a),
        ("plain/no-b.yaml", &*b),
        ("plain/sub/c.yaml", &*c),
        ("plain/more/deep/d.yaml", &*d),
    ];
    scene.revision(1, &[("plain", Path::Files(&files)), ("chart", Path::Files(&CHART))]).await;
    for (name, expected) in
        [("plain", &["ConfigMap below", "ConfigMap top"][..]), ("named", &["ConfigMap default/another"])]
    {
        let state = scene.rendered(name, 1).await;
        assert_eq!(state.failure, None, "{name}");
        assert_eq!(ids(&scene.set(&state.desired.unwrap()).await), expected, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_fails_is_told_in_the_tools_words() {
    let scene = Scene::new().await;
    scene.define(&[&application("one", "chart")]).await;
    let mut files = CHART;
    files[2].1 = "a: 1\nb: {{ required \"text is needed\" .Values.nothing }}\n";
    scene.revision(1, &[("chart", Path::Files(&files))]).await;
    let state = scene.rendered("one", 1).await;
    let failure = state.failure.unwrap();
    assert_eq!(failure.code, "RENDER-FAILED");
    assert!(failure.message.contains("map.yaml:2"), "{}", failure.message);
    assert!(failure.message.contains("text is needed"), "{}", failure.message);
}
