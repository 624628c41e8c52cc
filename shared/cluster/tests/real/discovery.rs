use std::time::Duration;

use cluster::{Force, Lookup, Scope, Verb};
use model::Gvk;
use serde_json::json;
use testkit::eventually;

use crate::fixture::{Fixture, known, resource};

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
async fn a_new_kind_appears_and_a_dead_group_is_not_missing() {
    let fixture = Fixture::new().await;
    let group = format!("{}.example.com", fixture.namespace);
    let schema = json!({"type": "object", "properties": {"spec": {"type": "object"}}});
    let crd = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("widgets.{group}")},
        "spec": {
            "group": group, "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
        },
    });
    let before = fixture.client.discover().await.unwrap();
    assert_eq!(before.preferred(&group, "Widget"), Lookup::UnknownKind);
    fixture.apply(&crd, "m", Force::No).await.unwrap();
    let found = eventually(Duration::from_secs(20), "the new kind", async || {
        match fixture.client.discover().await.unwrap().preferred(&group, "Widget") {
            Lookup::Known(found) => Some(found.clone()),
            Lookup::UnknownKind | Lookup::GroupUnavailable => None,
        }
    })
    .await;
    assert_eq!(found.gvk, gvk(&format!("{group}/v1"), "Widget"));

    let dead = format!("dead-{group}");
    let service = json!({
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
        "metadata": {"name": format!("v1.{dead}")},
        "spec": {
            "group": dead, "version": "v1", "groupPriorityMinimum": 1, "versionPriority": 1,
            "insecureSkipTLSVerify": true, "service": {"name": "none", "namespace": fixture.namespace},
        },
    });
    let live = fixture.apply(&service, "m", Force::No).await.unwrap().object;
    eventually(Duration::from_secs(20), "the dead group", async || {
        let discovery = fixture.client.discover().await.unwrap();
        (discovery.preferred(&dead, "Thing") == Lookup::GroupUnavailable).then_some(())
    })
    .await;
    // Others share the cluster and expect complete discoveries.
    let resource = resource("apiregistration.k8s.io/v1", "APIService", "apiservices", Scope::Cluster);
    let propagation = cluster::Propagation::Background;
    let request = cluster::Delete {
        resource: &resource,
        id: &live.id,
        uid: &live.uid,
        resource_version: None,
        propagation,
    };
    fixture.client.delete(&request).await.unwrap();
}
