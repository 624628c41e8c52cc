use std::time::Duration;

use cluster::{Force, Lookup, Scope, Verb};
use model::Gvk;
use serde_json::json;
use testkit::eventually;

use crate::fixture::{Fixture, known};

fn gvk(version: &str, kind: &str) -> Gvk {
    Gvk { api_version: version.parse().unwrap(), kind: kind.into() }
}

#[tokio::test]
async fn what_is_served_is_known() {
    let fixture = Fixture::new().await;
    let discovery = fixture.client.discover().await.unwrap();
    assert!(discovery.unavailable().is_empty());
    let deployment = known(discovery.lookup(&gvk("apps/v1", "Deployment")));
    assert_eq!((deployment.plural.as_str(), deployment.scope), ("deployments", Scope::Namespaced));
    assert!(
        [Verb::Get, Verb::List, Verb::Watch, Verb::Patch, Verb::Delete].iter().all(|v| deployment.can(*v))
    );
    let namespace = known(discovery.lookup(&gvk("v1", "Namespace")));
    assert_eq!(namespace.scope, Scope::Cluster);
    let review = known(discovery.preferred("authorization.k8s.io", "SubjectAccessReview"));
    assert!(review.can(Verb::Create) && !review.can(Verb::List));
    assert_eq!(
        known(discovery.preferred("autoscaling", "HorizontalPodAutoscaler")).gvk.api_version.version,
        "v2"
    );
    assert_eq!(discovery.lookup(&gvk("apps/v1", "Nothing")), Lookup::UnknownKind);
}

#[tokio::test]
async fn a_new_kind_appears_and_its_fields_are_checked() {
    let fixture = Fixture::new().await;
    let group = format!("{}.example.com", fixture.namespace);
    let size = json!({"type": "object", "properties": {"size": {"type": "integer"}}});
    let schema = json!({"openAPIV3Schema": {"type": "object", "properties": {"spec": size}}});
    let crd = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("widgets.{group}")},
        "spec": {
            "group": group, "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": schema}],
        },
    });
    let before = fixture.client.discover().await.unwrap();
    assert_eq!(before.preferred(&group, "Widget"), Lookup::UnknownKind);
    fixture.apply(&crd, "m", Force::No).await.unwrap();
    let found = eventually(Duration::from_secs(60), "the new kind", async || {
        match fixture.client.discover().await.unwrap().preferred(&group, "Widget") {
            Lookup::Known(found) => Some(found.clone()),
            Lookup::UnknownKind | Lookup::GroupUnavailable => None,
        }
    })
    .await;
    assert_eq!(found.gvk, gvk(&format!("{group}/v1"), "Widget"));

    let widget = |spec: serde_json::Value| {
        let metadata = json!({"name": "w", "namespace": fixture.namespace});
        json!({"apiVersion": format!("{group}/v1"), "kind": "Widget", "metadata": metadata, "spec": spec})
    };
    fixture.apply(&widget(json!({"size": 1})), "m", Force::No).await.unwrap();
    let error =
        fixture.apply(&widget(json!({"size": 1, "colour": "red"})), "m", Force::No).await.unwrap_err();
    assert!(error.to_string().contains("colour"), "{error:?}");
}

#[tokio::test]
async fn a_group_whose_server_is_dead_is_not_missing() {
    // A cluster of its own: discoveries of others would be incomplete.
    let cluster = testkit::cluster::own("discovery");
    let fixture = Fixture::on(&cluster).await;
    let service = json!({
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
        "metadata": {"name": "v1.dead.example.com"},
        "spec": {
            "group": "dead.example.com", "version": "v1", "groupPriorityMinimum": 1, "versionPriority": 1,
            "insecureSkipTLSVerify": true, "service": {"name": "none", "namespace": fixture.namespace},
        },
    });
    fixture.apply(&service, "m", Force::No).await.unwrap();
    eventually(Duration::from_secs(60), "the dead group", async || {
        let discovery = fixture.client.discover().await.unwrap();
        (discovery.preferred("dead.example.com", "Thing") == Lookup::GroupUnavailable).then_some(())
    })
    .await;
    let discovery = fixture.client.discover().await.unwrap();
    known(discovery.lookup(&gvk("v1", "ConfigMap")));
}
