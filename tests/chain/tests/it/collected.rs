//! What collecting blobs leaves behind, on either backend: all that is named, and nothing else.

use std::{collections::BTreeSet, sync::Arc};

use bus::{FeedItem, Log, now};
use differ::Collected;
use events::{Draft, EventType};
use model::{Aggregate, Digest};

use crate::{
    nats::Server,
    scene::{BOUND, Scene},
};

/// More than a log keeps of one aggregate.
const COMMITS: usize = 300;

/// Manifests too large for an event, and a secret.
fn files(value: usize) -> Vec<(String, String)> {
    let noise: String =
        (0..2_500).map(|i| Digest::of(format!("{i}").as_bytes()).to_string()[..8].to_owned()).collect();
    let map = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: one}}\ndata: {{key: \"{value}\", noise: {noise}}}\n"
    );
    let secret =
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: one}}\nstringData: {{key: \"{value}\"}}\n");
    vec![("one/map.yaml".to_owned(), map), ("one/secret.yaml".to_owned(), secret)]
}

/// One more commit, rendered.
async fn follow(scene: &Scene, value: usize) {
    let commit = scene.commit(&files(value));
    scene.look(&format!("request-{value}")).await;
    scene.render("one", "its render", |state| state.made_from.commit.as_str() == commit).await;
}

/// Everything that is named, which has to be there.
async fn named(log: &Arc<dyn Log>) -> BTreeSet<Digest> {
    let mut named = BTreeSet::new();
    let mut replay = log.replay();
    while let Some(item) = futures::StreamExt::next(&mut replay).await {
        let FeedItem::Event(event) = item.unwrap() else { panic!("all can be read") };
        named.extend(events::blobs_of(&event).unwrap().blobs);
    }
    for digest in &named {
        assert!(log.has_blob(digest).await.unwrap(), "{digest} is named, and gone");
    }
    named
}

async fn collected(log: &Arc<dyn Log>) -> Collected {
    // Nobody is at work: there is nothing to spare.
    differ::collect(&**log, now().plus(BOUND)).await.unwrap()
}

async fn three_hundred_commits_leave_what_is_named(mut scene: Scene) {
    scene.commit(&files(0));
    scene.define(&["one".to_owned()]).await;
    scene.render("one", "the first render", |state| state.desired.is_some()).await;
    let mut swept = 0;
    for value in 1..=COMMITS {
        follow(&scene, value).await;
        if value % 100 == 0 {
            let Collected::Swept(found) = collected(&scene.log).await else { panic!("all can be read") };
            swept += found.blobs;
        }
    }
    let left: BTreeSet<Digest> = scene.log.blobs().await.unwrap().into_iter().collect();
    assert_eq!(left, named(&scene.log).await);
    // Files, manifests and secrets of each, and the definitions; the first ones are in no history any more.
    assert!(
        left.len() <= 3 * bus::HISTORY_MAX + 1 && swept >= 3 * (COMMITS - bus::HISTORY_MAX) as u64,
        "{swept}"
    );

    scene.restart().await;
    follow(&scene, COMMITS + 1).await;

    let cluster = Aggregate::Cluster("future".parse().unwrap());
    let draft = Draft {
        aggregate: cluster.clone(),
        n: 1,
        previous: None,
        kind: EventType::ClusterConnected,
        format: 999,
        time: now(),
        cause: None,
        correlation: None,
        actor: None,
        traceparent: None,
        payload: bytes::Bytes::from_static(b"\x80"),
    };
    scene.log.append(vec![draft]).await.remove(0).unwrap();
    let perhaps = scene.log.put_blob(bytes::Bytes::from_static(b"perhaps it names this")).await.unwrap();
    let held = collected(&scene.log).await;
    assert!(matches!(&held, Collected::Held { path, .. } if *path == cluster.path()), "{held:?}");
    assert!(scene.log.has_blob(&perhaps).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_commits_in_a_file_leave_what_is_named() {
    three_hundred_commits_leave_what_is_named(Scene::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_commits_on_nats_leave_what_is_named() {
    let server = Server::start().await;
    three_hundred_commits_leave_what_is_named(Scene::over(server.log().await).await).await;
}
