//! Charts.

use engine::Kind;
use flate2::{Compression, write::GzEncoder};
use manifest::{File, FileMode};
use model::definition::{Helm, Rendering};

use crate::scene::{Scene, artifact, text};

const CHART: (&str, &str) = ("web/Chart.yaml", "apiVersion: v2\nname: the-chart\nversion: 1.0.0\n");

/// A ConfigMap with this text under `data`.
fn template(data: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{{{ .Release.Name }}}}\ndata:\n{data}\n")
}

#[tokio::test]
async fn files_and_inline_values_win_in_order() {
    let scene = Scene::new().await;
    let template = template(
        "  a: {{ .Values.a }}\n  b: {{ .Values.b }}\n  c: {{ .Values.c }}\n  d: {{ .Values.d }}\n  e: {{ .Values.e }}",
    );
    let files = [
        CHART,
        ("web/values.yaml", "{a: chart, b: chart, c: chart, d: chart}"),
        ("web/one,two.yaml", "{b: one, c: one, d: one}"),
        ("values/prod.yaml", "{c: prod, d: prod}"),
        ("web/templates/c.yaml", template.as_str()),
    ];
    let options = Helm {
        values_files: vec!["one,two.yaml".into(), "../values/prod.yaml".into()],
        values: "{d: inline, e: inline}".into(),
        values_overlays: vec!["{e: overlay}".into(), "{\"e\": \"last\"}".into()],
        ..Helm::default()
    };
    let rendered = scene.render(&files, "web", &Rendering::Helm(options)).await.unwrap();
    assert_eq!(rendered[0].name, "the-chart/templates/c.yaml");
    let text = text(&rendered);
    for line in ["a: chart", "b: one", "c: prod", "d: inline", "e: last", "name: shop\n"] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(scene.engine.version(Kind::Helm).await.unwrap().starts_with("helm v"));
}

#[tokio::test]
async fn names_hooks_definitions_and_subcharts_come_through() {
    let scene = Scene::new().await;
    let hook = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: j\n  namespace: {{ .Release.Namespace }}\n  \
                annotations:\n    helm.sh/hook: pre-install\n";
    let crd = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: xs.example.com}\n";
    let sub = template("  sub: {{ .Values.text }}");
    let files = [
        (
            "web/Chart.yaml",
            "apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies:\n- {name: sub, version: 1.0.0, repository: 'https://charts.example.com'}\n- {name: local, version: 1.0.0, repository: 'file://../local'}\n",
        ),
        ("web/values.yaml", "sub: {text: vendored}\nlocal: {text: beside}\n"),
        ("web/crds/x.yaml", crd),
        ("web/templates/hook.yaml", hook),
        ("web/charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 1.0.0\n"),
        ("web/charts/sub/templates/s.yaml", sub.as_str()),
        ("local/Chart.yaml", "apiVersion: v2\nname: local\nversion: 1.0.0\n"),
        ("local/templates/l.yaml", sub.as_str()),
    ];
    let options = Helm { release_name: Some("other".into()), ..Helm::default() };
    let rendered = scene.render(&files, "web", &Rendering::Helm(options)).await.unwrap();
    let text = text(&rendered);
    for part in [
        "CustomResourceDefinition",
        "helm.sh/hook: pre-install",
        "namespace: shop-ns",
        "sub: vendored",
        "sub: beside",
        "name: other",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let names: Vec<_> = rendered.iter().map(|file| file.name.as_str()).collect();
    assert!(names.contains(&"web/charts/sub/templates/s.yaml"), "{names:?}");
}

#[tokio::test]
async fn a_packed_dependency_is_rendered() {
    let scene = Scene::new().await;
    let sub = template("  who: {{ .Chart.Name }} {{ .Chart.Version }}");
    let packed = [
        ("sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 1.2.3\n"),
        ("sub/templates/s.yaml", sub.as_str()),
    ];
    let files = [(
        "web/Chart.yaml",
        "apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies: [{name: sub, version: ^1, repository: 'https://charts.example.com'}]\n",
    )];
    let mut artifact = artifact(&files);
    let bytes = pack(&packed);
    artifact.insert("web/charts/sub-1.2.3.tgz", File { mode: FileMode::Regular, bytes }).unwrap();
    let rendered = scene.render_artifact(&artifact, "web", &Rendering::Detect).await.unwrap();
    assert!(text(&rendered).contains("who: sub 1.2.3"), "{}", text(&rendered));
}

