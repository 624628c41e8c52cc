use cluster::{Force, Outcome, WatchEvent};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use crate::fixture::{Fixture, config_maps};

#[tokio::test]
async fn a_list_is_complete_over_pages() {
    let fixture = Fixture::new().await;
    let bodies: Vec<_> =
        (0..1_100).map(|n| fixture.config_map(&format!("c{n}"), json!({"n": "1"}))).collect();
    let applied = stream::iter(&bodies).map(|body| fixture.apply(body, "m", Force::No)).buffer_unordered(64);
    let applied: Vec<_> = applied.try_collect().await.unwrap();
    assert!(applied.iter().all(|applied| applied.outcome == Outcome::Created));
    let listed = fixture.client.list(&config_maps(), Some(&fixture.namespace), "app=test").await.unwrap();
    let names: std::collections::BTreeSet<_> = listed.items.iter().map(|live| &live.id.name).collect();
    assert_eq!((listed.items.len(), names.len()), (1_100, 1_100));
    let none =
        fixture.client.list(&config_maps(), Some(&fixture.namespace), "app in (x,y),!z").await.unwrap();
    assert!(none.items.is_empty() && !none.resource_version.is_empty());
}

#[tokio::test]
async fn a_watch_tells_what_happened_since_the_list() {
    let fixture = Fixture::new().await;
    let namespace = Some(fixture.namespace.as_str());
    let from = fixture.client.list(&config_maps(), namespace, "").await.unwrap().resource_version;
    let mut body = fixture.config_map("a", json!({"k": "1"}));
    fixture.apply(&body, "m", Force::No).await.unwrap();
    body["data"]["k"] = "2".into();
    fixture.apply(&body, "m", Force::No).await.unwrap();
    // Losing the label is leaving the selection.
    body["metadata"]["labels"] = json!({});
    fixture.apply(&body, "m", Force::No).await.unwrap();
    let watch = fixture.client.watch(&config_maps(), namespace, "app=test", &from);
    let events: Vec<_> = watch.take(3).try_collect().await.unwrap();
    let [WatchEvent::Added(first), WatchEvent::Modified(second), WatchEvent::Deleted(third)] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((first.value.value()["data"]["k"].as_str(), &first.uid), (Some("1"), &second.uid));
    assert_eq!(third.uid, first.uid);
    assert_eq!(
        cluster::order(&second.resource_version, &third.resource_version),
        Some(std::cmp::Ordering::Less)
    );
}
