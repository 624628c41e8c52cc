//! Charts from repositories on loopback, through the real helm.

use std::{fs, path::Path, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use engine::charts::{Access, ChartError, Charts, Egress, Locked, Login};
use model::Digest;
use serde_json::json;
use tempfile::TempDir;
use testkit::{
    chart_repository::ChartRepository,
    git_server::{Behaviour, Server, closed_port},
    tls,
};

use crate::scene::tools;

const TEMPLATE: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: dep}\n";

fn charts(folder: &Path) -> Arc<Charts> {
    Arc::new(Charts::new(&folder.join("charts"), &folder.join("scratch"), Some(tools())))
}

fn locked(version: &str, repository: &str) -> Locked {
    Locked { name: "dep".into(), version: version.into(), repository: repository.into() }
}

fn login(owner: &str) -> Access {
    let login = Login { username: "user".into(), password: "hunter2".into(), owner: owner.into() };
    Access { login: Some(login), ..Access::default() }
}

/// `Authorization` of that login.
fn basic() -> String {
    format!("Basic {}", BASE64_STANDARD.encode("user:hunter2"))
}

/// A repository that holds `dep` 1.2.3 and 1.3.0.
fn repository(authorization: Option<&str>) -> (TempDir, ChartRepository) {
    let folder = TempDir::new().unwrap();
    let repository = ChartRepository::start(folder.path(), authorization);
    repository.publish("dep", "1.2.3", TEMPLATE);
    repository.publish("dep", "1.3.0", TEMPLATE);
    (folder, repository)
}

#[tokio::test]
async fn a_version_is_fetched_once_and_an_index_once_a_round() {
    let (folder, repository) = repository(None);
    let charts = charts(folder.path());
    let mut round = charts.round();
    let open = Access::default();
    let first = round.bring(&locked("1.2.3", &repository.url()), &open).await.unwrap();
    assert_eq!(first, fs::read(repository.folder().join("dep-1.2.3.tgz")).unwrap());
    assert_eq!(repository.server.requests(), 2, "the index and the archive");
    round.bring(&locked("1.3.0", &repository.url()), &open).await.unwrap();
    assert_eq!(repository.server.requests(), 3, "the other archive");
    drop(round);
    // Another round, and another process.
    for charts in [&charts, &self::charts(folder.path())] {
        let again = charts.round().bring(&locked("1.2.3", &repository.url()), &open).await.unwrap();
        assert_eq!(again, first);
    }
    assert_eq!(repository.server.requests(), 3);
    // What was spoilt on disk is fetched again.
    for kept in fs::read_dir(folder.path().join("charts")).unwrap() {
        fs::write(kept.unwrap().path(), "spoilt").unwrap();
    }
    assert_eq!(charts.round().bring(&locked("1.2.3", &repository.url()), &open).await.unwrap(), first);
    let own = fs::read_dir(folder.path().join("scratch")).unwrap();
    let own = own.map(|entry| entry.unwrap().path()).find(|path| path.is_dir()).unwrap();
    let left = fs::read_dir(own).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_dir()).count();
    assert_eq!(left, 0, "a temporary folder was left behind");
}

