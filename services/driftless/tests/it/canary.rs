//! No secret value is left anywhere in clear.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use bus::{Filter, LogConfig, WatchItem};
use model::Digest;
use serde_json::json;
use testkit::eventually;

use crate::{
    apart,
    api::core,
    scene::{Scene, Told, told},
    shop,
};

/// Every form in which a value would be found: as it is, in base64 (alone, or inside something longer, at each of
/// its three places), in hexadecimal digits, and as a hash without a key, which can be guessed at.
fn forms() -> Vec<String> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut forms = vec![];
    for value in [shop::CANARY, shop::CANARY_LIVE] {
        forms.extend([value.to_owned(), hex(value.as_bytes()), Digest::of(value.as_bytes()).to_string()]);
        for before in ["", "x", "xx"] {
            let text = base64(format!("{before}{value}").as_bytes());
            // The first and the last group of four depend on what stands beside the value.
            forms.push(text[4..text.len() - 4].to_owned());
        }
    }
    forms
}

fn shows(bytes: &[u8]) -> bool {
    static FORMS: OnceLock<Vec<String>> = OnceLock::new();
    // The forms are ASCII, which the conversion leaves as it is.
    let text = String::from_utf8_lossy(bytes);
    FORMS.get_or_init(forms).iter().any(|form| text.contains(form))
}

/// Every file below a folder.
pub fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.symlink_metadata().unwrap().is_dir() {
            true => files_below(&path, found),
            false => found.push(path),
        }
    }
}

/// Runs with everything logged that any part can say.
fn run(scene: &Scene, command: &str, options: &[&str]) -> Told {
    let mut run = scene.command(command, options);
    run.env("DRIFTLESS_LOG", "trace");
    told(run)
}

#[tokio::test]
async fn no_secret_is_left_in_clear() {
    let scene = Scene::new();
    scene.repository.commit(&shop::FILES);
    let mut said = vec![run(&scene, "diff", &[]), run(&scene, "sync", &[])];
    let login = core(&scene.name, "secrets", "login");
    scene.api.edit(&login, json!({"stringData": {"password": shop::CANARY_LIVE}}));
    said.push(run(&scene, "diff", &["-o", "json"]));
    said.push(run(&scene, "diff", &[]));
    said.push(run(&scene, "sync", &["-o", "json"]));
    assert!(said[0].exit == 1 && said[0].out.contains("+ create Secret"), "{}", said[0]);
    assert!(said[1].err.contains("TRACE"), "everything is logged");
    assert_eq!(said.last().unwrap().exit, 0, "{}", said.last().unwrap());
    nothing_shows(&scene, &said).await;
}

#[tokio::test]
async fn nor_by_who_unmarks_it_on_the_cluster() {
    let scene = Scene::new();
    let marked = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: pins, annotations: {driftless.dev/sensitive: '/data/pin,/data/puk'}}
data: {pin: canary-4f1c-first-password, puk: canary-4f1c-first-password}
";
    let less = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: pins}\ndata: {colour: red}\n";
    scene.repository.commit(&[("deploy/config.yaml", shop::CONFIG), ("deploy/pins.yaml", marked)]);
    let mut said = vec![run(&scene, "sync", &["--prune"])];
    let pins = core(&scene.name, "configmaps", "pins");
    let unmark = || {
        let data = json!({"pin": shop::CANARY_LIVE});
        let metadata = json!({"annotations": {"driftless.dev/sensitive": null}});
        scene.api.edit(&pins, json!({"metadata": metadata, "data": data}));
    };
    unmark();
    for (change, shown) in [
        // It stands in Git, and is healed.
        (vec![], "~ change ConfigMap"),
        // Git marks it no more, because it is not there any more.
        (vec![("deploy/pins.yaml", less)], "~ change ConfigMap"),
    ] {
        scene.repository.commit(&change);
        said.push(run(&scene, "diff", &["--prune"]));
        assert!(said.last().unwrap().out.contains(shown), "{}", said.last().unwrap());
        said.push(run(&scene, "diff", &["--prune", "-o", "json"]));
    }
    // Git does not know it any more: only what was applied last tells.
    scene.repository.remove(&["deploy/pins.yaml"]);
    said.push(run(&scene, "diff", &["--prune"]));
    assert!(said.last().unwrap().out.contains("- prune ConfigMap"), "{}", said.last().unwrap());
    said.push(run(&scene, "sync", &["--prune"]));
    assert_eq!(said.last().unwrap().exit, 0, "{}", said.last().unwrap());
    for told in &said {
        assert!(!told.out.contains("canary-") && !told.err.contains("canary-"), "{told}");
    }
    search(&scene, LogConfig::embedded(scene.state().join("log"))).await;
}

