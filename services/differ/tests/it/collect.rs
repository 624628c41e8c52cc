//! Blobs that nothing names go, and nothing else does.

use std::time::{Duration, Instant};

use bus::now;
use bytes::Bytes;
use differ::{Bootstrap, Collected, Collecting, Config};
use events::{
    Content, Draft, EventType, Table,
    state::{DefinitionsState, ObservedPath, ObservedRevision, PathOutcome, SourceState, State},
};
use model::{Aggregate, Digest};
use testkit::eventually;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{BOUND, Scene, clusters, config};

/// The blob that holds the definitions.
async fn definitions(scene: &Scene) -> Option<Digest> {
    let event = scene.log.newest(&Aggregate::Definitions).await.unwrap()?;
    let state: DefinitionsState = events::decode(event.draft.format, &event.draft.payload).unwrap();
    match state.set {
        Content::Blob(digest) => Some(digest),
        Content::Inline(_) => panic!("so many do not fit into an event"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_differ_collects_what_nothing_names_over_a_log_that_fails_again_and_again() {
    let scene = Scene::new().await;
    // What is young may be about to be named.
    let grace = Duration::from_secs(2);
    let collecting = Collecting { every: Duration::from_millis(50), grace };
    let config = Config { bootstrap: Some(Bootstrap::Set(clusters(200))), collecting, ..config() };
    let stop = CancellationToken::new();
    let differ = tokio::spawn(differ::run(scene.shaky.clone(), config, stop.clone()));
    let set = eventually(BOUND, "the definitions", async || definitions(&scene).await).await;
    let put = Instant::now();
    let garbage = scene.log.put_blob(Bytes::from_static(b"garbage")).await.unwrap();
    let gone = async || (!scene.log.has_blob(&garbage).await.unwrap()).then_some(());
    eventually(BOUND, "the garbage to go", gone).await;
    assert!(put.elapsed() >= grace, "{:?}", put.elapsed());
    assert!(!differ.is_finished() && scene.log.has_blob(&set).await.unwrap());
    stop.cancel();
    timeout(BOUND, differ).await.unwrap().unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_page_names_is_named() {
    let scene = Scene::new().await;
    let artifact = scene.log.put_blob(Bytes::from_static(b"files")).await.unwrap();
    let outcome = PathOutcome::Found { closure: Digest::of(b"closure"), artifact, notes: vec![] };
    let laid = Table::lay(vec![ObservedPath { path: "deploy".into(), outcome }], 0).unwrap();
    let page = scene.log.put_blob(Bytes::from(laid.blobs[0].1.clone())).await.unwrap();
    let commit = "1".repeat(40).parse().unwrap();
    let revision =
        Some(ObservedRevision { commit, reference: "main".into(), paths: laid.table, origin: None });
    let state = SourceState { observation: 1, revision, ..SourceState::default() };
    let source = Aggregate::Source("shop".parse().unwrap());
    let payload = events::encode(&state).unwrap().into();
    append(&scene, (source, EventType::RevisionObserved), SourceState::FORMAT, payload).await;
    let garbage = scene.log.put_blob(Bytes::from_static(b"garbage")).await.unwrap();

    let ended = differ::collect(&*scene.log, now().plus(BOUND)).await.unwrap();
    assert!(matches!(ended, Collected::Swept(swept) if swept.blobs == 1), "{ended:?}");
    for (blob, stays) in [(page, true), (artifact, true), (garbage, false)] {
        assert_eq!(scene.log.has_blob(&blob).await.unwrap(), stays);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_a_newer_process_holds_everything() {
    let scene = Scene::new().await;
    let newer = DefinitionsState::FORMAT + 1;
    let definitions = (Aggregate::Definitions, EventType::DefinitionsChanged);
    append(&scene, definitions, newer, Bytes::from_static(b"\x80")).await;
    let perhaps = scene.log.put_blob(Bytes::from_static(b"perhaps it names this")).await.unwrap();
    let ended = differ::collect(&*scene.log, now().plus(BOUND)).await.unwrap();
    let Collected::Held { path, reason, .. } = ended else { panic!("{ended:?}") };
    assert_eq!(path, "definitions");
    assert!(reason.contains("newer"), "{reason}");
    assert!(scene.log.has_blob(&perhaps).await.unwrap());
}

/// Appends the first event of an aggregate.
async fn append(scene: &Scene, (aggregate, kind): (Aggregate, EventType), format: u16, payload: Bytes) {
    let draft = Draft {
        aggregate,
        n: 1,
        previous: None,
        kind,
        format,
        time: now(),
        cause: None,
        correlation: None,
        actor: None,
        traceparent: None,
        payload,
    };
    scene.log.append(vec![draft]).await.remove(0).unwrap();
}
