//! Fetcher and renderer over one log, a repository, and the parts of differ and gateway.

use std::{fs, path::PathBuf, process::Command, sync::Arc, time::Duration};

use bus::{Filter, Log, LogConfig, Share, WatchItem};
use events::{
    Content, Draft, Event, EventType,
    state::{CommandState, DefinitionsState, RenderState, Request, RequestKind, SourceState, State, decode},
};
use manifest::InstallKey;
use model::{Aggregate, AggregateKind, Application, Cluster, CommandScope, DefinitionSet, Source, Timestamp};
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use testkit::{ShakyLog, eventually, tool};
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Longer than any wait in these tests on a loaded machine.
pub const BOUND: Duration = Duration::from_secs(60);

pub struct Scene {
    pub log: Arc<dyn Log>,
    pub folder: TempDir,
    seen: Arc<dyn Log>,
    stop: DropGuard,
    services: JoinSet<()>,
}

impl Scene {
    /// A repository without a commit, and both services running.
    pub async fn new() -> Self {
        Self::with(|log| log).await
    }

    /// The same over a log of which every other call fails.
    pub async fn shaky() -> Self {
        Self::with(|log| Arc::new(ShakyLog::new(log))).await
    }

    async fn with(seen_by_services: impl FnOnce(Arc<dyn Log>) -> Arc<dyn Log>) -> Self {
        let folder = TempDir::new().unwrap();
        let log = bus::open(LogConfig::embedded(folder.path().join("log"))).await.unwrap();
        let seen = seen_by_services(Arc::clone(&log));
        Self::at(folder, log, seen)
    }

    /// The same over that log.
    pub async fn over(log: Arc<dyn Log>) -> Self {
        Self::at(TempDir::new().unwrap(), log.clone(), log)
    }

    fn at(folder: TempDir, log: Arc<dyn Log>, seen: Arc<dyn Log>) -> Self {
        let stop = CancellationToken::new().drop_guard();
        let mut scene = Self { log, folder, seen, stop, services: JoinSet::new() };
        fs::create_dir(scene.repository()).unwrap();
        scene.git(&["init", "--quiet", "--initial-branch=main"]);
        scene.start();
        scene
    }

    fn start(&mut self) {
        let (folder, stop) = (self.folder.path(), CancellationToken::new());
        let key = InstallKey::from_bytes([7; 32]);
        let config = fetcher::Config::new(folder, key.clone(), Share::Sole);
        let config = fetcher::Config { charts: config.charts.clone().with("127.0.0.1"), ..config };
        let fetcher = fetcher::run(self.seen.clone(), config, stop.clone());
        self.services.spawn(async move { fetcher.await.unwrap() });
        let tools = tool("helm").parent().unwrap().to_owned();
        let scratch = folder.join("scratch");
        let engine = engine::Options { tools: Some(tools), scratch, limits: engine::Limits::default() };
        let config = renderer::Config::new(key, engine, Share::Sole);
        let renderer = renderer::run(self.seen.clone(), config, stop.clone());
        self.services.spawn(async move { renderer.await.unwrap() });
        self.stop = stop.drop_guard();
    }

    /// Other processes take the place of both services.
    pub async fn restart(&mut self) {
        self.stop = CancellationToken::new().drop_guard();
        while let Some(ended) = self.services.join_next().await {
            ended.unwrap();
        }
        self.start();
    }

    /// Where the repository lies.
    pub fn repository(&self) -> PathBuf {
        self.folder.path().join("repository")
    }

