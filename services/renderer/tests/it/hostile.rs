//! Files that want more than they should get: each fails alone, with a code, within its bounds, beside the last
//! good state; the applications next to it are rendered.

use std::time::{Duration, Instant};

use engine::Limits;

use crate::scene::{Path, Scene, application, config_map, ids};

/// Tight, so that the bombs of these tests are small.
fn limits() -> Limits {
    Limits { time: Duration::from_secs(5), memory: 256 << 20, output: 1 << 20 }
}

const CHART: (&str, &str) = ("bad/Chart.yaml", "apiVersion: v2\nname: chart\nversion: 0.1.0\n");

/// Renders good files, then these: expects the code, the last good state, and a neighbour that is rendered.
async fn fails(scene: &Scene, files: &[(&str, &str)], code: &str) {
    let (good, next) = (config_map("good", "1"), config_map("next", "1"));
    let good = [("bad/a.yaml", &*good)];
    let name = code.to_lowercase();
    let next = [("next/a.yaml", &*next)];
    scene.define(&[&application(&name, "bad"), &application("next", "next")]).await;
    let at = 1 + scene.newest("next").await.map_or(0, |(_, state)| state.made_from.observation);
    scene.revision(at, &[("bad", Path::Files(&good)), ("next", Path::Files(&next))]).await;
    let before = scene.rendered(&name, at).await;
    assert_eq!((before.failure.as_ref(), before.desired.is_some()), (None, true), "{code}");

    let changed = config_map("next", &format!("after {code} {at}"));
    let next = [("next/a.yaml", &*changed)];
    let start = Instant::now();
    scene.revision(at + 1, &[("bad", Path::Files(files)), ("next", Path::Files(&next))]).await;
    let neighbour = scene.rendered("next", at + 1).await;
    assert_eq!(neighbour.failure, None, "{code}");
    let state = scene.rendered(&name, at + 1).await;
    assert!(start.elapsed() < Duration::from_secs(25), "{code}: {:?}", start.elapsed());
    let failure = state.failure.unwrap_or_else(|| panic!("{code}: it was rendered"));
    assert_eq!(failure.code, code, "{failure:?}");
    assert!(!failure.remedy.is_empty(), "{failure:?}");
    assert!(failure.message.len() <= 2_100, "{}", failure.message.len());
    assert_eq!(state.desired, before.desired, "the last good state stands");
}

