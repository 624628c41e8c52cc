//! A patient reader and writer over a log whose broker restarts all the time.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{sync::Arc, time::Duration};

use bus::{AppendError, Filter, Log, LogConfig, Patient, WatchItem};
use bytes::Bytes;
use events::{Draft, EventId, EventType};
use model::{Aggregate, AggregateKind, Timestamp};
use tempfile::TempDir;
use testkit::ShakyLog;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Longer than a dozen waits of half a second on a loaded machine.
const BOUND: Duration = Duration::from_secs(90);

struct Scene {
    log: Arc<dyn Log>,
    shaky: Arc<ShakyLog>,
    stop: CancellationToken,
    patient: Patient,
    _folder: TempDir,
}

impl Scene {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let log = bus::open(LogConfig::embedded(folder.path())).await.unwrap();
        let shaky = Arc::new(ShakyLog::new(Arc::clone(&log)));
        let stop = CancellationToken::new();
        let patient = Patient::new(shaky.clone(), stop.clone());
        Self { log, shaky, stop, patient, _folder: folder }
    }
}

fn draft(name: &str) -> Draft {
    Draft {
        aggregate: Aggregate::Source(name.parse().unwrap()),
        n: 1,
        previous: None,
        kind: EventType::RevisionObserved,
        format: 1,
        time: Timestamp::from_millis(1),
        cause: None,
        correlation: None,
        actor: None,
        traceparent: None,
        payload: Bytes::from_static(b"state"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_draft_is_stored_once_whatever_became_of_its_acknowledgement() {
    let scene = Scene::new().await;
    for name in ["stored-without-a-word", "lost"] {
        let drafts = vec![draft(name), draft(&format!("{name}-too"))];
        let stored = timeout(BOUND, scene.patient.append(drafts)).await.unwrap();
        let versions: Vec<u64> = stored.into_iter().map(|stored| stored.unwrap().n()).collect();
        assert_eq!(versions, [1, 1], "{name}");
        let aggregate = draft(name).aggregate;
        assert_eq!(scene.log.history(&aggregate, 9).await.unwrap().len(), 1, "{name}");
    }
    assert_eq!(scene.shaky.appends(), 4, "each batch once more");
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_and_blobs_wait_for_their_answer() {
    let scene = Scene::new().await;
    let stored = scene.log.append(vec![draft("shop")]).await.remove(0).unwrap();
    let work = async {
        let newest = scene.patient.newest(stored.aggregate()).await.unwrap();
        assert_eq!(newest.as_ref(), Some(&stored));
        assert_eq!(
            scene.patient.history(stored.aggregate(), 2).await.unwrap(),
            std::slice::from_ref(&stored)
        );
        let digest = scene.patient.put_blob(Bytes::from_static(b"page")).await.unwrap();
        assert_eq!(scene.patient.get_blob(&digest).await.unwrap().unwrap(), "page");
        let mut watch = scene.patient.watch(Filter::kinds(&[AggregateKind::Source])).await.unwrap();
        assert_eq!(watch.next().await.unwrap().unwrap(), WatchItem::Event(stored.clone()));
        assert_eq!(watch.next().await.unwrap().unwrap(), WatchItem::Listed);
    };
    timeout(BOUND, work).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_stops_is_told_that_the_fate_is_unknown() {
    let scene = Scene::new().await;
    scene.stop.cancel();
    let answer = timeout(BOUND, scene.patient.append(vec![draft("shop")])).await.unwrap().remove(0);
    assert!(matches!(answer, Err(AppendError::Unavailable { .. })), "{answer:?}");
    assert!(scene.patient.newest(&draft("shop").aggregate).await.is_err());
    let mut watch = scene.patient.watch(Filter::kinds(&[AggregateKind::Source])).await.unwrap();
    assert!(timeout(BOUND, watch.next()).await.unwrap().unwrap().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_draft_is_not_tried_again() {
    let scene = Scene::new().await;
    let stale = Draft { n: 7, previous: Some(EventId::derive("another", &draft("shop"))), ..draft("shop") };
    let answer = timeout(BOUND, scene.patient.append(vec![stale])).await.unwrap().remove(0);
    assert!(matches!(answer, Err(AppendError::Conflict { .. })), "{answer:?}");
    assert_eq!(scene.shaky.appends(), 2);
}