/// Secrets with a mistake, and the code of their failure: tools and the API server like to quote what they were
/// given, and what nobody expected where it stands is easily kept.
const MISTAKES: [(&str, &str); 10] = [
    (
        "CLUSTER-INVALID",
        "stringData: {password: canary-4f1c-first-password}\ntype: kubernetes.io/dockerconfigjson",
    ),
    ("CLUSTER-INVALID", "stringData: {'pass word!': canary-4f1c-first-password}"),
    ("CLUSTER-SCHEMA", "stringDatum: {password: canary-4f1c-first-password}"),
    ("CLUSTER-SCHEMA", "password: canary-4f1c-first-password"),
    ("CLUSTER-SCHEMA", "  stringData: {password: canary-4f1c-first-password}"),
    ("MANIFEST-OBJECT", "data: {password: canary-4f1c-first-password}"),
    ("MANIFEST-OBJECT", "stringData: {password: {inner: canary-4f1c-first-password}}"),
    ("MANIFEST-OBJECT", "stringData: {password: [canary-4f1c-first-password]}"),
    ("MANIFEST-OBJECT", "stringData: canary-4f1c-first-password"),
    ("MANIFEST-SYNTAX", "stringData: {password: canary-4f1c-first-password"),
];

#[tokio::test]
async fn nor_by_runs_that_fail() {
    let scene = Scene::new();
    scene.repository.commit(&[("deploy/config.yaml", shop::CONFIG)]);
    // With a namespace, the API server is asked about each.
    let mut said = vec![run(&scene, "sync", &[])];
    for (code, text) in MISTAKES {
        let bad = format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: bad\n{text}\n");
        scene.repository.commit(&[("deploy/bad.yaml", &bad)]);
        said.push(run(&scene, "diff", &[]));
        assert_eq!(said.last().unwrap().exit, 2, "{text}");
        let told = run(&scene, "sync", &["--timeout", "20s"]);
        told.failed(1, code);
        said.push(told);
    }
    // Somebody's Secret of the name, and a field of it that somebody took.
    scene.repository.remove(&["deploy/bad.yaml"]);
    scene.repository.commit(&[("deploy/secret.yaml", shop::SECRET)]);
    let login = core(&scene.name, "secrets", "login");
    let theirs = json!({"metadata": {"name": "login"}, "stringData": {"password": shop::CANARY_LIVE}});
    scene.api.create(&format!("/api/v1/namespaces/{}/secrets", scene.name), theirs);
    said.extend([run(&scene, "diff", &[]), run(&scene, "sync", &[])]);
    said.last().unwrap().failed(1, "APPLY-FIRST-CONTACT");
    scene.api.delete(&login);
    said.push(run(&scene, "sync", &[]));
    assert_eq!(said.last().unwrap().exit, 0, "{}", said.last().unwrap());
    scene.api.edit(&login, json!({"stringData": {"pin": shop::CANARY_LIVE}}));
    let more = shop::SECRET.replace("stringData: {", "stringData: {pin: canary-4f1c-first-password, ");
    scene.repository.commit(&[("deploy/secret.yaml", &more)]);
    said.extend([run(&scene, "diff", &[]), run(&scene, "sync", &["-o", "json"])]);
    said.last().unwrap().failed(1, "APPLY-CONFLICT").naming("kubectl-edit");
    nothing_shows(&scene, &said).await;
}

#[tokio::test]
async fn nor_by_the_tools_that_render() {
    let scene = Scene::new();
    let chart = "apiVersion: v2\nname: shop\nversion: 1.0.0\n";
    let values = "password: canary-4f1c-first-password\n";
    let head = "apiVersion: v1\nkind: Secret\nmetadata: {name: login}\n";
    let good = format!("{head}stringData: {{password: '{{{{ .Values.password }}}}'}}\n");
    let generator = "secretGenerator: [{name: login, literals: [password=canary-4f1c-first-password], options: {disableNameSuffixHash: true}}]\n";
    let patch = "patches: [{target: {kind: Secret}, patch: '[{op: replace, path: /data/none/at, value: canary-4f1c-first-password}]'}]\n";
    let bad = format!("{head}stringData: {{password: '{{{{ .Values.password }}}}\n");
    let called = format!(
        "{head}stringData: {{password: '{{{{ .Values.password | toYaml | fromYaml | quote }}}}'}}\n---\n{{{{ index .Values.password 4 5 }}}}\n"
    );
    let mut said = vec![];
    for (path, files) in [
        (
            "chart",
            vec![
                ("chart/Chart.yaml", chart),
                ("chart/values.yaml", values),
                ("chart/templates/s.yaml", &good),
            ],
        ),
        ("chart", vec![("chart/templates/s.yaml", &bad)]),
        ("chart", vec![("chart/templates/s.yaml", &called)]),
        ("overlay", vec![("overlay/kustomization.yaml", generator)]),
        ("overlay", vec![("overlay/kustomization.yaml", &format!("{generator}{patch}"))]),
    ] {
        scene.repository.commit(&files);
        said.push(run(&scene, "sync", &["--path", path]));
    }
    let exits: Vec<i32> = said.iter().map(|told| told.exit).collect();
    assert_eq!(exits, [0, 1, 1, 0, 1], "{}", said.iter().map(ToString::to_string).collect::<String>());
    nothing_shows(&scene, &said).await;
}

