//! A running fetcher with its log, and the parts of the other roles: the differ's definitions and the
//! gateway's commands.

use std::{sync::Arc, time::Duration};

use bus::{Log, LogConfig, Share};
use events::{
    Content, Draft, Event, EventType, Table,
    state::{CommandState, DefinitionsState, ObservedPath, Request, RequestKind, SourceState, State},
};
use fetcher::{Config, Error};
use manifest::{Artifact, InstallKey};
use model::{
    Aggregate, Application, CommandScope, DefinitionSet, Digest, Source, Timestamp,
    definition::{Git, Reference},
};
use tempfile::TempDir;
use testkit::eventually;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Longer than any wait in these tests on a loaded machine.
pub const BOUND: Duration = Duration::from_secs(60);

pub struct Scene {
    pub log: Arc<dyn Log>,
    pub folder: TempDir,
    fetcher: Option<Running>,
}

pub struct Running {
    run: JoinHandle<Result<(), Error>>,
    stop: CancellationToken,
}

impl Running {
    /// Stops the fetcher, which must have had no error.
    pub async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(BOUND, self.run).await.unwrap().unwrap().unwrap();
    }
}

impl Scene {
    pub async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let log = bus::open(LogConfig::embedded(folder.path().join("log"))).await.unwrap();
        let mut scene = Self { log, folder, fetcher: None };
        scene.start();
        scene
    }

    pub fn key() -> InstallKey {
        InstallKey::from_bytes([7; 32])
    }

    pub fn start(&mut self) {
        self.fetcher = Some(self.start_another("."));
    }

    /// Starts a fetcher with mirrors of its own.
    pub fn start_another(&self, folder: &str) -> Running {
        let stop = CancellationToken::new();
        let config = Config::new(self.folder.path().join(folder), Self::key(), Share::Sole);
        let config = Config { charts: config.charts.clone().with("127.0.0.1"), ..config };
        let run = tokio::spawn(fetcher::run(Arc::clone(&self.log), config, stop.clone()));
        Running { run, stop }
    }

    /// Stops the fetcher, which must have had no error.
    pub async fn stop(&mut self) {
        self.fetcher.take().unwrap().stop().await;
    }

    pub async fn define(&self, sources: Vec<Source>, applications: Vec<Application>) {
        let set = DefinitionSet::new(sources, vec![], applications).unwrap();
        let bytes = DefinitionsState::encode_set(&set).unwrap();
        let digest = DefinitionSet::digest(&bytes);
        let set = match bytes.len() {
            0..=16384 => Content::Inline(bytes),
            _ => Content::Blob(self.log.put_blob(bytes.into()).await.unwrap()),
        };
        let consent = Default::default();
        let state = DefinitionsState { digest, set, rejected: None, commit: None, observation: 0, consent };
        self.append(Aggregate::Definitions, EventType::DefinitionsChanged, &state).await;
    }

    pub async fn ask(&self, source: &str, request: &str) -> Event {
        let (id, at) = (request.parse().unwrap(), Timestamp::from_millis(1));
        let state = CommandState {
            pending: vec![Request { id, kind: RequestKind::Fetch, at, by: Default::default() }],
        };
        let scope = CommandScope::Source(source.parse().unwrap());
        self.append(Aggregate::Command(scope), EventType::SyncRequested, &state).await
    }

    /// Asks for a look and waits until it was taken; then all that it found is in the log.
    pub async fn look(&self, source: &str, request: &str) -> SourceState {
        self.ask(source, request).await;
        self.wait(source, request, |state| state.handled.iter().any(|id| id.to_string() == request)).await
    }

    async fn append<S: State>(&self, aggregate: Aggregate, kind: EventType, state: &S) -> Event {
        let newest = self.log.newest(&aggregate).await.unwrap();
        let draft = Draft {
            correlation: Some("change-1".into()),
            actor: Some("actor-1".into()),
            ..Draft::after(newest.as_ref(), aggregate, (kind, Timestamp::from_millis(1)), state).unwrap()
        };
        self.log.append(vec![draft]).await.remove(0).unwrap()
    }

    pub async fn newest(&self, source: &str) -> Option<(Event, SourceState)> {
        let event = self.log.newest(&Aggregate::Source(source.parse().unwrap())).await.unwrap()?;
        let state = events::decode(event.draft.format, &event.draft.payload).unwrap();
        Some((event, state))
    }

    /// Waits for a state of the source.
    pub async fn wait(&self, source: &str, what: &str, is: impl Fn(&SourceState) -> bool) -> SourceState {
        eventually(BOUND, what, async || self.newest(source).await.map(|(_, state)| state).filter(&is)).await
    }

    /// All paths of a state.
    pub async fn rows(&self, state: &SourceState) -> Vec<ObservedPath> {
        match &state.revision.as_ref().unwrap().paths {
            Table::Inline(rows) => rows.clone(),
            Table::Paged { pages, .. } => {
                let mut rows = Vec::new();
                for page in pages {
                    let bytes = self.log.get_blob(page).await.unwrap().unwrap();
                    rows.extend(Table::read_page(&bytes).unwrap());
                }
                rows
            }
        }
    }

    pub async fn artifact(&self, digest: &Digest) -> Artifact {
        let sealed = self.log.get_blob(digest).await.unwrap().unwrap();
        Artifact::decode(&manifest::open(&Self::key(), "artifact", &sealed).unwrap()).unwrap()
    }

    pub fn mirrors(&self) -> usize {
        let folders = std::fs::read_dir(self.folder.path().join("mirrors"));
        folders.map_or(0, Iterator::count)
    }
}

/// A source that is looked at only when asked for: its next poll is an hour away.
pub fn source(name: &str, url: &str) -> Source {
    let git = Git {
        url: url.to_owned(),
        reference: Reference::Default,
        auth: Default::default(),
        ca_file: None,
        verify: None,
        proxy: None,
    };
    Source { name: name.parse().unwrap(), git, poll_ms: 3_600_000 }
}

pub fn application(name: &str, source: &str, path: &str) -> Application {
    let text = format!(r#"{{"name":"{name}","source":{{"name":"{source}","path":"{path}"}}}}"#);
    serde_json::from_str(&text).unwrap()
}