    /// Writes files, commits everything and returns the commit's id.
    pub fn commit(&self, files: &[(String, String)]) -> String {
        for (path, text) in files {
            let path = self.repository().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "change"]);
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    fn git(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command.arg("-C").arg(self.repository()).args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.com",
        ]);
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Puts one application for each name in force; its path is its name.
    pub async fn define(&self, names: &[String]) {
        let url = self.repository().display().to_string();
        let source = format!(r#"{{"name":"shop","git":{{"url":"{url}"}},"pollMs":3600000}}"#);
        let cluster = r#"{"name":"eu","kubeconfig":{"file":null,"context":null}}"#;
        let application = |name: &String| -> Application {
            json(&format!(r#"{{"name":"{name}","source":{{"name":"shop","path":"{name}"}}}}"#))
        };
        let applications = names.iter().map(application).collect();
        let (sources, clusters) = (vec![json::<Source>(&source)], vec![json::<Cluster>(cluster)]);
        let set = DefinitionSet::new(sources, clusters, applications).unwrap();
        let bytes = DefinitionsState::encode_set(&set).unwrap();
        let digest = DefinitionSet::digest(&bytes);
        let set = Content::Blob(self.log.put_blob(bytes.into()).await.unwrap());
        let consent = Default::default();
        let state = DefinitionsState { digest, set, rejected: None, commit: None, observation: 0, consent };
        self.append(Aggregate::Definitions, EventType::DefinitionsChanged, &state).await;
    }

    /// Asks for a look at the source and waits until it was taken.
    pub async fn look(&self, request: &str) -> SourceState {
        let (id, at) = (request.parse().unwrap(), Timestamp::from_millis(1));
        let state = CommandState {
            pending: vec![Request { id, kind: RequestKind::Fetch, at, by: Default::default() }],
        };
        let name = "shop".parse().unwrap();
        let scope = CommandScope::Source(name);
        self.append(Aggregate::Command(scope), EventType::SyncRequested, &state).await;
        let probe = async || {
            let state: SourceState = self.state(&Aggregate::Source("shop".parse().unwrap())).await?;
            state.handled.iter().any(|id| id.to_string() == request).then_some(state)
        };
        eventually(BOUND, request, probe).await
    }

    async fn append<S: State>(&self, aggregate: Aggregate, kind: EventType, state: &S) {
        let newest = self.log.newest(&aggregate).await.unwrap();
        let draft = Draft {
            correlation: Some("change-1".into()),
            ..Draft::after(newest.as_ref(), aggregate, (kind, Timestamp::from_millis(1)), state).unwrap()
        };
        self.log.append(vec![draft]).await.remove(0).unwrap();
    }

    async fn state<S: State>(&self, aggregate: &Aggregate) -> Option<S> {
        let event = self.log.newest(aggregate).await.unwrap()?;
        Some(decode(event.draft.format, &event.draft.payload).unwrap())
    }

    /// The newest event of every render, with its state, by application.
    pub async fn renders(&self) -> Vec<(String, Event, RenderState)> {
        let mut watch = self.log.watch(Filter::kinds(&[AggregateKind::Render])).await.unwrap();
        let mut found = Vec::new();
        while let Some(Ok(WatchItem::Event(event))) = watch.next().await {
            let words = event.aggregate().words();
            let state = decode(event.draft.format, &event.draft.payload).unwrap();
            found.push((words[1].clone(), event, state));
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found
    }

    /// The render of an application once it satisfies a condition.
    pub async fn render(&self, name: &str, what: &str, is: impl Fn(&RenderState) -> bool) -> RenderState {
        let probe = async || {
            let mut renders = self.renders().await.into_iter();
            renders.find(|(found, _, state)| found == name && is(state)).map(|(_, _, state)| state)
        };
        eventually(BOUND, what, probe).await
    }

    /// The names of the objects in the last good desired state.
    pub fn objects(state: &RenderState) -> Vec<String> {
        let Content::Inline(bytes) = &state.desired.as_ref().unwrap().manifests else { panic!("{state:?}") };
        let set = manifest::DesiredSet::decode(bytes).unwrap();
        set.objects().iter().map(|object| object.id.name.to_string()).collect()
    }

    /// Waits until so many renders satisfy a condition.
    pub async fn wait(&self, count: usize, what: &str, is: impl Fn(&RenderState) -> bool) {
        let probe = async || {
            let renders = self.renders().await;
            (renders.iter().filter(|(_, _, state)| is(state)).count() == count).then_some(())
        };
        eventually(BOUND, what, probe).await;
    }
}

/// Four small objects in the folder of an application.
pub fn files(name: &str, value: usize) -> Vec<(String, String)> {
    let file = |i: usize| {
        let text = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}-{i}}}\ndata: {{key: \"{value}\"}}\n"
        );
        (format!("{name}/{i}.yaml"), text)
    };
    (0..4).map(file).collect()
}

fn json<T: DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).unwrap()
}
