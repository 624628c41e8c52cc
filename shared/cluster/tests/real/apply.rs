use std::time::Duration;

use cluster::{
    Apply, CauseKind, ClusterError, Delete, FieldConflict, Force, Missing, Mode, Outcome, Propagation,
};
use model::RetryClass;
use serde_json::json;
use tokio::time::Instant;

use crate::fixture::{Fixture, config_maps, id_of};

/// Callers run on many threads: a future that is not `Send` would not compile here.
#[tokio::test]
async fn every_call_can_move_between_threads() {
    let fixture = Fixture::new().await;
    let (client, resource) = (fixture.client.clone(), config_maps());
    let id = id_of(&fixture.config_map("a", json!({})));
    let calls = async move {
        client.version().await?;
        client.discover().await?;
        client.list(&resource, None, "none=none").await?;
        client.get(&resource, &id).await
    };
    assert_eq!(tokio::spawn(calls).await.unwrap(), Ok(None));
}

#[tokio::test]
async fn a_create_is_told_from_an_update() {
    let fixture = Fixture::new().await;
    let body = fixture.config_map("a", json!({"k": "1"}));
    let dry = fixture.apply_in(&body, "driftless:a", (Force::No, Mode::DryRun)).await.unwrap();
    assert_eq!((dry.outcome, dry.object.resource_version.as_str()), (Outcome::Created, ""));
    assert_eq!(fixture.get(&body).await, None, "a dry-run stores nothing");

    let first = fixture.apply(&body, "driftless:a", Force::No).await.unwrap();
    let second = fixture.apply(&body, "driftless:a", Force::No).await.unwrap();
    assert_eq!((first.outcome, second.outcome), (Outcome::Created, Outcome::Updated));
    assert_eq!(first.object, second.object, "an equal apply changes nothing");
    assert_eq!(first.object.id, id_of(&body));
    assert_eq!(first.object.value.value()["data"]["k"], "1");
    assert!(!first.object.uid.is_empty() && !first.object.resource_version.is_empty());
    assert_eq!(fixture.get(&body).await, Some(second.object));
}

#[tokio::test]
async fn a_conflict_names_owner_and_field() {
    let fixture = Fixture::new().await;
    fixture
        .apply(&fixture.config_map("a", json!({"k": "1", "l": "1"})), "driftless:a", Force::No)
        .await
        .unwrap();
    let other = fixture.config_map("a", json!({"k": "2", "l": "2"}));
    let error = fixture.apply(&other, "driftless:b", Force::No).await.unwrap_err();
    let ClusterError::Conflict { conflicts, .. } = &error else { panic!("{error:?}") };
    let conflict = |field: &str| FieldConflict { manager: Some("driftless:a".into()), field: field.into() };
    assert_eq!(conflicts, &[conflict(".data.k"), conflict(".data.l")]);
    assert_eq!((error.class(), error.code()), (RetryClass::Permanent, "CLUSTER-CONFLICT"));
    let forced = fixture.apply(&other, "driftless:b", Force::Yes).await.unwrap();
    assert_eq!((forced.outcome, &forced.object.value.value()["data"]["k"]), (Outcome::Updated, &json!("2")));
}

#[tokio::test]
async fn an_invalid_object_is_told_field_by_field() {
    let fixture = Fixture::new().await;
    let error =
        fixture.apply(&fixture.config_map("a", json!({"bad key": "1"})), "m", Force::No).await.unwrap_err();
    let ClusterError::Invalid { causes, .. } = &error else { panic!("{error:?}") };
    assert_eq!(causes[0].field, "data[bad key]");
    assert_eq!((error.class(), error.code()), (RetryClass::Permanent, "CLUSTER-INVALID"));
}

#[tokio::test]
async fn an_immutable_field_is_proven() {
    let fixture = Fixture::new().await;
    let mut body = fixture.config_map("a", json!({"k": "1"}));
    body["immutable"] = true.into();
    fixture.apply(&body, "m", Force::No).await.unwrap();
    body["data"]["k"] = "2".into();
    let error = fixture.apply(&body, "m", Force::No).await.unwrap_err();
    let ClusterError::Invalid { causes, .. } = &error else { panic!("{error:?}") };
    // This kind has words of its own for it, so only the probe tells.
    assert_eq!(causes[0].kind, CauseKind::Forbidden);
    assert!(creatable(&fixture, &body).await, "as a new object it is fine");
    body["data"] = json!({"bad key": "2"});
    assert!(!creatable(&fixture, &body).await);
    let listed = fixture.client.list(&config_maps(), Some(&fixture.namespace), "").await.unwrap();
    assert_eq!(listed.items.len(), 1, "probing leaves nothing behind");
}