#[tokio::test]
async fn what_a_repository_lacks_or_spoils_is_told() {
    let (folder, repository) = repository(None);
    let bring = async |version: &str, url: &str| {
        let charts = charts(&folder.path().join(version));
        charts.round().bring(&locked(version, url), &Access::default()).await.unwrap_err()
    };
    let error = bring("9.9.9", &repository.url()).await;
    assert_eq!(error.code(), "CHART-VERSION", "{error}");
    let dead = format!("http://127.0.0.1:{}", closed_port());
    let error = bring("1.2.3", &dead).await;
    assert_eq!(error.code(), "CHART-FETCH", "{error}");
    for part in ["dep 1.2.3 in http://127.0.0.1", "connection refused"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    assert!(!error.to_string().contains(folder.path().to_str().unwrap()), "{error}");
    let archive = repository.folder().join("dep-1.2.3.tgz");
    let good = fs::read(&archive).unwrap();
    // Another archive than the index tells of.
    fs::copy(repository.folder().join("dep-1.3.0.tgz"), &archive).unwrap();
    let error = bring("1.2.3", &repository.url()).await;
    assert_eq!(error.code(), "CHART-ARCHIVE", "{error}");
    assert!(error.to_string().contains(&Digest::of(&good).to_string()), "{error}");
    // Without digests the archive itself tells.
    let index = repository.folder().join("index.yaml");
    let text = fs::read_to_string(&index).unwrap();
    let without: Vec<&str> = text.lines().filter(|line| !line.contains("digest:")).collect();
    fs::write(&index, without.join("\n")).unwrap();
    let error = bring("1.2.3", &repository.url()).await;
    assert!(error.to_string().contains("holds \"dep\" \"1.3.0\""), "{error}");
    for (content, told) in
        [(&b"<html>log in</html>"[..], "no packed chart"), (&good[..good.len() / 2], "no packed")]
    {
        fs::write(&archive, content).unwrap();
        let error = bring("1.2.3", &repository.url()).await;
        assert_eq!(error.code(), "CHART-ARCHIVE", "{error}");
        assert!(error.to_string().contains(told), "{error}");
    }
    fs::write(&archive, vec![0; 17 << 20]).unwrap();
    let error = bring("1.2.3", &repository.url()).await;
    assert!(error.to_string().contains("larger than"), "{error}");
    assert!(matches!(error, ChartError::Archive { .. }));
}

#[tokio::test]
async fn a_login_goes_to_its_repository_and_is_kept_to_itself() {
    let (folder, repository) = repository(Some(&basic()));
    let (charts, wanted) = (charts(folder.path()), locked("1.2.3", &repository.url()));
    let error = charts.round().bring(&wanted, &Access::default()).await.unwrap_err();
    assert!(error.to_string().contains("401"), "{error}");
    charts.round().bring(&wanted, &login("mine")).await.unwrap();
    assert!(repository.server.authorizations().contains(&Some(basic())));
    // What one may read is not given to another.
    let error = charts.round().bring(&wanted, &Access::default()).await.unwrap_err();
    assert!(error.to_string().contains("401") && !error.to_string().contains("hunter2"), "{error}");
    assert!(!format!("{:?}", login("mine")).contains("hunter2"));
    charts.round().bring(&wanted, &login("mine")).await.unwrap();

    // Elsewhere it is not told, even where the repository sends us.
    let other = Server::start(Behaviour::Redirect {
        to: format!("http://localhost:{}", repository.server.address.port()),
    });
    let asked = repository.server.requests();
    let moved = locked("1.2.3", &format!("http://{}", other.address));
    let error = charts.round().bring(&moved, &login("mine")).await.unwrap_err();
    assert_eq!(error.code(), "CHART-FETCH", "{error}");
    let told = repository.server.authorizations();
    assert!(told.len() > asked && told[asked..].iter().all(Option::is_none), "{told:?}");
}

#[tokio::test]
async fn the_proxy_of_the_source_is_used() {
    let (folder, repository) = repository(None);
    let access = Access { proxy: Some(repository.url()), ..Access::default() };
    let wanted = locked("1.2.3", "http://charts.example");
    charts(folder.path()).round().bring(&wanted, &access).await.unwrap();
    assert_eq!(repository.server.requests(), 2);
}

/// Public addresses, and these hosts.
fn public(hosts: &[&str]) -> Access {
    let none = Egress::Public(Default::default());
    Access { egress: hosts.iter().fold(none, |egress, host| egress.with(host)), ..Access::default() }
}

#[tokio::test]
async fn what_a_lock_names_is_not_asked_for_at_internal_addresses() {
    let (folder, repository) = repository(None);
    let charts = charts(folder.path());
    let port = repository.server.address.port();
    // The same address as numbers that only the resolver reads.
    for host in ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1"] {
        let wanted = locked("1.2.3", &format!("http://{host}:{port}"));
        let error = charts.round().bring(&wanted, &public(&[])).await.unwrap_err();
        assert!(error.code() == "CHART-HOST" && error.to_string().contains(host), "{error}");
        let registry = locked("1.2.3", &format!("oci://{host}:{port}/charts"));
        let error = charts.round().bring(&registry, &public(&[])).await.unwrap_err();
        assert_eq!(error.code(), "CHART-HOST", "{error}");
    }
    assert_eq!(repository.server.requests(), 0);
    for host in ["127.0.0.1", "127.1"] {
        let wanted = locked("1.2.3", &format!("http://{host}:{port}"));
        charts.round().bring(&wanted, &public(&[host])).await.unwrap();
    }
    let behaviour = Behaviour::Redirect { to: format!("http://2130706433:{port}") };
    let sends = Server::start(behaviour).address.port();
    let asked = repository.server.requests();
    let wanted = locked("1.2.3", &format!("http://127.1:{sends}"));
    let error = charts.round().bring(&wanted, &public(&["127.1"])).await.unwrap_err();
    assert!(error.code() == "CHART-HOST" && error.to_string().contains("2130706433"), "{error}");
    assert_eq!(repository.server.requests(), asked);
}

