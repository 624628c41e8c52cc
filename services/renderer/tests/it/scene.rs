//! A running renderer with its log, and the parts of the other roles: the differ's definitions and the
//! fetcher's revisions.

use std::{path::PathBuf, sync::Arc, time::Duration};

use bus::{Filter, Log, LogConfig, Share, WatchItem};
use events::{
    Content, Draft, Event, EventType, Table,
    state::{
        DefinitionsState, DesiredState, ObservedPath, ObservedRevision, PathOutcome, RenderState,
        SourceState, State,
    },
};
use manifest::{Artifact, DesiredSet, File, FileMode, InstallKey};
use model::{
    Aggregate, AggregateKind, Application, Cluster, DefinitionSet, Digest, Failure, RetryClass, Source,
    Timestamp,
};
use renderer::{Config, Error};
use tempfile::TempDir;
use testkit::{eventually, tool};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Longer than any wait in these tests on a loaded machine.
pub const BOUND: Duration = Duration::from_secs(90);

/// So often is everything looked at here.
const SWEEP: Duration = Duration::from_millis(200);

/// What the fetcher finds at a path.
pub enum Path<'a> {
    Files(&'a [(&'a str, &'a str)]),
    Lost(&'a str),
}

pub struct Scene {
    pub log: Arc<dyn Log>,
    pub folder: TempDir,
    limits: engine::Limits,
    tools: PathBuf,
    renderer: Option<Running>,
}

pub struct Running {
    run: JoinHandle<Result<(), Error>>,
    stop: CancellationToken,
}

impl Running {
    /// Stops the renderer, which must have had no error.
    pub async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(BOUND, self.run).await.unwrap().unwrap().unwrap();
    }
}

impl Scene {
    pub async fn new() -> Self {
        Self::with_limits(engine::Limits::default()).await
    }

    /// With other bounds of a run.
    pub async fn with_limits(limits: engine::Limits) -> Self {
        let tools = tool("helm").parent().unwrap().to_owned();
        let folder = TempDir::new().unwrap();
        let log = bus::open(LogConfig::embedded(folder.path().join("log"))).await.unwrap();
        let mut scene = Self { log, folder, limits, tools, renderer: None };
        scene.start();
        scene
    }

    pub fn key() -> InstallKey {
        InstallKey::from_bytes([7; 32])
    }

    pub fn start(&mut self) {
        self.renderer = Some(self.start_another("scratch"));
    }

    /// Starts a renderer with temporary files of its own.
    pub fn start_another(&self, scratch: &str) -> Running {
        let stop = CancellationToken::new();
        let scratch = self.folder.path().join(scratch);
        let engine = engine::Options { tools: Some(self.tools.clone()), scratch, limits: self.limits };
        let config = Config { sweep: SWEEP, ..Config::new(Self::key(), engine, Share::Sole) };
        let run = tokio::spawn(renderer::run(Arc::clone(&self.log), config, stop.clone()));
        Running { run, stop }
    }

    /// Stops the renderer, which must have had no error.
    pub async fn stop(&mut self) {
        self.renderer.take().unwrap().stop().await;
    }

