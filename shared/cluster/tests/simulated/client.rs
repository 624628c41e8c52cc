//! What the client of driftless does with a cluster.

use std::{collections::BTreeSet, time::Duration};

use cluster::{ClusterError, Delete, Deleted, Force, Lookup, Observation, Outcome, Propagation};
use futures::StreamExt;
use kubesim::Cluster;
use tokio::time::timeout;

use crate::{Fixture, config_map, config_maps, id_of};

const SOON: Duration = Duration::from_secs(60);

#[tokio::test]
async fn it_discovers_applies_lists_and_deletes() {
    let fixture = Fixture::new().await;
    let client = &fixture.client;
    assert_eq!(client.version().await.unwrap().minor, "36");
    let discovery = client.discover().await.unwrap();
    assert!(
        matches!(discovery.preferred("apps", "Deployment"), Lookup::Known(found) if found.plural == "deployments")
    );
    assert!(discovery.unavailable().is_empty());

    let body = config_map("a", "1");
    let first = fixture.apply(&body, Force::No).await.unwrap();
    let second = fixture.apply(&body, Force::No).await.unwrap();
    assert_eq!((first.outcome, second.outcome), (Outcome::Created, Outcome::Updated));
    assert_eq!(first.object, second.object, "an equal apply changes nothing");
    fixture.apply(&config_map("b", "1"), Force::No).await.unwrap();
    let listed = client.list(&config_maps(), None, "app=test").await.unwrap();
    assert_eq!(listed.items.len(), 2);

    let (resource, id) = (config_maps(), id_of(&body));
    let delete = |uid| Delete {
        resource: &resource,
        id: &id,
        uid,
        resource_version: None,
        propagation: Propagation::Background,
        start_by: None,
    };
    let refused = client.delete(&delete("00000000-0000-4000-8000-000000000000")).await;
    assert!(!matches!(refused, Ok(Deleted::Gone)), "{refused:?}");
    client.delete(&delete(&first.object.uid)).await.unwrap();
    assert_eq!(client.get(&resource, &id).await.unwrap(), None);
}

#[tokio::test]
async fn it_follows_what_changes_through_a_compaction() {
    let fixture = Fixture::new().await;
    let mut observed = Box::pin(fixture.client.observe(&config_maps(), None, "app=test"));
    let (mut names, mut lists) = (BTreeSet::new(), 0);
    let follow = async {
        while lists < 2 {
            match observed.next().await.unwrap() {
                Observation::Listed { .. } => {
                    lists += 1;
                    fixture.apply(&config_map("a", "1"), Force::No).await.unwrap();
                }
                Observation::Upsert(live) => {
                    let first = names.insert(live.id.name.clone());
                    if first && live.id.name == "a" {
                        // In one go: what the watch was to go on from is forgotten before it sees this.
                        fixture.simulator.with(crate::NAME, create_and_forget).unwrap();
                    }
                }
                Observation::Gone { .. }
                | Observation::Current { .. }
                | Observation::Restored { .. }
                | Observation::Unreadable(_)
                | Observation::Unavailable(_)
                | Observation::Unserved(_) => {}
            }
        }
    };
    timeout(SOON, follow).await.expect("a second list, since the watch could not go on");
    assert_eq!(names.iter().collect::<Vec<_>>(), ["a", "b"]);
}

fn create_and_forget(cluster: &mut Cluster) {
    let path = "/api/v1/namespaces/default/configmaps";
    let request = http::Request::post(path).body(config_map("b", "1").to_string().into());
    cluster.handle(&request.unwrap(), jiff::Timestamp::now());
    cluster.compact();
}

#[tokio::test]
async fn it_notices_a_cluster_that_was_restored() {
    let fixture = Fixture::new().await;
    fixture.apply(&config_map("first", "1"), Force::No).await.unwrap();
    let backup = fixture.simulator.with(crate::NAME, |cluster| cluster.clone()).unwrap();
    let mut observed = Box::pin(fixture.client.observe(&config_maps(), None, "app=test"));
    let mut restored = None;
    let follow = async {
        while let Some(observation) = observed.next().await {
            match observation {
                Observation::Listed { present, .. } if restored.is_some() => return present,
                Observation::Listed { .. } => {
                    fixture.apply(&config_map("second", "1"), Force::No).await.unwrap();
                }
                Observation::Upsert(live) if live.id.name == "second" => {
                    fixture.simulator.with(crate::NAME, |cluster| *cluster = backup.clone()).unwrap();
                }
                Observation::Restored { seen, now } => restored = Some((seen, now)),
                Observation::Upsert(_)
                | Observation::Gone { .. }
                | Observation::Current { .. }
                | Observation::Unreadable(_)
                | Observation::Unavailable(_)
                | Observation::Unserved(_) => {}
            }
        }
        panic!("it ended");
    };
    let present = timeout(SOON, follow).await.unwrap();
    assert_eq!(present.keys().map(|id| id.name.as_str()).collect::<Vec<_>>(), ["first"]);
}

#[tokio::test]
async fn nothing_answers_once_the_simulator_is_gone() {
    let fixture = Fixture::new().await;
    let from = fixture.client.list(&config_maps(), None, "").await.unwrap().resource_version;
    let mut watch = Box::pin(fixture.client.watch(&config_maps(), None, "", &from));
    let body = config_map("a", "1");
    let (first, _) = tokio::join!(watch.next(), fixture.apply(&body, Force::No));
    assert!(first.unwrap().is_ok());
    let Fixture { simulator, client, .. } = fixture;
    drop(simulator);
    let last = timeout(SOON, watch.next()).await.unwrap();
    assert!(!matches!(last, Some(Ok(_))), "{last:?}");
    assert!(matches!(client.version().await, Err(ClusterError::Unreachable { .. })));
}

#[tokio::test]
async fn another_token_is_not_accepted() {
    let fixture = Fixture::new().await;
    fixture.simulator.add("other", kubesim::Controllers::Lifecycle);
    let foreign = std::fs::read_to_string(&fixture.kubeconfig).unwrap();
    let foreign = foreign.replace(&fixture.simulator.url(crate::NAME), &fixture.simulator.url("other"));
    let file = fixture.kubeconfig.with_file_name("foreign");
    std::fs::write(&file, foreign).unwrap();
    let client = crate::connect(file).await;
    assert!(matches!(client.version().await, Err(ClusterError::Unauthorized { .. })));
}