#[tokio::test]
async fn nor_by_the_services_on_nats() {
    let scene = Scene::new();
    scene.repository.commit(&shop::FILES);
    let services = apart::start(&scene).await;
    let login = core(&scene.name, "secrets", "login");
    let holds = |value: &str| {
        let encoded = base64(value.as_bytes());
        let object = scene.api.get(&login)?;
        (object["data"]["password"] == encoded.as_str()).then_some(())
    };
    eventually(apart::BOUND, "the Secret", async || holds(shop::CANARY)).await;
    scene.api.edit(&login, json!({"stringData": {"password": shop::CANARY_LIVE}}));
    eventually(apart::BOUND, "its heal", async || holds(shop::CANARY)).await;
    let bad = shop::SECRET.replace("name: login", "name: bad").replace("stringData", "stringDatum");
    scene.repository.commit(&[("deploy/bad.yaml", &bad)]);
    eventually(apart::BOUND, "a refusal", async || services.has_told("CLUSTER-SCHEMA").await.then_some(()))
        .await;
    search(&scene, services.log()).await;
    let logged = services.logged("fetcher");
    assert!(logged.contains("started role=fetcher instance="), "{logged}");
    drop(services);
    nothing_is_left(&scene);
}

/// Neither what was told, nor the log, nor any file that is left shows a secret value.
pub async fn nothing_shows(scene: &Scene, said: &[Told]) {
    for told in said {
        for line in told.out.lines().chain(told.err.lines()) {
            assert!(!shows(line.as_bytes()), "{line}");
        }
    }
    search(scene, LogConfig::embedded(scene.state().join("log"))).await;
    nothing_is_left(scene);
}

fn nothing_is_left(scene: &Scene) {
    // The mirror of the repository holds what Git holds, packed: it is not part of the log.
    let mut files = vec![];
    files_below(scene.folder(), &mut files);
    let shown: Vec<_> = files.iter().filter(|file| shows(&fs::read(file).unwrap())).collect();
    assert!(shown.is_empty(), "{shown:?}");
    let left: Vec<_> = files.iter().filter(|file| file.starts_with(scene.folder().join("tmp"))).collect();
    assert!(left.is_empty(), "temporary files are left: {left:?}");
    let scratch: Vec<_> =
        files.iter().filter(|file| file.starts_with(scene.state().join("scratch"))).collect();
    assert!(scratch.is_empty(), "rendered files are left: {scratch:?}");
}

#[derive(Debug, Default)]
struct Searched {
    payloads: usize,
    sealed: usize,
    /// Sealed ones in which the key finds the secret: the search would see it.
    opened: usize,
}

/// Looks into every event, and into every blob, whether something names it or not.
async fn search(scene: &Scene, log: LogConfig) {
    let key = fs::read_to_string(scene.state().join("key")).unwrap();
    let key = manifest::InstallKey::from_lines(&key).unwrap();
    // Whoever looked into it before in this process may be closing it still.
    let log = eventually(apart::BOUND, "the log", async || bus::open(log.clone()).await.ok()).await;
    let mut watch = log.watch(Filter::all()).await.unwrap();
    let mut searched = Searched::default();
    while let Some(WatchItem::Event(newest)) = watch.next().await.transpose().unwrap() {
        for event in log.history(newest.aggregate(), bus::HISTORY_MAX).await.unwrap() {
            assert!(!shows(&event.draft.payload), "{:?} n {}", event.aggregate(), event.n());
            assert!(
                !shows(format!("{:?}", event.draft).as_bytes()),
                "{:?} n {}",
                event.aggregate(),
                event.n()
            );
            searched.payloads += 1;
        }
    }
    for digest in log.blobs().await.unwrap() {
        let bytes = log.get_blob(&digest).await.unwrap().unwrap();
        assert!(!shows(&bytes), "blob {digest}");
        for purpose in ["artifact", "secrets"] {
            if let Ok(plain) = manifest::open(&key, purpose, &bytes) {
                searched.sealed += 1;
                searched.opened += usize::from(shows(&plain));
            }
        }
    }
    assert!(searched.payloads > 10 && searched.sealed > 0 && searched.opened > 0, "{searched:?}");
}

/// RFC 4648, with padding.
pub fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
