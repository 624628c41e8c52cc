//! A repository, one application, and the four services over an embedded log.

use std::{fs, path::PathBuf, process::Command, sync::Arc, time::Duration};

use bus::{Evaluated, Freshness, Log, Member, Membership, Share, freshness, share::CLAIM};
use events::{
    Draft, Event, EventType, Table,
    state::{
        AppliedObject, ClusterState, CommandState, Reachability, Request, RequestKind, State, SyncOutcome,
        SyncStage, SyncState, SyncStatus, TargetState, decode,
    },
};
use manifest::InstallKey;
use model::{Aggregate, CommandScope, DefinitionSet, HealthStatus, TargetId, Timestamp};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{
    StuckLog,
    cluster::{TestCluster, unique},
    eventually,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{hands::Hands, proxy::Proxy};

/// Longer than any wait in these tests on a loaded machine; only a failure reaches it.
pub const BOUND: Duration = Duration::from_secs(90);

/// Whether drift is healed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelfHeal {
    On,
    Off,
}

/// One application on one cluster.
pub struct Scene {
    pub proxy: Proxy,
    pub hands: Hands,
    /// The namespace, and the application's name.
    pub name: String,
    /// The log as the differ and the applier see it.
    pub stuck: Arc<StuckLog>,
    log: Arc<dyn Log>,
    _differ: Membership,
    folder: TempDir,
    _stop: DropGuard,
}

impl Scene {
    /// On the cluster that all stories share, with these manifests in Git; in sync when it returns.
    pub async fn synced(self_heal: SelfHeal, manifests: &[Value]) -> Self {
        let scene = Self::begun(&testkit::cluster::real("scenarios"), self_heal, manifests).await;
        scene.in_sync().await;
        scene
    }

    /// The services have begun.
    pub async fn begun(cluster: &TestCluster, self_heal: SelfHeal, manifests: &[Value]) -> Self {
        let proxy = Proxy::before(cluster).await;
        Self::behind(proxy, cluster, self_heal, manifests).await
    }

    /// The services have begun, and the differ looks at everything that often.
    pub async fn sweeping(sweep: Duration, cluster: &TestCluster, manifests: &[Value]) -> Self {
        let proxy = Proxy::before(cluster).await;
        Self::build(proxy, cluster, (SelfHeal::On, sweep), manifests).await
    }

    /// The same, and nothing is healed.
    pub async fn detecting(sweep: Duration, cluster: &TestCluster, manifests: &[Value]) -> Self {
        let proxy = Proxy::before(cluster).await;
        Self::build(proxy, cluster, (SelfHeal::Off, sweep), manifests).await
    }

    /// Behind a proxy that is prepared.
    pub async fn behind(
        proxy: Proxy,
        cluster: &TestCluster,
        self_heal: SelfHeal,
        manifests: &[Value],
    ) -> Self {
        Self::build(proxy, cluster, (self_heal, differ::SWEEP), manifests).await
    }

    async fn build(
        proxy: Proxy,
        cluster: &TestCluster,
        (self_heal, sweep): (SelfHeal, Duration),
        manifests: &[Value],
    ) -> Self {
        let folder = TempDir::new().unwrap();
        let log = bus::open(bus::LogConfig::embedded(folder.path().join("log"))).await.unwrap();
        let stop = CancellationToken::new();
        let hands = Hands::on(cluster).await;
        let name = unique("s");
        let stuck = Arc::new(StuckLog::new(log.clone()));
        let _differ = log.join("differ", Member::new("scenarios"), CLAIM).await.unwrap();
        let evaluated = _differ.evaluated();
        let scene =
            Self { proxy, hands, name, stuck, log, _differ, folder, _stop: stop.clone().drop_guard() };
        fs::create_dir(scene.repository()).unwrap();
        scene.git(&["init", "--quiet", "--initial-branch=main"]);
        scene.commit(manifests);
        let set = scene.definitions(&scene.kubeconfig(cluster), self_heal);
        scene.start(set, (evaluated, sweep), &stop);
        scene
    }

