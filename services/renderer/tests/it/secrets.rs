//! Secret values: in no event, no plain blob, no file that stays behind.

use std::{fs, path::PathBuf};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use manifest::DesiredSecrets;

use crate::scene::{Path, Scene, application};

const CANARY: &str = "canary-5f1c7a90";

fn files_below(folder: PathBuf) -> Vec<PathBuf> {
    let mut folders = vec![folder];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let is_folder = entry.file_type().unwrap().is_dir();
            if is_folder { &mut folders } else { &mut found }.push(entry.path());
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_value_is_only_in_the_sealed_blob() {
    let mut scene = Scene::new().await;
    scene.define(&[&application("plain", "a"), &application("chart", "chart")]).await;
    let head = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n";
    let secret = format!("{head}stringData: {{password: {CANARY}}}\n");
    let chart = [
        ("chart/Chart.yaml", "apiVersion: v2\nname: chart\nversion: 0.1.0\n"),
        ("chart/templates/s.yaml", &*secret),
    ];
    let plain = [("a/s.yaml", &*secret)];
    scene.revision(1, &[("a", Path::Files(&plain)), ("chart", Path::Files(&chart))]).await;
    for application in ["plain", "chart"] {
        let state = scene.rendered(application, 1).await;
        assert_eq!(state.failure, None);
        let desired = state.desired.unwrap();
        let set = scene.set(&desired).await;
        let shown = set.objects()[0].value.value()["data"]["password"].to_string();
        assert!(shown.contains("hmac:"), "{shown}");
        let sealed = scene.blob(&desired.secrets.unwrap()).await;
        let opened = manifest::open(&Scene::key(), "secrets", &sealed).unwrap();
        let secrets = DesiredSecrets::decode(&opened).unwrap();
        assert!(secrets.get(&set.objects()[0].id).is_some());
    }
    scene.stop().await;

    let encoded = BASE64_STANDARD.encode(CANARY);
    let files = files_below(scene.folder.path().to_owned());
    let log = scene.folder.path().join("log");
    assert!(files.iter().any(|file| file.starts_with(&log)), "{files:?}");
    for file in files {
        let bytes = fs::read(&file).unwrap();
        for word in [CANARY, &encoded] {
            let found = bytes.windows(word.len()).any(|window| window == word.as_bytes());
            assert!(!found, "{word} in {}", file.display());
        }
    }
}
