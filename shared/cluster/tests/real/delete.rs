use cluster::{Delete, Deleted, Force, Propagation};
use serde_json::json;

use crate::fixture::{Fixture, config_maps, id_of};

async fn delete(
    fixture: &Fixture,
    body: &serde_json::Value,
    (uid, resource_version): (&str, Option<&str>),
) -> Deleted {
    let (resource, id) = (config_maps(), id_of(body));
    let propagation = Propagation::Background;
    let request = Delete { resource: &resource, id: &id, uid, resource_version, propagation, start_by: None };
    fixture.client.delete(&request).await.unwrap()
}

#[tokio::test]
async fn only_the_object_with_the_uid_is_deleted() {
    let fixture = Fixture::new().await;
    let body = fixture.config_map("a", json!({"k": "1"}));
    let live = fixture.apply(&body, "m", Force::No).await.unwrap().object;
    let found = delete(&fixture, &body, ("another", None)).await;
    assert_eq!(found, Deleted::UidMismatch { found: live.uid.clone() });
    let found = delete(&fixture, &body, (&live.uid, Some("1"))).await;
    assert_eq!(found, Deleted::VersionMismatch { found: live.resource_version.clone() });
    assert_eq!(fixture.get(&body).await, Some(live.clone()), "it is still there");
    let version = Some(live.resource_version.as_str());
    assert_eq!(delete(&fixture, &body, (&live.uid, version)).await, Deleted::Gone);
    assert_eq!(delete(&fixture, &body, (&live.uid, None)).await, Deleted::NotFound);
}

#[tokio::test]
async fn finalizers_are_named() {
    let fixture = Fixture::new().await;
    let mut body = fixture.config_map("a", json!({}));
    body["metadata"]["finalizers"] = json!(["example.com/wait"]);
    let live = fixture.apply(&body, "m", Force::No).await.unwrap().object;
    let waits = Deleted::Terminating { finalizers: vec!["example.com/wait".into()] };
    assert_eq!(delete(&fixture, &body, (&live.uid, None)).await, waits);
    assert!(fixture.get(&body).await.unwrap().is_terminating());
    let patch = json!([{"op": "remove", "path": "/metadata/finalizers"}]);
    fixture.client.json_patch(&config_maps(), &id_of(&body), &patch, ("m", None)).await.unwrap();
    assert_eq!(fixture.get(&body).await, None);
}
