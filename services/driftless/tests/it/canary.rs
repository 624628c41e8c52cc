//! No secret value is left anywhere in clear.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use bus::{Filter, LogConfig, WatchItem};
use model::Digest;
use serde_json::json;

use crate::{api::core, scene::Scene, shop};

/// Every form in which a value would be found: as it is, in base64, and without the padding.
fn forms() -> Vec<Vec<u8>> {
    let values = [shop::CANARY, shop::CANARY_LIVE];
    let plain = values.iter().map(|value| value.as_bytes().to_vec());
    let encoded =
        values.iter().map(|value| base64(value.as_bytes()).trim_end_matches('=').as_bytes().to_vec());
    plain.chain(encoded).collect()
}

fn shows(bytes: &[u8]) -> bool {
    forms().iter().any(|form| bytes.windows(form.len()).any(|window| window == form))
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

/// Digests that a payload names: 32 bytes of MessagePack binary, or 64 hexadecimal digits.
fn named(payload: &[u8]) -> BTreeSet<Digest> {
    let binary = payload
        .windows(34)
        .filter(|at| at[..2] == [0xc4, 32])
        .map(|at| at[2..].iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let text = payload.windows(64).filter_map(|at| std::str::from_utf8(at).ok()).map(ToOwned::to_owned);
    binary.chain(text).filter_map(|hex| hex.parse().ok()).collect()
}

#[tokio::test]
async fn no_secret_is_left_in_clear() {
    let scene = Scene::new();
    scene.repository.commit(&shop::FILES);
    let mut said = vec![scene.run("diff", &["-vv"]), scene.run("sync", &["-vv"])];
    let login = core(&scene.name, "secrets", "login");
    scene.api.edit(&login, json!({"stringData": {"password": shop::CANARY_LIVE}}));
    said.push(scene.run("diff", &["-o", "json", "-vv"]));
    said.push(scene.run("diff", &[]));
    // Refused by the API server, whose answers like to quote what they were sent.
    let bad =
        format!("{}type: kubernetes.io/dockerconfigjson\n", shop::SECRET.replace("name: login", "name: bad"));
    scene.repository.commit(&[("deploy/bad.yaml", &bad)]);
    said.push(scene.run("sync", &["-vv"]));
    // A mistake in a line with a secret.
    scene.repository.commit(&[("deploy/bad.yaml", &shop::SECRET.replace("password}", "password"))]);
    said.push(scene.run("sync", &["-vv"]));
    scene.repository.remove(&["deploy/bad.yaml"]);
    said.push(scene.run("sync", &["-o", "json", "-vv"]));
    assert!(said[0].exit == 1 && said[0].out.contains("+ create Secret"), "{}", said[0]);
    for told in &said {
        assert!(!shows(told.out.as_bytes()) && !shows(told.err.as_bytes()), "{told}");
    }
    assert_eq!(said.last().unwrap().exit, 0, "{}", said.last().unwrap());

    let log = log_of(&scene).await;
    assert!(log.payloads > 10 && log.sealed > 0 && log.opened > 0, "{log:?}");
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

/// Looks into every event's payload, and into every blob that an event or another blob names.
async fn log_of(scene: &Scene) -> Searched {
    let key = fs::read_to_string(scene.state().join("key")).unwrap();
    let key = manifest::InstallKey::from_hex(key.trim()).unwrap();
    let log = bus::open(LogConfig::embedded(scene.state().join("log"))).await.unwrap();
    let mut watch = log.watch(Filter::all()).await.unwrap();
    let mut searched = Searched::default();
    let mut blobs = vec![];
    while let Some(WatchItem::Event(newest)) = watch.next().await.transpose().unwrap() {
        for event in log.history(newest.aggregate(), bus::HISTORY_MAX).await.unwrap() {
            assert!(!shows(&event.draft.payload), "{:?} n {}", event.aggregate(), event.n());
            searched.payloads += 1;
            blobs.extend(named(&event.draft.payload));
        }
    }
    let mut seen = BTreeSet::new();
    while let Some(digest) = blobs.pop() {
        if !seen.insert(digest) {
            continue;
        }
        let Some(bytes) = log.get_blob(&digest).await.unwrap() else { continue };
        assert!(!shows(&bytes), "blob {digest}");
        blobs.extend(named(&bytes));
        for purpose in ["artifact", "secrets"] {
            if let Ok(plain) = manifest::open(&key, purpose, &bytes) {
                searched.sealed += 1;
                searched.opened += usize::from(shows(&plain));
            }
        }
    }
    searched
}

/// RFC 4648, with padding.
pub fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