    /// Puts applications of the source `shop` in force, for one cluster.
    pub async fn define(&self, applications: &[&str]) {
        let source: Source = json(r#"{"name":"shop","git":{"url":"/nowhere"}}"#);
        let cluster: Cluster = json(r#"{"name":"eu","kubeconfig":{"file":"k","context":null}}"#);
        let applications: Vec<Application> = applications.iter().map(|text| json(text)).collect();
        let set = DefinitionSet::new(vec![source], vec![cluster], applications).unwrap();
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

    /// Publishes a revision of the source `shop`, as the fetcher does.
    pub async fn revision(&self, observation: u64, paths: &[(&str, Path<'_>)]) {
        let mut rows = Vec::new();
        for (path, found) in paths {
            let outcome = match found {
                Path::Lost(message) => PathOutcome::Failed(Failure {
                    code: "GIT-PATH".into(),
                    message: (*message).into(),
                    remedy: String::new(),
                    class: RetryClass::Permanent,
                    at: Timestamp::from_millis(1),
                    attempts: 1,
                }),
                Path::Files(files) => self.files(files).await,
            };
            rows.push(ObservedPath { path: (*path).into(), outcome });
        }
        self.publish(observation, rows).await;
    }

    /// Stores files as a sealed artifact; a content that begins with `->` is a link.
    pub async fn files(&self, files: &[(&str, &str)]) -> PathOutcome {
        let file = |text: &str| match text.strip_prefix("->") {
            Some(target) => File { mode: FileMode::Symlink, bytes: target.into() },
            None => File { mode: FileMode::Regular, bytes: text.into() },
        };
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), file(text)));
        let artifact = Artifact::from_files(files).unwrap();
        let sealed = manifest::seal(&Self::key(), "artifact", &artifact.encode());
        let blob = self.log.put_blob(sealed.into()).await.unwrap();
        PathOutcome::Found { closure: artifact.digest(), artifact: blob, notes: vec![] }
    }

    pub async fn publish(&self, observation: u64, rows: Vec<ObservedPath>) {
        let laid = Table::lay(rows, 16 * 1024).unwrap();
        for (_, page) in laid.blobs {
            self.log.put_blob(page.into()).await.unwrap();
        }
        let commit = format!("{observation:040x}").parse().unwrap();
        let revision = ObservedRevision { commit, reference: "main".into(), paths: laid.table, origin: None };
        let state = SourceState { observation, revision: Some(revision), failure: None, handled: vec![] };
        self.append(Aggregate::Source("shop".parse().unwrap()), EventType::RevisionObserved, &state).await;
    }

    async fn append<S: State>(&self, aggregate: Aggregate, kind: EventType, state: &S) {
        let newest = self.log.newest(&aggregate).await.unwrap();
        let draft = Draft {
            correlation: Some("change-1".into()),
            ..Draft::after(newest.as_ref(), aggregate, (kind, Timestamp::from_millis(1)), state).unwrap()
        };
        self.log.append(vec![draft]).await.remove(0).unwrap();
    }

    /// Waits until the application was rendered from that observation, or failed to be.
    pub async fn rendered(&self, application: &str, observation: u64) -> RenderState {
        let what = format!("{application} from observation {observation}");
        let probe = async || {
            let (_, state) = self.newest(application).await?;
            (state.made_from.observation == observation).then_some(state)
        };
        eventually(BOUND, &what, probe).await
    }

    /// The event written last about an application, of whatever parameters.
    pub async fn newest(&self, application: &str) -> Option<(Event, RenderState)> {
        let mut events = self.renders(application).await;
        events.sort_by_key(|event| event.sequence);
        let event = events.pop()?;
        let state = events::decode(event.draft.format, &event.draft.payload).unwrap();
        Some((event, state))
    }

    /// The newest events of all renders of an application.
    pub async fn renders(&self, application: &str) -> Vec<Event> {
        let of = |event: &Event| match event.aggregate() {
            Aggregate::Render { application: name, .. } => name.as_str() == application,
            Aggregate::Source(_)
            | Aggregate::Definitions
            | Aggregate::Cluster(_)
            | Aggregate::Target(_)
            | Aggregate::Sync(_)
            | Aggregate::Command(_) => false,
        };
        self.all_renders().await.into_iter().filter(of).collect()
    }

    /// The newest events of all renders.
    pub async fn all_renders(&self) -> Vec<Event> {
        let mut watch = self.log.watch(Filter::kinds(&[AggregateKind::Render])).await.unwrap();
        let mut found = Vec::new();
        while let Some(Ok(WatchItem::Event(event))) = watch.next().await {
            found.push(event);
        }
        found
    }

    pub async fn set(&self, desired: &DesiredState) -> DesiredSet {
        let bytes = match &desired.manifests {
            Content::Inline(bytes) => bytes.clone(),
            Content::Blob(digest) => self.blob(digest).await,
        };
        DesiredSet::decode(&bytes).unwrap()
    }

    pub async fn blob(&self, digest: &Digest) -> Vec<u8> {
        self.log.get_blob(digest).await.unwrap().unwrap().to_vec()
    }
}

/// The ids of the objects of a set.
pub fn ids(set: &DesiredSet) -> Vec<String> {
    set.objects().iter().map(|object| object.id.to_string()).collect()
}

/// An application of the source `shop` that is rendered as its files suggest.
pub fn application(name: &str, path: &str) -> String {
    format!(r#"{{"name":"{name}","source":{{"name":"shop","path":"{path}"}}}}"#)
}

pub fn config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{key: \"{value}\"}}\n")
}

fn json<T: serde::de::DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).unwrap()
}
