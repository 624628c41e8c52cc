//! A log, an auditor that comes and goes, and what is in its ledger.

use std::{path::Path, sync::Arc, time::Duration};

use auditor::{Config, Continuity, facts};
use bus::{Log, LogConfig, Share};
use bytes::Bytes;
use events::{
    Content, Draft, Event, EventType, Leaf, State,
    state::{DefinitionsState, RenderInputs, RenderState},
};
use ledger::{Ledger, Order, Rules, StoredEntry, View, Window};
use model::{Aggregate, Digest, Timestamp};
use testkit::{NatsServer, eventually};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Longer than any wait here on a loaded machine.
pub const BOUND: Duration = Duration::from_secs(60);

pub struct Scene {
    pub log: Arc<dyn Log>,
    _nats: Option<NatsServer>,
    folder: tempfile::TempDir,
}

/// An auditor at work.
pub struct Working {
    stop: CancellationToken,
    task: JoinHandle<Result<(), auditor::Error>>,
}

impl Working {
    /// Lets it end in order.
    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }
}

impl Scene {
    pub async fn embedded() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = bus::open(LogConfig::embedded(folder.path().join("log"))).await.unwrap();
        Self { log, _nats: None, folder }
    }

    pub async fn nats() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let nats = NatsServer::start(folder.path()).await;
        let log = bus::open(LogConfig::nats(nats.url())).await.unwrap();
        Self { log, _nats: Some(nats), folder }
    }

    /// The same ledger beside another log.
    pub async fn with_another_log(mut self) -> Self {
        self.log = bus::open(LogConfig::embedded(self.folder.path().join("another"))).await.unwrap();
        self
    }

    /// Keeps a copy of the log under that name, and goes on.
    pub async fn with_log_kept(self, name: &str) -> Self {
        let log = self.folder.path().join("log");
        let scene = self.closed().await;
        copy(&log, &scene.folder.path().join(name));
        scene.reopened().await
    }

    /// Puts that copy in the place of the log.
    pub async fn with_log_put_back(self, name: &str) -> Self {
        let log = self.folder.path().join("log");
        let scene = self.closed().await;
        std::fs::remove_dir_all(&log).unwrap();
        copy(&scene.folder.path().join(name), &log);
        scene.reopened().await
    }

    async fn closed(mut self) -> Self {
        self.log = bus::open(LogConfig::embedded(self.folder.path().join("beside"))).await.unwrap();
        self
    }

    async fn reopened(mut self) -> Self {
        let config = LogConfig::embedded(self.folder.path().join("log"));
        let opened = async || bus::open(config.clone()).await.ok();
        self.log = eventually(BOUND, "the log to be closed", opened).await;
        self
    }

    pub fn config(&self, share: Share) -> Config {
        let copy = Some(self.folder.path().join("copy"));
        Config { copy, ..Config::new(self.folder.path(), share) }
    }

    pub fn audit(&self) -> Working {
        self.audit_as(Share::Sole)
    }

    pub fn audit_as(&self, share: Share) -> Working {
        let stop = CancellationToken::new();
        let task = tokio::spawn(auditor::run(self.log.clone(), self.config(share), stop.clone()));
        Working { stop, task }
    }

    /// Takes an auditor away in the middle of whatever it does. A process that dies takes its lock along at once; a thread
    /// finishes what it has begun.
    pub async fn kill(&self, working: Working) {
        working.task.abort();
        let _ = working.task.await;
        let folder = self.config(Share::Sole).folder;
        let opened = || Ledger::open(&folder, &auditor::settings());
        eventually(BOUND, "its thread to end", async || {
            (!matches!(opened(), Err(ledger::OpenError::InUse { .. }))).then_some(())
        })
        .await;
    }

    /// Waits until the consumer has acknowledged everything; the ledger has to be closed for a look into it.
    pub async fn until_written(&self, count: u64) {
        let copy = self.folder.path().join("copy/checkpoint");
        let size = || std::fs::read_to_string(&copy).ok()?.lines().nth(1)?.parse::<u64>().ok();
        eventually(BOUND, "the ledger", async || size().filter(|size| *size >= count)).await;
    }

    /// Checks the whole of the ledger, which nobody writes now, and gives what is in it.
    pub fn entries(&self) -> (Ledger, View, Vec<StoredEntry>) {
        let ledger = Ledger::open(&self.config(Share::Sole).folder, &auditor::settings()).unwrap();
        let view = ledger.view().unwrap();
        let key = auditor::verifier_key(&self.config(Share::Sole).folder.join(auditor::CHECKS)).unwrap();
        view.verify(0, &Rules { keys: &[key], facts: &facts }, &mut |_| {}).unwrap();
        let entries = view.entries(&Window::default(), Order::OldestFirst, usize::MAX).unwrap();
        let mut continuity = Continuity::default();
        for entry in &entries {
            assert_eq!(continuity.take(&Leaf::decode(&entry.leaf).unwrap()), []);
        }
        (ledger, view, entries)
    }

    /// The events in it.
    pub fn events(&self) -> Vec<Event> {
        let event = |entry: &StoredEntry| match Leaf::decode(&entry.leaf).unwrap() {
            Leaf::Event(record) => record.event().unwrap(),
            Leaf::Unreadable(entry) => panic!("{entry:?}"),
        };
        self.entries().2.iter().map(event).collect()
    }

    pub async fn append(&self, draft: Draft) -> Event {
        self.log.append(vec![draft]).await.pop().unwrap().unwrap()
    }

    /// So many events of an aggregate that has none yet.
    pub async fn append_many(&self, aggregate: &Aggregate, count: u64) -> Vec<Event> {
        let mut events: Vec<Event> = vec![];
        for i in 0..count {
            let newest = events.last();
            let draft = Draft {
                aggregate: aggregate.clone(),
                n: i + 1,
                previous: newest.map(|event| event.id),
                kind: EventType::RevisionObserved,
                format: 1,
                time: Timestamp::from_millis(1_700_000_000_000 + i as i64),
                cause: None,
                correlation: Some("change".into()),
                actor: None,
                traceparent: None,
                payload: Bytes::from(i.to_string()),
            };
            events.push(self.append(draft).await);
        }
        events
    }

    /// The event behind another one.
    pub async fn append_after(&self, event: &Event, payload: &'static str) -> Event {
        let (n, previous) = (event.n() + 1, Some(event.id));
        self.append(Draft { n, previous, payload: payload.into(), ..event.draft.clone() }).await
    }

    /// A render with redacted manifests and sealed values, each in a blob of its own.
    pub async fn render(&self) -> (Event, Digest, Digest) {
        let manifests = self.log.put_blob(Bytes::from_static(b"what anybody may read")).await.unwrap();
        let secrets = self.log.put_blob(Bytes::from_static(b"what is sealed")).await.unwrap();
        let commit: model::Commit = "c".repeat(40).parse().unwrap();
        let desired = events::state::DesiredState {
            digest: Digest::of(b"desired"),
            objects: 1,
            manifests: Content::Blob(manifests),
            secrets: Some(secrets),
            commit: commit.clone(),
            observation: 1,
            notes: vec![],
        };
        let made_from = RenderInputs {
            source: "shop".parse().unwrap(),
            observation: 1,
            commit,
            closure: None,
            engine: "plain".into(),
            key_id: "key".into(),
        };
        let state = RenderState { made_from, desired: Some(desired), failure: None };
        let aggregate =
            Aggregate::Render { application: "shop".parse().unwrap(), parameters: Digest::of(b"parameters") };
        (self.append(draft(aggregate, EventType::DesiredStateRendered, &state)).await, manifests, secrets)
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

fn draft<S: State>(aggregate: Aggregate, kind: EventType, state: &S) -> Draft {
    Draft::after(None, aggregate, (kind, Timestamp::from_millis(1)), state).unwrap()
}

pub fn source(name: &str) -> Aggregate {
    Aggregate::Source(name.parse().unwrap())
}

pub fn definitions() -> Draft {
    let bytes = DefinitionsState::encode_set(&model::DefinitionSet::default()).unwrap();
    let state = DefinitionsState {
        digest: Digest::of(&bytes),
        set: Content::Inline(bytes),
        rejected: None,
        commit: Some("d".repeat(40).parse().unwrap()),
        observation: 0,
        consent: Default::default(),
    };
    draft(Aggregate::Definitions, EventType::DefinitionsChanged, &state)
}
