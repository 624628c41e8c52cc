use std::fs;

use cluster::{ClusterClient, ClusterError};
use model::{RetryClass, definition::Kubeconfig};
use serde_json::{Value, json};
use testkit::cluster::unique;

use crate::fixture::{Fixture, config_maps, connect, options, shared};

/// The value after `key` in the shared cluster's kubeconfig; the administrator's come first.
pub fn value_of(key: &str) -> String {
    let text = fs::read_to_string(shared().kubeconfig_file()).unwrap();
    let found = text.lines().find_map(|line| Some(line.split_once(key)?.1.trim_end_matches('}').to_owned()));
    found.unwrap()
}

/// A client of the shared cluster with an edited kubeconfig, and its file.
pub async fn connected(
    edit: impl Fn(&mut Value),
) -> Result<(ClusterClient, tempfile::NamedTempFile), ClusterError> {
    let cluster = json!({
        "server": value_of("server: "),
        "certificate-authority-data": value_of("certificate-authority-data: "),
    });
    let mut config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": value_of("user: {token: ")}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    });
    edit(&mut config);
    let text = config.as_str().map_or_else(|| config.to_string(), str::to_owned);
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    let kubeconfig = Kubeconfig { file: Some(file.path().to_owned()), context: None, secret: None };
    Ok((ClusterClient::connect(&kubeconfig, options()).await?, file))
}

/// Asks the shared cluster for its version with an edited kubeconfig.
pub async fn edited(edit: impl Fn(&mut Value)) -> Result<cluster::ServerVersion, ClusterError> {
    let (client, _file) = connected(edit).await?;
    client.version().await
}

pub fn set_user(config: &mut Value, user: Value) {
    config["users"][0]["user"] = user;
}

pub fn set_cluster(config: &mut Value, key: &str, value: &str) {
    config["clusters"][0]["cluster"][key] = value.into();
}

pub fn exec(command: &str, arguments: Value) -> Value {
    let version = "client.authentication.k8s.io/v1";
    json!({"exec": {"apiVersion": version, "command": command, "args": arguments}})
}

#[tokio::test]
async fn a_good_kubeconfig_works() {
    let version = edited(|_| {}).await.unwrap();
    assert_eq!((version.major.as_str(), version.git_version.starts_with("v1.")), ("1", true));
}

#[tokio::test]
async fn each_way_to_be_wrong_has_a_code_and_a_remedy() {
    type Edit = fn(&mut Value);
    let cases: [(&str, Edit); 11] = [
        ("CLUSTER-AUTH", |config| set_user(config, json!({"token": "wrong"}))),
        ("CLUSTER-AUTH", |config| set_user(config, json!({"tokenFile": "/no/such/file"}))),
        ("CLUSTER-AUTH", |config| set_user(config, exec("/no/such/plugin", json!([])))),
        ("CLUSTER-AUTH", |config| set_user(config, exec("echo", json!(["hunter2"])))),
        ("CLUSTER-AUTH", |config| {
            set_user(config, exec("sh", json!(["-c", "echo hunter2; echo hunter2 >&2; exit 3"])))
        }),
        ("CLUSTER-UNREACHABLE", |config| set_cluster(config, "server", "https://127.0.0.1:1")),
        ("CLUSTER-UNREACHABLE", |config| set_cluster(config, "server", "https://no-such-host.invalid")),
        ("CLUSTER-TLS", |config| set_cluster(config, "certificate-authority-data", OTHER_CA)),
        ("CLUSTER-KUBECONFIG", |config| set_cluster(config, "certificate-authority-data", "hunter2")),
        ("CLUSTER-KUBECONFIG", |config| config["current-context"] = "nowhere".into()),
        ("CLUSTER-KUBECONFIG", |config| *config = "users: [{user: {token: [hunter2".into()),
    ];
    for (index, (code, edit)) in cases.into_iter().enumerate() {
        let error = edited(edit).await.unwrap_err();
        assert_eq!(error.code(), code, "{index}: {error:?}");
        assert!(!error.remedy().is_empty());
        assert!(!format!("{error:?} {error}").contains("hunter2"), "{index}: {error:?}");
    }
}

/// A certificate of somebody else, in base64.
const OTHER_CA: &str = include_str!("other-ca.base64");

#[tokio::test]
async fn no_kubeconfig_is_told() {
    let file = std::env::temp_dir().join(unique("none"));
    let kubeconfig = Kubeconfig { file: Some(file.clone()), context: None, secret: None };
    let error = ClusterClient::connect(&kubeconfig, options()).await.err().unwrap();
    assert_eq!((error.code(), error.class()), ("CLUSTER-KUBECONFIG", RetryClass::Permanent));
    assert!(error.to_string().contains(&file.display().to_string()), "{error}");
}

#[tokio::test]
async fn an_exec_plugin_gives_the_token() {
    let credential = json!({
        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
        "status": {"token": value_of("user: {token: ")},
    });
    // It must not ask anybody anything.
    let script = r#"case "$KUBERNETES_EXEC_INFO" in *'"interactive":false'*) echo "$0" ;; esac"#;
    let arguments = json!(["-c", script, credential.to_string()]);
    let version = edited(|config| set_user(config, exec("sh", arguments.clone()))).await.unwrap();
    assert_eq!(version.major, "1");
}

#[tokio::test]
async fn a_known_user_without_rights_is_forbidden_everything() {
    let fixture = Fixture::new().await;
    let viewer = connect(&shared().viewer()).await;
    let resource = config_maps();
    let body = fixture.config_map("a", json!({}));
    let listed = viewer.list(&resource, Some(&fixture.namespace), "").await.unwrap_err();
    // Never "there is none".
    let got = viewer.get(&resource, &crate::fixture::id_of(&body)).await.unwrap_err();
    let other = Fixture { client: viewer, namespace: fixture.namespace };
    let applied = other.apply(&body, "m", cluster::Force::No).await.unwrap_err();
    for error in [listed, got, applied] {
        assert_eq!((error.code(), error.class()), ("CLUSTER-FORBIDDEN", RetryClass::Permanent), "{error:?}");
    }
}