    fn start(&self, set: DefinitionSet, (evaluated, sweep): (Evaluated, Duration), stop: &CancellationToken) {
        let key = InstallKey::from_bytes([7; 32]);
        let (log, folder) = (&self.log, self.folder.path());
        let config = fetcher::Config::new(folder, key.clone(), Share::Sole);
        tokio::spawn(fetcher::run(log.clone(), config, stop.clone()));
        let tools = testkit::tool("helm").parent().unwrap().to_owned();
        let scratch = folder.join("scratch");
        let engine = engine::Options { tools: Some(tools), scratch, limits: engine::Limits::default() };
        let config = renderer::Config::new(key.clone(), engine, Share::Sole);
        tokio::spawn(renderer::run(log.clone(), config, stop.clone()));
        let config = differ::Config {
            bootstrap: Some(differ::Bootstrap::Set(set)),
            evaluated,
            sweep,
            ..differ::Config::new(key.clone(), "scenarios", Share::Sole)
        };
        tokio::spawn(differ::run(self.stuck.clone(), config, stop.clone()));
        let config = applier::Config::new(key, "scenarios", Share::Sole);
        tokio::spawn(applier::run(self.stuck.clone(), config, stop.clone()));
    }

    /// The administrator's kubeconfig, through the proxy.
    fn kubeconfig(&self, cluster: &TestCluster) -> PathBuf {
        let text = fs::read_to_string(cluster.kubeconfig_file()).unwrap();
        let lines = text.lines().map(|line| {
            let server = line
                .split_once("server: ")
                .map(|(before, _)| format!("{before}server: {}", self.proxy.address));
            server.unwrap_or_else(|| line.to_owned())
        });
        let text =
            lines.filter(|line| !line.contains("certificate-authority-data")).collect::<Vec<_>>().join("\n");
        let file = self.folder.path().join("kubeconfig");
        fs::write(&file, text).unwrap();
        file
    }

    fn definitions(&self, kubeconfig: &std::path::Path, self_heal: SelfHeal) -> DefinitionSet {
        let source = json!({"name": "repo", "git": {"url": self.repository()}, "pollMs": 3_600_000});
        let platform = format!("{}-platform", self.name);
        let cluster = json!({"name": "real", "kubeconfig": {"file": kubeconfig, "context": null}, "namespace": platform});
        let application = json!({"name": self.name, "source": {"name": "repo", "path": "deploy"},
            "namespace": self.name, "guard": {"maxPrunePercent": 90},
            "sync": {"auto": true, "prune": true, "selfHeal": self_heal == SelfHeal::On}});
        DefinitionSet::new(vec![read(source)], vec![read(cluster)], vec![read(application)]).unwrap()
    }

    fn repository(&self) -> PathBuf {
        self.folder.path().join("repository")
    }

