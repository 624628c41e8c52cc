//! Credentials that are no longer accepted are read anew, by the client that has them.

use std::{fs, path::Path};

use cluster::WatchEvent;
use futures::StreamExt;
use serde_json::{Value, json};

use crate::{
    connect::{connected, exec, set_user, value_of},
    fixture::config_maps,
};

/// A plugin that notes each run in `folder/runs`, and prints what `folder/credential` holds.
fn plugin(folder: &Path) -> Value {
    let script = format!("echo x >> {0}/runs; cat {0}/credential", folder.display());
    exec("sh", json!(["-c", script]))
}

fn credential(folder: &Path, token: &str, expires: Option<&str>) {
    let text = json!({
        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
        "status": {"token": token, "expirationTimestamp": expires},
    });
    fs::write(folder.join("credential"), text.to_string()).unwrap();
}

fn runs(folder: &Path) -> usize {
    fs::read_to_string(folder.join("runs")).unwrap().lines().count()
}

fn token() -> String {
    value_of("user: {token: ")
}

#[tokio::test]
async fn a_plugin_is_asked_again_when_its_token_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    credential(folder.path(), "expired", None);
    let (client, _file) = connected(|config| set_user(config, plugin(folder.path()))).await.unwrap();
    credential(folder.path(), &token(), None);
    let before = runs(folder.path());
    assert_eq!(client.version().await.unwrap().major, "1");
    let after = runs(folder.path());
    assert!(after > before, "{before} then {after}");
    client.version().await.unwrap();
    assert_eq!(runs(folder.path()), after, "a token that works is kept");
}

#[tokio::test]
async fn a_watch_asks_for_the_token_again_too() {
    let folder = tempfile::tempdir().unwrap();
    credential(folder.path(), "expired", None);
    let (client, _file) = connected(|config| set_user(config, plugin(folder.path()))).await.unwrap();
    credential(folder.path(), &token(), None);
    let mut watch = Box::pin(client.watch(&config_maps(), Some("default"), "", "0"));
    let first = watch.next().await.unwrap();
    assert!(matches!(first, Ok(WatchEvent::Added(_) | WatchEvent::Bookmark(_))), "{first:?}");
}

#[tokio::test]
async fn a_token_past_its_time_is_replaced_before_it_is_used() {
    let folder = tempfile::tempdir().unwrap();
    credential(folder.path(), "expired", Some("2020-01-01T00:00:00Z"));
    let (client, _file) = connected(|config| set_user(config, plugin(folder.path()))).await.unwrap();
    credential(folder.path(), &token(), Some("2099-01-01T00:00:00Z"));
    assert_eq!(client.version().await.unwrap().major, "1");
}

#[tokio::test]
async fn a_kubeconfig_that_was_rewritten_is_read_again() {
    let (client, file) = connected(|config| set_user(config, json!({"token": "old"}))).await.unwrap();
    let text = fs::read_to_string(file.path()).unwrap();
    fs::write(file.path(), text.replace("\"old\"", &json!(token()).to_string())).unwrap();
    assert_eq!(client.version().await.unwrap().major, "1");
}

#[tokio::test]
async fn another_server_is_not_followed() {
    let (client, file) = connected(|config| set_user(config, json!({"token": "old"}))).await.unwrap();
    let text = fs::read_to_string(file.path()).unwrap();
    let text = text.replace("\"old\"", &json!(token()).to_string()).replace("127.0.0.1", "localhost");
    fs::write(file.path(), text).unwrap();
    assert_eq!(client.version().await.unwrap_err().code(), "CLUSTER-AUTH");
}

#[tokio::test]
async fn credentials_that_stay_refused_are_not_asked_for_with_every_request() {
    let folder = tempfile::tempdir().unwrap();
    credential(folder.path(), "never", None);
    let (client, _file) = connected(|config| set_user(config, plugin(folder.path()))).await.unwrap();
    assert_eq!(client.version().await.unwrap_err().code(), "CLUSTER-AUTH");
    let after_one = runs(folder.path());
    for _ in 0..20 {
        assert_eq!(client.version().await.unwrap_err().code(), "CLUSTER-AUTH");
    }
    assert_eq!(runs(folder.path()), after_one);
}