#[tokio::test]
async fn the_authority_of_the_source_is_trusted() {
    let (folder, repository) = repository(None);
    let behaviour = Behaviour::Dumb { root: repository.folder().to_owned(), authorization: None };
    let file = folder.path().join("authority.pem");
    let (charts, wanted) = (charts(folder.path()), locked("1.2.3", &tls::serve(behaviour, &file)));
    let error = charts.round().bring(&wanted, &Access::default()).await.unwrap_err();
    assert!(error.code() == "CHART-FETCH" && error.to_string().contains("certificate"), "{error}");
    let access = Access { ca_file: Some(file), ..Access::default() };
    charts.round().bring(&wanted, &access).await.unwrap();
}

#[tokio::test]
async fn registries_are_read() {
    let (folder, repository) = repository(None);
    let archive = fs::read(repository.folder().join("dep-1.2.3.tgz")).unwrap();
    let root = TempDir::new().unwrap();
    let server =
        Server::start(Behaviour::Dumb { root: root.path().to_owned(), authorization: Some(basic()) });
    registry(root.path(), &archive);
    let wanted = locked("1.2.3", &format!("oci://{}/charts", server.address));
    let charts = charts(folder.path());
    assert_eq!(charts.round().bring(&wanted, &login("mine")).await.unwrap(), archive);
    let error = charts.round().bring(&wanted, &Access::default()).await.unwrap_err();
    assert_eq!(error.code(), "CHART-FETCH", "{error}");
    let gone = Locked { version: "1.2.4".into(), ..wanted };
    let error = charts.round().bring(&gone, &login("mine")).await.unwrap_err();
    assert_eq!(error.code(), "CHART-FETCH", "{error}");
}

/// The files of a registry that holds `charts/dep:1.2.3`. Source: OCI distribution and image specifications.
fn registry(root: &Path, archive: &[u8]) {
    let dep = root.join("v2/charts/dep");
    fs::create_dir_all(dep.join("blobs")).unwrap();
    fs::create_dir_all(dep.join("manifests")).unwrap();
    let blob = |media: &str, bytes: &[u8]| {
        let digest = format!("sha256:{}", Digest::of(bytes));
        fs::write(dep.join("blobs").join(&digest), bytes).unwrap();
        json!({"mediaType": media, "digest": digest, "size": bytes.len()})
    };
    let media = "application/vnd.oci.image.manifest.v1+json";
    let config = br#"{"name":"dep","version":"1.2.3","apiVersion":"v2"}"#;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media,
        "config": blob("application/vnd.cncf.helm.config.v1+json", config),
        "layers": [blob("application/vnd.cncf.helm.chart.content.v1.tar+gzip", archive)],
    });
    let manifest = manifest.to_string();
    for name in ["1.2.3".to_owned(), format!("sha256:{}", Digest::of(manifest.as_bytes()))] {
        fs::write(dep.join("manifests").join(&name), &manifest).unwrap();
        fs::write(dep.join("manifests").join(format!("{name}.type")), media).unwrap();
    }
}

#[tokio::test]
async fn a_silent_repository_is_told() {
    let folder = TempDir::new().unwrap();
    let empty = folder.path().join("tools");
    fs::create_dir(&empty).unwrap();
    fs::write(empty.join("helm"), "#!/bin/sh\nexec /bin/sleep 600\n").unwrap();
    fs::set_permissions(empty.join("helm"), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    tokio::time::pause();
    let charts =
        Arc::new(Charts::new(&folder.path().join("charts"), &folder.path().join("scratch"), Some(empty)));
    let error = charts.round().bring(&locked("1.2.3", "http://charts.example"), &Access::default()).await;
    let error = error.unwrap_err();
    assert_eq!(error.code(), "CHART-FETCH");
    assert!(error.to_string().contains("did not answer within 30 s"), "{error}");
}