#[tokio::test]
async fn the_apis_own_sentence_tells_an_immutable_field() {
    let fixture = Fixture::new().await;
    let deployment = |label: &str| {
        let labels = json!({"app": label});
        let containers = json!([{"name": "web", "image": "web:1"}]);
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": fixture.namespace},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
            },
        })
    };
    fixture.apply(&deployment("a"), "m", Force::No).await.unwrap();
    let error = fixture.apply(&deployment("b"), "m", Force::No).await.unwrap_err();
    let ClusterError::Invalid { causes, .. } = &error else { panic!("{error:?}") };
    let selector = causes.iter().find(|cause| cause.field == "spec.selector").unwrap();
    assert_eq!(selector.kind, CauseKind::Immutable, "{causes:?}");
}

#[tokio::test]
async fn a_missing_namespace_is_told_from_a_missing_kind() {
    let fixture = Fixture::new().await;
    let mut body = fixture.config_map("a", json!({}));
    body["metadata"]["namespace"] = "nowhere".into();
    let error = fixture.apply(&body, "m", Force::No).await.unwrap_err();
    assert!(matches!(error, ClusterError::NotFound { missing: Missing::Namespace, .. }), "{error:?}");
    let body = json!({
        "apiVersion": "example.com/v1", "kind": "Widget",
        "metadata": {"name": "a", "namespace": fixture.namespace},
    });
    let error = fixture.apply(&body, "m", Force::No).await.unwrap_err();
    assert!(matches!(error, ClusterError::NotFound { missing: Missing::Resource, .. }), "{error:?}");
}

#[tokio::test]
async fn nothing_starts_too_late() {
    let fixture = Fixture::new().await;
    let body = fixture.config_map("a", json!({}));
    let (resource, id) = (config_maps(), id_of(&body));
    let (force, mode, start_by) = (Force::No, Mode::Real, Some(Instant::now() - Duration::from_millis(1)));
    let request = Apply { resource: &resource, id: &id, body: &body, manager: "m", force, mode, start_by };
    let error = fixture.client.apply(&request).await.unwrap_err();
    assert_eq!((error.code(), error.class()), ("CLUSTER-LATE", RetryClass::Stale));
    assert_eq!(fixture.get(&body).await, None);

    let live = fixture.apply(&body, "m", Force::No).await.unwrap().object;
    let patch = json!([{"op": "add", "path": "/data", "value": {"x": "1"}}]);
    let error = fixture.client.json_patch(&resource, &id, &patch, ("m", start_by)).await.unwrap_err();
    assert_eq!(error.code(), "CLUSTER-LATE");
    let (uid, resource_version, propagation) = (live.uid.as_str(), None, Propagation::Background);
    let request = Delete { resource: &resource, id: &id, uid, resource_version, propagation, start_by };
    assert_eq!(fixture.client.delete(&request).await.unwrap_err().code(), "CLUSTER-LATE");
    assert_eq!(fixture.get(&body).await, Some(live));
}

#[tokio::test]
async fn a_body_beyond_the_servers_limit_is_not_sent() {
    let fixture = Fixture::new().await;
    let body = fixture.config_map("a", json!({"k": "x".repeat(4 << 20)}));
    let error = fixture.apply(&body, "m", Force::No).await.unwrap_err();
    assert_eq!(error.code(), "CLUSTER-TOO-LARGE");
}

#[tokio::test]
async fn a_patch_meets_only_the_version_it_was_made_for() {
    let fixture = Fixture::new().await;
    let body = fixture.config_map("a", json!({"k": "1"}));
    let live = fixture.apply(&body, "m", Force::No).await.unwrap().object;
    let patch = json!([
        {"op": "test", "path": "/metadata/resourceVersion", "value": live.resource_version},
        {"op": "remove", "path": "/metadata/labels/app"},
    ]);
    let (resource, id) = (config_maps(), id_of(&body));
    let patched = fixture.client.json_patch(&resource, &id, &patch, ("m", None)).await.unwrap();
    assert!(patched.value.value()["metadata"].get("labels").is_none());
    let error = fixture.client.json_patch(&resource, &id, &patch, ("m", None)).await.unwrap_err();
    assert_eq!(error.code(), "CLUSTER-INVALID", "{error:?}");
    // Without strict validation the server would drop the field and say nothing.
    let unknown = json!([{"op": "add", "path": "/colour", "value": "red"}]);
    let error = fixture.client.json_patch(&resource, &id, &unknown, ("m", None)).await.unwrap_err();
    assert_eq!(error.code(), "CLUSTER-INVALID", "{error:?}");
}

async fn creatable(fixture: &Fixture, body: &serde_json::Value) -> bool {
    let (resource, id) = (config_maps(), id_of(body));
    let force = Force::Yes;
    let request =
        Apply { resource: &resource, id: &id, body, manager: "m", force, mode: Mode::Real, start_by: None };
    fixture.client.creatable(&request).await.unwrap()
}