/// As `helm package` does it.
fn pack(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        archive.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

#[tokio::test]
async fn failures_name_the_template_and_its_line() {
    let scene = Scene::new().await;
    for (body, line) in [
        ("a: 1\nb: {{ .Values.x.y.z }}\n", 2),
        ("a: 1\nb: 2\nc: {{ required \"c is wanted\" .Values.c }}\n", 3),
        ("a: {{ nope }}\n", 1),
        ("a: {{ .Values.x\n", 1),
        ("a: 1\nb: c: d\n", 2),
    ] {
        let files = [CHART, ("web/templates/bad.yaml", body)];
        let error = scene.render(&files, "web", &Rendering::Detect).await.unwrap_err();
        let place = error.place().unwrap_or_else(|| panic!("{error}"));
        assert_eq!(place.file, "web/templates/bad.yaml", "{error}");
        assert_eq!(place.line, Some(line), "{error}");
        assert!(!error.to_string().contains(scene.scratch.path().to_str().unwrap()), "{error}");
    }
}

#[tokio::test]
async fn missing_files_are_named_before_helm_runs() {
    let scene = Scene::new().await;
    for bad in ["nope.yaml", "../../etc/passwd", "/etc/passwd", "https://example.com/v.yaml", "out.yaml"] {
        let options = Helm { values_files: vec![bad.into()], ..Helm::default() };
        let files = [CHART, ("web/templates/c.yaml", ""), ("web/out", "->x")];
        let error = scene.render(&files, "web", &Rendering::Helm(options)).await.unwrap_err();
        assert_eq!(error.code(), "RENDER-VALUES", "{error}");
    }
    let chart = "apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies: [{name: redis, version: 1.0.0, repository: 'https://charts.example.com'}]\n";
    let error = scene.render(&[("web/Chart.yaml", chart)], "web", &Rendering::Detect).await.unwrap_err();
    assert_eq!(error.code(), "RENDER-DEPENDENCY", "{error}");
    let error = scene.render(&[CHART], "nope", &Rendering::Detect).await.unwrap_err();
    assert_eq!(error.code(), "RENDER-PATH", "{error}");
}

#[tokio::test]
async fn what_differs_each_time_is_refused_unless_pinned() {
    let scene = Scene::new().await;
    for (value, line) in
        [("randAlphaNum 12", 7), ("genPrivateKey \"ecdsa\" | b64enc", 7), ("now | unixEpoch", 7)]
    {
        let template = template(&format!("  a: x\n  b: {{{{ {value} | quote }}}}"));
        let files = [CHART, ("web/templates/c.yaml", template.as_str())];
        let error = scene.render(&files, "web", &Rendering::Detect).await.unwrap_err();
        assert_eq!(error.code(), "RENDER-RANDOM", "{value}: {error}");
        let place = error.place().unwrap();
        assert_eq!(place.file, "the-chart/templates/c.yaml");
        assert!(place.line >= Some(line), "{place}");
        let pinned = Helm { pin_non_deterministic: true, ..Helm::default() };
        scene.render(&files, "web", &Rendering::Helm(pinned)).await.unwrap();
    }
    // A word alone is no offence: what matters is whether the result differs.
    let template = template("  a: {{ if false }}{{ randAlpha 4 }}{{ end }}x");
    let files = [CHART, ("web/templates/c.yaml", template.as_str())];
    scene.render(&files, "web", &Rendering::Detect).await.unwrap();
}

#[tokio::test]
async fn charts_see_no_network_and_no_environment() {
    let scene = Scene::new().await;
    let template = template(
        "  ip: {{ getHostByName \"localhost\" | quote }}\n  lookup: {{ lookup \"v1\" \"Secret\" \"a\" \"b\" | toJson }}",
    );
    let files = [CHART, ("web/templates/c.yaml", template.as_str())];
    let rendered = scene.render(&files, "web", &Rendering::Detect).await.unwrap();
    assert!(text(&rendered).contains("ip: \"\"\n  lookup: {}"), "{}", text(&rendered));
}
