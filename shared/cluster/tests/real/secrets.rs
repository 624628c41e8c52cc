use std::collections::BTreeMap;

use cluster::{ClusterError, Force, Scope, WatchEvent};
use futures::StreamExt;
use serde_json::{Value, json};

use crate::fixture::{Fixture, config_maps, id_of, resource};

const VALUE: &str = "hunter2-hunter2";
/// `VALUE` in base64.
const ENCODED: &str = "aHVudGVyMi1odW50ZXIy";

fn assert_clean(text: &str) {
    assert!(!text.contains(VALUE) && !text.contains(ENCODED), "{text}");
}

fn secret(fixture: &Fixture, data: &Value) -> Value {
    let last_applied = format!("{{\"data\":{{\"k\":\"{ENCODED}\"}}}}");
    json!({
        "apiVersion": "v1", "kind": "Secret", "data": data,
        "metadata": {
            "name": "s", "namespace": fixture.namespace,
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": last_applied},
        },
    })
}

#[tokio::test]
async fn no_way_of_reading_shows_a_secret_value() {
    let fixture = Fixture::new().await;
    let body = secret(&fixture, &json!({"k": ENCODED}));
    let secrets = resource("v1", "Secret", "secrets", Scope::Namespaced);
    let applied = fixture.apply(&body, "m", Force::No).await.unwrap();
    let got = fixture.get(&body).await.unwrap();
    let listed = fixture.client.list(&secrets, Some(&fixture.namespace), "").await.unwrap();
    assert_eq!(listed.items, std::slice::from_ref(&got));
    assert_eq!(got.value.value()["kind"], "Secret", "list items do not say it themselves");
    let from = listed.resource_version;
    let mut watch = Box::pin(fixture.client.watch(&secrets, Some(&fixture.namespace), "", &from));
    let other = secret(&fixture, &json!({"k": ENCODED, "l": "bA=="}));
    let (event, _) = tokio::join!(watch.next(), fixture.apply(&other, "m", Force::No));
    let Some(Ok(WatchEvent::Modified(watched))) = event else { panic!("{event:?}") };
    let marker = watched.value.value()["data"]["k"].as_str().unwrap();
    assert!(manifest::is_marker(marker), "{marker}");
    assert_clean(&format!("{applied:?} {got:?} {watched:?}"));
}

#[tokio::test]
async fn no_error_quotes_a_secret_value() {
    let fixture = Fixture::new().await;
    // The server repeats the rejected key, and would repeat a value.
    let key = format!("bad key {VALUE}");
    let error = fixture.apply(&secret(&fixture, &json!({key: ENCODED})), "m", Force::No).await.unwrap_err();
    let ClusterError::Invalid { causes, message, .. } = &error else { panic!("{error:?}") };
    assert!(message.contains("withheld") && causes.iter().all(|cause| cause.message.is_empty()), "{error:?}");
    // Not base64 at all: the server answers 500 here.
    let error = fixture.apply(&secret(&fixture, &json!({"k": VALUE})), "m", Force::No).await.unwrap_err();
    assert_clean(&format!("{error:?} {error}"));
}

#[tokio::test]
async fn values_marked_sensitive_are_redacted_and_withheld() {
    let mut fixture = Fixture::new().await;
    let body = fixture.config_map("marked", json!({"k": VALUE}));
    let places = BTreeMap::from([(id_of(&body), vec!["/data/k".to_owned()])]);
    fixture.client = fixture.client.minding(places);
    assert_clean(&format!("{:?}", fixture.apply(&body, "m", Force::No).await.unwrap()));
    let listed = fixture.client.list(&config_maps(), Some(&fixture.namespace), "").await.unwrap();
    assert_clean(&format!("{listed:?}"));
    // By the manifest's own word, which the cluster need not know.
    let mut body = fixture.config_map("annotated", json!({"k": VALUE}));
    body["metadata"]["annotations"] = json!({"driftless.dev/sensitive": "/data/k"});
    assert_clean(&format!("{:?}", fixture.apply(&body, "m", Force::No).await.unwrap()));
    let plain = fixture.client.get(&config_maps(), &id_of(&fixture.config_map("plain", json!({})))).await;
    assert_eq!(plain, Ok(None));
    body["data"] = json!({"k": {"no": VALUE}});
    let error = fixture.apply(&body, "m", Force::No).await.unwrap_err();
    assert_clean(&format!("{error:?} {error}"));
    assert!(error.to_string().contains(".data.k"), "{error:?}");
}