#[tokio::test(flavor = "multi_thread")]
async fn yaml_that_unfolds_is_refused() {
    let scene = Scene::with_limits(limits()).await;
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let inner = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{inner}]\n"));
    }
    fails(&scene, &[("bad/a.yaml", &bomb)], "MANIFEST-SYNTAX").await;
    let deep = format!("a: {}1{}\n", "[".repeat(5_000), "]".repeat(5_000));
    fails(&scene, &[("bad/a.yaml", &deep)], "MANIFEST-SYNTAX").await;
    let many = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n".repeat(10_001);
    fails(&scene, &[("bad/a.yaml", &many)], "RENDER-TOO-LARGE").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_end_in_time_in_size_and_in_memory() {
    let scene = Scene::with_limits(limits()).await;
    let endless = "{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}a: 1\n";
    fails(&scene, &[CHART, ("bad/templates/a.yaml", endless)], "RENDER-TIMEOUT").await;
    let large =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  a: {{ repeat 3000000 \"x\" }}\n";
    fails(&scene, &[CHART, ("bad/templates/a.yaml", large)], "RENDER-TOO-LARGE").await;
    let greedy =
        "{{- $s := repeat 1000 \"x\" }}{{ range until 30 }}{{ $s = cat $s $s }}{{ end }}\na: {{ len $s }}\n";
    fails(&scene, &[CHART, ("bad/templates/a.yaml", greedy)], "RENDER-FAILED").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_leads_out_of_the_repository() {
    let scene = Scene::with_limits(limits()).await;
    fails(&scene, &[("bad/a.yaml", "->/etc/passwd")], "RENDER-LINK").await;
    fails(&scene, &[("bad/a.yaml", "->../../etc/passwd")], "RENDER-LINK").await;
    fails(&scene, &[("bad/a.yaml", "->b.yaml"), ("bad/b.yaml", "->a.yaml")], "RENDER-LINK").await;
    for kustomization in
        ["resources: [../../../../etc/passwd]\n", "resources: [https://127.0.0.1:9/x.yaml]\n"]
    {
        fails(&scene, &[("bad/kustomization.yaml", kustomization)], "RENDER-FAILED").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_in_git_or_differs_each_time_is_refused_unless_pinned() {
    let scene = Scene::with_limits(limits()).await;
    let chart = "apiVersion: v2\nname: chart\nversion: 0.1.0\ndependencies: [{name: redis, version: 1.0.0, repository: 'https://charts.example'}]\n";
    fails(&scene, &[("bad/Chart.yaml", chart)], "RENDER-DEPENDENCY").await;
    let random = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: '{{ randAlphaNum 8 }}'}\n";
    let files = [CHART, ("bad/templates/a.yaml", random)];
    fails(&scene, &files, "RENDER-RANDOM").await;

    let values = |rendering: &str| {
        format!(
            r#"{{"name":"pinned","source":{{"name":"shop","path":"bad"}},"rendering":{{"helm":{rendering}}}}}"#
        )
    };
    let pin = values(r#"{"pinNonDeterministic":true}"#);
    scene.define(&[&pin]).await;
    let desired = async || scene.newest("pinned").await?.1.desired;
    let first = testkit::eventually(crate::scene::BOUND, "the pinned render", desired).await;
    // The same files at other revisions are not rendered again: what was given stays.
    let map = config_map("next", "1");
    let next = [("next/a.yaml", &*map)];
    scene.define(&[&pin, &application("next", "next")]).await;
    scene.revision(900, &[("bad", Path::Files(&files)), ("next", Path::Files(&next))]).await;
    scene.rendered("next", 900).await;
    assert_eq!(scene.newest("pinned").await.unwrap().1.desired, Some(first));

    for file in ["../../x.yaml", "/etc/passwd", "none.yaml"] {
        scene
            .define(&[&values(&format!(r#"{{"valuesFiles":["{file}"],"pinNonDeterministic":true}}"#))])
            .await;
        let refused = async || {
            let events = scene.renders("pinned").await;
            let states = events.iter().map(|event| {
                events::decode::<events::state::RenderState>(event.draft.format, &event.draft.payload)
                    .unwrap()
            });
            let mut failures = states.filter_map(|state| state.failure);
            failures.find(|failure| failure.code == "RENDER-VALUES" && failure.message.contains(file))
        };
        testkit::eventually(crate::scene::BOUND, file, refused).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn locked_dependencies_and_values_come_from_git() {
    let scene = Scene::new().await;
    let chart = "apiVersion: v2\nname: chart\nversion: 0.1.0\ndependencies:\n- {name: sub, version: 1.0.0, repository: 'https://charts.example'}\n- {name: beside, version: 1.0.0, repository: 'file://../beside'}\n";
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Chart.Name }}'}\ndata: {text: '{{ .Values.text }}'}\n";
    let files = [
        ("bad/Chart.yaml", chart),
        (
            "bad/Chart.lock",
            "dependencies:\n- {name: sub, version: 1.0.0, repository: 'https://charts.example'}\n",
        ),
        ("bad/charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 1.0.0\n"),
        ("bad/charts/sub/templates/m.yaml", map),
        ("beside/Chart.yaml", "apiVersion: v2\nname: beside\nversion: 1.0.0\n"),
        ("beside/templates/m.yaml", map),
        ("values/prod.yaml", "sub: {text: from a file outside}\n"),
        ("bad/own.yaml", "beside: {text: from a file inside}\n"),
    ];
    scene
        .define(&[r#"{"name":"one","source":{"name":"shop","path":"bad"},
            "rendering":{"helm":{"valuesFiles":["../values/prod.yaml","own.yaml"]}}}"#])
        .await;
    scene.revision(1, &[("bad", Path::Files(&files))]).await;
    let state = scene.rendered("one", 1).await;
    assert_eq!(state.failure, None);
    let set = scene.set(&state.desired.unwrap()).await;
    assert_eq!(ids(&set), ["ConfigMap beside", "ConfigMap sub"]);
    let texts: Vec<_> =
        set.objects().iter().map(|object| object.value.value()["data"]["text"].clone()).collect();
    assert_eq!(texts, ["from a file inside", "from a file outside"]);
}
