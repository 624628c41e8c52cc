//! Many clusters, shared by processes that come and go. The clusters are simulated: of the real ones there are too few.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
    sync::Arc,
    time::Duration,
};

use bus::{Freshness, freshness};
use kubesim::{Answer, Controllers, Simulator};
use model::Aggregate;
use serde_json::{Value, json};
use testkit::{NatsServer, Process, eventually};

use crate::repository::Repository;

/// So many that each of three is sure to own some.
const CLUSTERS: usize = 30;

/// For a fleet that starts, and for partitions that change hands: a newcomer waits, a dead one is missed.
const BOUND: Duration = Duration::from_secs(90);

struct Many {
    simulator: Arc<Simulator>,
    log: Arc<dyn bus::Log>,
    nats: NatsServer,
    roles: BTreeMap<&'static str, Process>,
    repository: Repository,
    folder: tempfile::TempDir,
}

fn clusters() -> impl Iterator<Item = String> {
    (0..CLUSTERS).map(|i| format!("site-{i}"))
}

impl Many {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let simulator = Simulator::start().await.unwrap();
        let repository = Repository::new(folder.path().join("repository"));
        let mut defined = vec![];
        for name in clusters() {
            simulator.add(&name, Controllers::Lifecycle);
            let file = folder.path().join(format!("{name}.yaml"));
            fs::write(&file, simulator.kubeconfig(&name)).unwrap();
            defined.push(json!({"name": name, "kubeconfig": {"file": file, "context": null}}));
        }
        let set = json!({
            "sources": [{"name": "repository", "pollMs": 500, "git": {"url": repository.0}}],
            "clusters": defined,
            "applications": [{"name": "app", "namespace": "app", "source": {"name": "repository", "path": "apps"}}],
        });
        fs::write(folder.path().join("definitions.json"), set.to_string()).unwrap();
        fs::write(folder.path().join("key"), "07".repeat(32)).unwrap();
        let nats = NatsServer::start(folder.path()).await;
        let log = bus::open(bus::LogConfig::nats(nats.url())).await.unwrap();
        Self { simulator: Arc::new(simulator), log, nats, roles: BTreeMap::new(), repository, folder }
    }

    fn start(&mut self, name: &'static str, more: &[&str]) {
        let (role, folder) = (name.split('-').next().unwrap(), self.folder.path());
        let mut command = Command::new(env!("CARGO_BIN_EXE_driftless"));
        command.arg("-v").arg(role).args(["--nats", &self.nats.url(), "--instance", name]).args(more);
        command.arg("--key").arg(folder.join("key")).arg("--state").arg(folder.join(name));
        if role == "differ" {
            command.arg("--definitions").arg(folder.join("definitions.json"));
        }
        self.roles.insert(name, Process::start(&mut command, &folder.join(format!("{name}.out"))));
    }

    /// Ends a process as an operator does; it has to end by itself, and well.
    async fn stop(&mut self, name: &str) {
        let mut process = self.roles.remove(name).unwrap();
        process.signal("-TERM");
        let ended = eventually(BOUND, "its end", async || process.ended()).await;
        assert!(ended.success(), "{name}: {ended:?}");
    }

    fn commit(&self, value: &str) {
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "map"}, "data": {"v": value}});
        self.repository.commit(&[("apps/map.yaml".to_owned(), map.to_string())]);
    }

    /// The one object on a cluster.
    fn map(&self, cluster: &str) -> Option<Value> {
        let request =
            http::Request::get("/api/v1/namespaces/app/configmaps/map").body(bytes::Bytes::new()).unwrap();
        let answer = self.simulator.with(cluster, |it| it.handle(&request, jiff::Timestamp::now())).unwrap();
        let Answer::Whole(answer) = answer else { panic!("an object was asked for") };
        (answer.status() == 200).then(|| serde_json::from_slice(answer.body()).unwrap())
    }

    fn uids(&self) -> BTreeMap<String, Value> {
        let uid = |cluster: String| {
            let uid = self.map(&cluster).unwrap()["metadata"]["uid"].take();
            (cluster, uid)
        };
        clusters().map(uid).collect()
    }

    async fn converge(&self, value: &str) {
        let is = |cluster: String| self.map(&cluster).is_some_and(|map| map["data"]["v"] == value);
        eventually(BOUND, value, async || clusters().all(is).then_some(())).await;
    }

    /// Who evaluated each cluster last; `None`: not every status is fresh.
    async fn evaluators(&self) -> Option<BTreeMap<String, String>> {
        let reports = self.log.members("differ").await.unwrap();
        let by = |name: String| {
            let cluster = Aggregate::Cluster(name.parse().unwrap());
            match freshness(&cluster, &reports, bus::freshness::STALE_AFTER) {
                Freshness::Fresh { by, .. } => Some((name, by)),
                Freshness::Stale { .. } | Freshness::Unknown { .. } => None,
            }
        };
        clusters().map(by).collect()
    }

    /// Waits until these processes share all clusters, and each has some; answers how many each has.
    async fn shared_by(&self, names: &[&str]) -> BTreeMap<String, usize> {
        let expected: BTreeSet<&str> = names.iter().copied().collect();
        eventually(BOUND, &format!("all is shared by {names:?}"), async || {
            let mut shares: BTreeMap<String, usize> = BTreeMap::new();
            for by in self.evaluators().await?.into_values() {
                let name = names.iter().find(|name| by.starts_with(&format!("{name}-")))?;
                *shares.entry((*name).to_owned()).or_default() += 1;
            }
            (shares.keys().map(String::as_str).collect::<BTreeSet<_>>() == expected).then_some(shares)
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn differs_share_many_clusters_whoever_comes_and_goes() {
    let mut many = Many::new().await;
    many.commit("one");
    for role in ["fetcher-a", "renderer-a", "differ-a", "differ-b", "applier-a", "applier-b"] {
        many.start(role, &[]);
    }
    many.converge("one").await;
    let uids = many.uids();
    many.shared_by(&["differ-a", "differ-b"]).await;

    // One comes late, with three times the weight: it gets the larger part.
    many.start("differ-c", &["--weight", "3"]);
    let shares = many.shared_by(&["differ-a", "differ-b", "differ-c"]).await;
    assert!(shares["differ-c"] > shares["differ-a"] && shares["differ-c"] > shares["differ-b"], "{shares:?}");
    many.commit("two");
    many.converge("two").await;

    // One is told to go, one is killed: the last one does it all.
    many.stop("differ-c").await;
    many.shared_by(&["differ-a", "differ-b"]).await;
    drop(many.roles.remove("differ-a"));
    many.stop("applier-a").await;
    many.shared_by(&["differ-b"]).await;
    many.commit("three");
    many.converge("three").await;
    assert_eq!(many.uids(), uids, "nothing was made anew");
    for cluster in clusters() {
        let map = many.map(&cluster).unwrap();
        assert_eq!(map["metadata"]["managedFields"].as_array().unwrap().len(), 1, "{map}");
    }
    for name in ["fetcher-a", "renderer-a", "differ-b", "applier-b"] {
        many.stop(name).await;
    }
}