    /// Makes these manifests all that Git describes.
    pub fn commit(&self, manifests: &[Value]) {
        let folder = self.repository().join("deploy");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        for (i, manifest) in manifests.iter().enumerate() {
            fs::write(folder.join(format!("{i:04}.json")), manifest.to_string()).unwrap();
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "change"]);
    }

    fn git(&self, arguments: &[&str]) {
        let mut git = Command::new("git");
        git.arg("-C").arg(self.repository()).args(["-c", "user.name=t", "-c", "user.email=t@example.com"]);
        git.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").args(arguments);
        let output = git.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Commits what no application reads, and waits until it was seen.
    pub async fn commit_beside(&self) {
        let source = Aggregate::Source("repo".parse().unwrap());
        let seen = async || self.log.newest(&source).await.unwrap().map(|event| event.n());
        let before = seen().await;
        fs::write(self.repository().join("README"), "nothing that anybody applies").unwrap();
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "a word"]);
        self.fetch().await;
        eventually(BOUND, "the commit", async || (seen().await > before).then_some(())).await;
    }

    /// Waits until everything was looked at so many times more.
    pub async fn sweeps(&self, count: usize) {
        let age = async || match self.freshness(BOUND).await {
            Freshness::Fresh { age, .. } | Freshness::Stale { age, .. } => age,
            Freshness::Unknown { .. } => Duration::ZERO,
        };
        let (mut oldest, mut younger) = (age().await, 0);
        eventually(BOUND, "sweeps", async || {
            let now = age().await;
            younger += usize::from(now < oldest);
            oldest = now;
            (younger >= count).then_some(())
        })
        .await;
    }

    /// Asks the fetcher to look now.
    pub async fn fetch(&self) {
        let aggregate = Aggregate::Command(CommandScope::Source("repo".parse().unwrap()));
        let newest = self.log.newest(&aggregate).await.unwrap();
        let (id, at) = (unique("r").parse().unwrap(), Timestamp::from_millis(1));
        let state = CommandState {
            pending: vec![Request { id, kind: RequestKind::Fetch, at, by: Default::default() }],
        };
        let draft = Draft::after(newest.as_ref(), aggregate, (EventType::SyncRequested, at), &state).unwrap();
        self.log.append(vec![draft]).await.remove(0).unwrap();
    }

    fn id(&self) -> TargetId {
        TargetId { cluster: "real".parse().unwrap(), application: self.name.parse().unwrap() }
    }

    /// How far the status of the target can be believed.
    pub async fn freshness(&self, bound: Duration) -> Freshness {
        freshness(
            &Aggregate::Cluster(self.id().cluster.clone()),
            &self.log.members("differ").await.unwrap(),
            bound,
        )
    }

    /// Every state of the target, oldest first.
    pub async fn told(&self) -> Vec<(Event, TargetState)> {
        let mut events = self.log.history(&Aggregate::Target(self.id()), 256).await.unwrap();
        events.reverse();
        let read = |event: Event| {
            let state = decode(event.draft.format, &event.draft.payload).unwrap();
            (event, state)
        };
        events.into_iter().map(read).collect()
    }

    /// How often that was told of the target.
    pub async fn count(&self, kind: EventType) -> usize {
        self.told().await.iter().filter(|(event, _)| event.draft.kind == kind).count()
    }

    async fn newest<S: State>(&self, aggregate: &Aggregate) -> Option<S> {
        let event = self.log.newest(aggregate).await.unwrap()?;
        Some(decode(event.draft.format, &event.draft.payload).unwrap())
    }

    /// Waits until the target's state is so.
    pub async fn until(&self, what: &str, is: impl Fn(&TargetState) -> bool) -> TargetState {
        let probe = async || {
            let state: TargetState = self.newest(&Aggregate::Target(self.id())).await?;
            is(&state).then_some(state)
        };
        eventually(BOUND, what, probe).await
    }

    pub async fn in_sync(&self) -> TargetState {
        self.until("in sync", |state| state.status == SyncStatus::InSync && state.plan.is_some()).await
    }

    pub async fn healthy(&self) -> TargetState {
        self.until("healthy", |state| state.health.status == HealthStatus::Healthy).await
    }

    /// Waits until the cluster is told so.
    pub async fn cluster_until(&self, what: &str, is: impl Fn(&Reachability) -> bool) {
        let probe = async || {
            let state: ClusterState = self.newest(&Aggregate::Cluster(self.id().cluster)).await?;
            is(&state.reachability).then_some(())
        };
        eventually(BOUND, what, probe).await;
    }

    /// The newest sync, once it is so.
    pub async fn sync_until(&self, what: &str, is: impl Fn(&SyncState) -> bool) -> SyncState {
        let probe = async || {
            let state: SyncState = self.newest(&Aggregate::Sync(self.id())).await?;
            is(&state).then_some(state)
        };
        eventually(BOUND, what, probe).await
    }

    /// What the newest sync recorded.
    pub async fn rows(&self) -> Vec<AppliedObject> {
        let state: SyncState = self.newest(&Aggregate::Sync(self.id())).await.unwrap();
        self.all_rows(&state.objects).await
    }

    /// The rows of a table, wherever they are.
    pub async fn all_rows<Row: Serialize + DeserializeOwned + Clone>(&self, table: &Table<Row>) -> Vec<Row> {
        if let Table::Inline(rows) = table {
            return rows.clone();
        }
        let mut rows = vec![];
        for page in table.pages() {
            rows.extend(Table::read_page(&self.log.get_blob(page).await.unwrap().unwrap()).unwrap());
        }
        rows
    }

    /// Waits until others see the object so.
    pub async fn seen(&self, what: &str, object: &Value, is: impl Fn(&Value) -> bool) -> Value {
        let probe = async || self.hands.get(object).await.filter(|live| is(live));
        eventually(BOUND, what, probe).await
    }

    /// The object as others see it.
    pub async fn live(&self, object: &Value) -> Value {
        self.hands.get(object).await.unwrap()
    }

    /// The manifest with the namespace of the scene: what others name it by.
    pub fn of(&self, manifest: &Value) -> Value {
        let mut object = manifest.clone();
        object["metadata"]["namespace"] = self.name.clone().into();
        object
    }
}

pub fn succeeded(state: &SyncState) -> bool {
    matches!(state.stage, SyncStage::Finished { outcome: SyncOutcome::Succeeded, .. })
}

/// A ConfigMap; its namespace is the application's.
pub fn config_map(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

/// So many of them.
pub fn config_maps(count: usize) -> Vec<Value> {
    (0..count).map(|i| config_map(&format!("map-{i:03}"), json!({"from": "git"}))).collect()
}

fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}
