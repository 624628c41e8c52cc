//! The services as processes of their own, over a NATS server that ends with the test.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use bus::{Filter, Log, LogConfig, WatchItem};
use events::state::{DefinitionsState, RenderState, SyncState, TargetState, decode};
use model::{Aggregate, AggregateKind};
use serde_json::json;
use testkit::eventually;

use crate::scene::Scene;

/// Longer than any wait on a loaded machine.
pub const BOUND: Duration = Duration::from_secs(60);

/// Running services; killed when dropped.
pub struct Services {
    url: String,
    folder: PathBuf,
    log: Arc<dyn Log>,
    /// Options of the differ.
    definitions: Vec<String>,
    roles: BTreeMap<&'static str, Child>,
    nats: Child,
}

/// The key that they are started with.
pub fn key() -> String {
    "7".repeat(64)
}

/// Starts a server and one of each service, for the scene's repository and cluster. All that they log goes into
/// files of the scene.
pub async fn start(scene: &Scene) -> Services {
    fs::create_dir_all(scene.state()).unwrap();
    let definitions = scene.state().join("definitions.json");
    fs::write(&definitions, set(scene).to_string()).unwrap();
    start_with(scene, &["--definitions", &definitions.display().to_string()]).await
}

/// The same, where these options of the differ say what is defined.
pub async fn start_with(scene: &Scene, definitions: &[&str]) -> Services {
    let folder = scene.folder().join("apart");
    fs::create_dir_all(scene.state()).unwrap();
    fs::create_dir(&folder).unwrap();
    let (url, nats) = server(&folder);
    let open = async || bus::open(LogConfig::nats(&url)).await.ok();
    let log = eventually(BOUND, "the server", open).await;

    fs::write(scene.state().join("key"), key()).unwrap();
    let definitions = definitions.iter().map(|option| (*option).to_owned()).collect();
    let mut services = Services { url, folder, log, definitions, roles: BTreeMap::new(), nats };
    for role in ["fetcher", "renderer", "differ", "applier"] {
        services.start(scene, role, &key());
    }
    services
}

/// Starts a NATS server that keeps everything in a folder, and tells its address.
pub fn server(folder: &std::path::Path) -> (String, Child) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let settings = format!(
        "host: 127.0.0.1\nport: {port}\njetstream {{ store_dir: {:?}, sync_interval: always }}\n",
        folder.join("store")
    );
    fs::write(folder.join("nats.conf"), settings).unwrap();
    let mut nats = Command::new(testkit::tool("nats-server"));
    nats.arg("-c").arg(folder.join("nats.conf"));
    let nats = logged(nats, &folder.join("nats.log"));
    (format!("nats://127.0.0.1:{port}"), nats)
}

fn logged(mut run: Command, file: &std::path::Path) -> Child {
    let log = File::options().create(true).append(true).open(file).unwrap();
    run.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
}

/// One application on one cluster, looked at every second.
fn set(scene: &Scene) -> serde_json::Value {
    let kubeconfig = json!({"file": scene.kubeconfig(), "context": null});
    // Other tests are other platforms on the same cluster.
    let namespace = format!("{}-platform", scene.name);
    json!({
        "sources": [{"name": "shop", "git": {"url": scene.repository.url()}, "pollMs": 1000}],
        "clusters": [{"name": "eu", "labels": {}, "kubeconfig": kubeconfig, "namespace": namespace}],
        "applications": [{
            "name": scene.name, "source": {"name": "shop", "path": "deploy"}, "namespace": scene.name,
            "sync": {"auto": true, "prune": false, "selfHeal": true},
        }],
    })
}

impl Services {
    /// Starts a role with these keys, in place of the one that runs.
    pub fn start(&mut self, scene: &Scene, role: &'static str, keys: &str) {
        if let Some(mut before) = self.roles.remove(role) {
            before.kill().unwrap();
            before.wait().unwrap();
        }
        let folder = &self.folder;
        let key = folder.join(format!("{role}.key"));
        fs::write(&key, keys).unwrap();
        let mut run = scene.bare();
        run.args([role, "--nats", &self.url]).arg("--key").arg(&key);
        run.arg("--state").arg(folder.join(role)).env("DRIFTLESS_LOG", "trace");
        if role == "differ" {
            run.args(&self.definitions);
        }
        self.roles.insert(role, logged(run, &folder.join(format!("{role}.log"))));
    }

    /// What a role with these keys ends with at once.
    pub async fn refused(&self, scene: &Scene, role: &str, keys: &str) -> String {
        let key = self.folder.join("stranger.key");
        fs::write(&key, keys).unwrap();
        let mut run = scene.bare();
        run.args([role, "--nats", &self.url]).arg("--key").arg(&key);
        run.arg("--state").arg(self.folder.join("stranger"));
        let said = self.folder.join(format!("stranger-{role}.log"));
        let mut started = logged(run, &said);
        let ended = async || started.try_wait().unwrap();
        let ended = eventually(BOUND, "the end of a role with another key", ended).await;
        assert_eq!(ended.code(), Some(2));
        fs::read_to_string(said).unwrap()
    }

    /// Starts the differ anew with these options.
    pub fn redefine(&mut self, scene: &Scene, definitions: &[&str]) {
        self.definitions = definitions.iter().map(|option| (*option).to_owned()).collect();
        self.start(scene, "differ", &key());
    }

    /// Whether a role still runs.
    pub fn runs(&mut self, role: &str) -> bool {
        self.roles.get_mut(role).unwrap().try_wait().unwrap().is_none()
    }

    /// The newest state of the definitions.
    pub async fn definitions(&self) -> Option<DefinitionsState> {
        let event = self.log.newest(&Aggregate::Definitions).await.unwrap()?;
        Some(decode(event.draft.format, &event.draft.payload).unwrap())
    }

    /// The newest states of the target, of what was done to it, and of its render.
    pub async fn states(&self) -> Option<(TargetState, SyncState, RenderState)> {
        let kinds = [AggregateKind::Target, AggregateKind::Sync, AggregateKind::Render];
        let mut watch = self.log.watch(Filter::kinds(&kinds)).await.unwrap();
        let (mut target, mut sync, mut render) = (None, None, None);
        while let Some(Ok(WatchItem::Event(event))) = watch.next().await {
            let (format, payload) = (event.draft.format, &event.draft.payload);
            match event.aggregate() {
                Aggregate::Target(_) => target = Some(decode(format, payload).unwrap()),
                Aggregate::Sync(_) => sync = Some(decode(format, payload).unwrap()),
                Aggregate::Render { .. } => render = Some(decode(format, payload).unwrap()),
                other @ (Aggregate::Source(_)
                | Aggregate::Definitions
                | Aggregate::Cluster(_)
                | Aggregate::Command(_)) => panic!("{other} was not asked for"),
            }
        }
        Some((target?, sync?, render?))
    }

    /// Their log.
    pub fn log(&self) -> LogConfig {
        LogConfig::nats(&self.url)
    }

    /// All that a service has logged.
    pub fn logged(&self, role: &str) -> String {
        fs::read_to_string(self.folder.join(format!("{role}.log"))).unwrap()
    }

    /// Whether the newest event of anything says so.
    pub async fn has_told(&self, words: &str) -> bool {
        let mut watch = self.log.watch(Filter::all()).await.unwrap();
        while let Some(Ok(WatchItem::Event(event))) = watch.next().await {
            if String::from_utf8_lossy(&event.draft.payload).contains(words) {
                return true;
            }
        }
        false
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        for child in self.roles.values_mut().chain([&mut self.nats]) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
