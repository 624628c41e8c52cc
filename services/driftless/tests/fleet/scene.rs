//! A fleet: roles, log, clusters, repository; and what has to be true of the clusters.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
    sync::Mutex,
    time::Duration,
};

use cluster::{ClusterClient, ConnectOptions, Live, Resource, Scope};
use manifest::InstallKey;
use model::{Gvk, ObjectId};
use serde_json::{Value, json};
use testkit::{
    NatsServer, Process,
    cluster::{TestCluster, real, unique},
    eventually,
};

use crate::repository::Repository;

pub struct Scene {
    pub nats: NatsServer,
    pub roles: BTreeMap<&'static str, Process>,
    folder: tempfile::TempDir,
    repository: Repository,
    clusters: Vec<ClusterClient>,
    /// Names of the applications; each has a namespace of that name.
    applications: Vec<String>,
    /// The uid of every object that was ever seen: none may be deleted and made again.
    uids: Mutex<BTreeMap<(usize, ObjectId), String>>,
}

/// The objects of one application, by name: the value of their data.
pub type Objects = BTreeMap<String, String>;

/// That many objects with the same value.
pub fn all(value: &str, count: usize) -> Objects {
    (0..count).map(|i| (format!("object-{i}"), value.to_owned())).collect()
}

impl Scene {
    /// Everything but the roles.
    pub async fn new(applications: usize, clusters: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::new(folder.path().join("repository"));
        let tests: Vec<TestCluster> =
            ["cluster", "fleet"][..clusters].iter().map(|name| real(name)).collect();
        let prefix = unique("fleet");
        let applications: Vec<String> = (0..applications).map(|i| format!("{prefix}-{i}")).collect();
        let nats = NatsServer::start(folder.path()).await;
        let application = |name: &String| {
            json!({"name": name, "namespace": name,
                "source": {"name": "repository", "path": format!("apps/{name}")}})
        };
        let names = ["alpha", "beta"];
        // Other tests are other platforms on the same clusters.
        let cluster = |(test, name): (&TestCluster, _)| json!({"name": name, "kubeconfig": test.admin(), "namespace": prefix});
        let set = json!({
            "sources": [{"name": "repository", "pollMs": 500, "git": {"url": repository.0}}],
            "clusters": tests.iter().zip(names).map(cluster).collect::<Vec<_>>(),
            "applications": applications.iter().map(application).collect::<Vec<_>>(),
        });
        fs::write(folder.path().join("definitions.json"), set.to_string()).unwrap();
        fs::write(folder.path().join("key"), "07".repeat(32)).unwrap();
        let mut clients = Vec::new();
        for test in &tests {
            let options =
                ConnectOptions { key: InstallKey::from_bytes([7; 32]), user_agent: "driftless-test".into() };
            clients.push(ClusterClient::connect(&test.admin(), options).await.unwrap());
        }
        let roles = BTreeMap::new();
        let uids = Mutex::default();
        Self { nats, roles, folder, repository, clusters: clients, applications, uids }
    }

    /// Starts a process of a role: `differ`, or `differ-2` for another one.
    pub fn start(&mut self, name: &'static str) {
        let role = name.split('-').next().unwrap();
        let folder = self.folder.path();
        let mut command = Command::new(env!("CARGO_BIN_EXE_driftless"));
        command.arg("-v").arg(role).args(["--nats", &self.nats.url()]);
        command.arg("--key").arg(folder.join("key")).arg("--state").arg(folder.join(name));
        if role == "differ" {
            command.arg("--definitions").arg(folder.join("definitions.json"));
        }
        self.roles.insert(name, Process::start(&mut command, &folder.join(format!("{name}.out"))));
    }

    /// Commits objects with that value for every application; `count` of them each.
    pub fn commit(&self, value: &str, count: usize) {
        let manifest = |i| {
            let metadata = json!({"name": format!("object-{i}")});
            let body =
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"v": value}});
            body.to_string() + "\n---\n"
        };
        let text: String = (0..count).map(manifest).collect();
        let file = |name: &String| (format!("apps/{name}/all.yaml"), text.clone());
        self.repository.commit(&self.applications.iter().map(file).collect::<Vec<_>>());
    }

    /// How many applications, over all clusters, have exactly these objects.
    pub async fn converged(&self, expected: &Objects) -> usize {
        let mut count = 0;
        for cluster in 0..self.clusters.len() {
            let found = self.objects(cluster).await;
            count += self.applications.iter().filter(|name| found.get(*name) == Some(expected)).count();
        }
        count
    }

    /// Waits until every application on every cluster has exactly these objects.
    pub async fn converge(&mut self, bound: Duration, expected: &Objects) {
        let targets = self.applications.len() * self.clusters.len();
        let value = expected.values().next().unwrap();
        let start = std::time::Instant::now();
        eventually(bound, &format!("{value} on {targets} targets"), async || {
            (self.converged(expected).await == targets).then_some(())
        })
        .await;
        eprintln!("{value} on {targets} targets after {:?}", start.elapsed());
        for (name, process) in &mut self.roles {
            assert!(process.is_running(), "the {name} ended");
        }
    }

    async fn list(&self, cluster: usize) -> Vec<Live> {
        let gvk = Gvk { api_version: "v1".parse().unwrap(), kind: "ConfigMap".into() };
        let resource = Resource { gvk, plural: "configmaps".into(), scope: Scope::Namespaced, verbs: vec![] };
        self.clusters[cluster].list(&resource, None, "driftless.dev/application").await.unwrap().items
    }

    /// What is marked as ours, by application. Each object has one application as its only writer, and is the
    /// one that was there before.
    async fn objects(&self, cluster: usize) -> BTreeMap<String, Objects> {
        let ours: BTreeSet<&String> = self.applications.iter().collect();
        let mut found = BTreeMap::<String, Objects>::new();
        for live in self.list(cluster).await {
            let value: &Value = live.value.value();
            let namespace = live.id.namespace.clone().unwrap();
            if !ours.contains(&namespace) {
                continue;
            }
            let managers = value["metadata"]["managedFields"].as_array().unwrap();
            let managers: Vec<_> = managers.iter().map(|entry| entry["manager"].as_str().unwrap()).collect();
            assert_eq!(managers, [format!("driftless:{namespace}")], "{}", live.id);
            let uid = value["metadata"]["uid"].as_str().unwrap().to_owned();
            let mut uids = self.uids.lock().unwrap();
            let first = uids.entry((cluster, live.id.clone())).or_insert(uid.clone());
            assert_eq!(*first, uid, "{} was deleted and made again", live.id);
            let text = value["data"]["v"].as_str().unwrap().to_owned();
            found.entry(namespace).or_default().insert(live.id.name.clone(), text);
        }
        found
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for name in self.roles.keys() {
            let text = fs::read_to_string(self.folder.path().join(format!("{name}.out"))).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            eprintln!("--- {name}\n{}", lines[lines.len().saturating_sub(12)..].join("\n"));
        }
    }
}
