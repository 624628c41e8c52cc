//! Names of clusters, and the API servers that they stand for.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use bus::{Log, LogConfig, now};
use differ::{Bootstrap, Config, Error};
use events::{
    Draft, EventType, Table,
    state::{
        AppliedObject, ClusterIdentity, ClusterState, ObjectOutcome, Origin, Reachability, State,
        SyncOutcome, SyncStage, SyncState, decode,
    },
};
use kubesim::{Controllers, Simulator};
use model::{Aggregate, Cluster, DefinitionSet, Digest, ObjectId, TargetId};
use serde_json::json;
use tempfile::TempDir;
use testkit::eventually;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{BOUND, config};

/// So often is a cluster that is connected asked who it is.
const SWEEP: Duration = Duration::from_millis(200);

struct Scene {
    log: Arc<dyn Log>,
    simulator: Simulator,
    folder: TempDir,
}

struct Differ(JoinHandle<Result<(), Error>>, CancellationToken);

impl Differ {
    async fn stop(self) {
        self.1.cancel();
        tokio::time::timeout(BOUND, self.0).await.unwrap().unwrap().unwrap();
    }
}

impl Scene {
    /// Two API servers, and a log.
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let log = bus::open(LogConfig::embedded(folder.path().join("log"))).await.unwrap();
        let simulator = Simulator::start().await.unwrap();
        ["one", "two"].iter().for_each(|name| simulator.add(name, Controllers::None));
        Self { log, simulator, folder }
    }

    fn kubeconfig(&self, cluster: &str) -> PathBuf {
        self.folder.path().join(cluster)
    }

    /// Lets the kubeconfig of a cluster lead to an API server.
    fn lead(&self, cluster: &str, server: &str) {
        fs::write(self.kubeconfig(cluster), self.simulator.kubeconfig(server)).unwrap();
    }

    /// A differ of clusters with no application on them.
    fn start(&self, clusters: &[&str]) -> Differ {
        let cluster = |name: &&str| -> Cluster {
            let kubeconfig = json!({"file": self.kubeconfig(name), "context": null});
            serde_json::from_value(json!({"name": name, "kubeconfig": kubeconfig})).unwrap()
        };
        let set = DefinitionSet::new(vec![], clusters.iter().map(cluster).collect(), vec![]).unwrap();
        let config = Config { bootstrap: Some(Bootstrap::Set(set)), sweep: SWEEP, ..config() };
        let stop = CancellationToken::new();
        Differ(tokio::spawn(differ::run(self.log.clone(), config, stop.clone())), stop)
    }

    async fn append<S: State>(&self, aggregate: Aggregate, kind: EventType, state: &S) {
        let newest = self.log.newest(&aggregate).await.unwrap();
        let draft = Draft::after(newest.as_ref(), aggregate, (kind, now()), state).unwrap();
        self.log.append(vec![draft]).await.pop().unwrap().unwrap();
    }

    /// Waits until that is told of a cluster: `connected`, or why it is not.
    async fn until(&self, cluster: &str, word: &str) -> ClusterIdentity {
        let aggregate = Aggregate::Cluster(cluster.parse().unwrap());
        eventually(BOUND, &format!("{cluster}: {word}"), async || {
            let event = self.log.newest(&aggregate).await.unwrap()?;
            let state: ClusterState = decode(event.draft.format, &event.draft.payload).unwrap();
            let told = match &state.reachability {
                Reachability::Connected { .. } => "connected",
                Reachability::Unreachable { failure, .. } => &failure.code,
            };
            (event.draft.kind != EventType::ClusterRetired && told == word).then_some(state.identity)
        })
        .await
    }
}

fn shop(cluster: &str) -> TargetId {
    TargetId { cluster: cluster.parse().unwrap(), application: "shop".parse().unwrap() }
}

/// An inventory with one object, which is on neither API server.
fn inventory() -> SyncState {
    let id = ObjectId {
        group: String::new(),
        kind: "ConfigMap".into(),
        namespace: Some("default".into()),
        name: "a".into(),
    };
    let row = AppliedObject {
        id,
        api_version: "v1".parse().unwrap(),
        origin: Origin::Created,
        uid: Some("u".into()),
        resource_version: Some("1".into()),
        manifest: None,
        ignored: Default::default(),
        fingerprint: None,
        outcome: ObjectOutcome::Created,
    };
    SyncState {
        generation: 1,
        plan: Digest::of(b"plan"),
        stage: SyncStage::Finished { at: now(), outcome: SyncOutcome::Succeeded },
        applied: None,
        commit: None,
        manifests: None,
        objects: Table::Inline(vec![row]),
        superseded: 0,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_name_of_an_api_server_is_refused_until_the_first_is_gone() {
    let scene = Scene::new().await;
    scene.lead("eu", "one");
    scene.lead("de", "one");
    let differ = scene.start(&["eu"]);
    let first = scene.until("eu", "connected").await;
    assert!(matches!(first, ClusterIdentity::Uid(_)), "{first:?}");
    differ.stop().await;
    // Although it comes first in the alphabet.
    let differ = scene.start(&["de", "eu"]);
    assert_eq!(scene.until("de", "CLUSTER-TWIN").await, ClusterIdentity::Twin("eu".parse().unwrap()));
    assert_eq!(scene.until("eu", "connected").await, first);
    differ.stop().await;
    let differ = scene.start(&["de"]);
    assert_eq!(scene.until("de", "connected").await, first);
    differ.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_names_that_come_at_once_one_stays() {
    let scene = Scene::new().await;
    scene.lead("eu", "one");
    scene.lead("us", "one");
    let differ = scene.start(&["us", "eu"]);
    let aggregate = |name: &str| Aggregate::Cluster(name.parse().unwrap());
    eventually(BOUND, "one of them, and one alone", async || {
        let mut told = Vec::new();
        for name in ["eu", "us"] {
            let event = scene.log.newest(&aggregate(name)).await.unwrap()?;
            told.push(decode::<ClusterState>(event.draft.format, &event.draft.payload).unwrap().identity);
        }
        let twins = told.iter().filter(|identity| matches!(identity, ClusterIdentity::Twin(_))).count();
        let uids = told.iter().filter(|identity| matches!(identity, ClusterIdentity::Uid(_))).count();
        ((twins, uids) == (1, 1)).then_some(())
    })
    .await;
    differ.stop().await;
}

/// What is recorded of one API server says nothing about another one.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_decided_by_the_inventory_of_another_api_server() {
    let scene = Scene::new().await;
    scene.lead("eu", "one");
    let differ = scene.start(&["eu"]);
    let first = scene.until("eu", "connected").await;
    differ.stop().await;
    // Something to be let go of, of which nothing is there: it would be forgotten.
    scene.append(Aggregate::Sync(shop("eu")), EventType::SyncFinished, &inventory()).await;
    scene.lead("eu", "two");
    let differ = scene.start(&["eu"]);
    assert_eq!(scene.until("eu", "CLUSTER-CHANGED").await, first);
    differ.stop().await;
    assert_eq!(scene.log.newest(&Aggregate::Target(shop("eu"))).await.unwrap(), None);
    scene.lead("eu", "one");
    let differ = scene.start(&["eu"]);
    assert_eq!(scene.until("eu", "connected").await, first);
    // Before its kinds are listed it may tell that it does not know yet.
    let planned = async || {
        let told = scene.log.history(&Aggregate::Target(shop("eu")), 256).await.unwrap();
        told.iter().any(|event| event.draft.kind == EventType::SyncPlanned).then_some(())
    };
    eventually(BOUND, "a plan", planned).await;
    differ.stop().await;
}

/// The address stays, and so does the connection.
#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_is_another_one_by_now_is_noticed_and_so_is_one_that_was_restored() {
    let scene = Scene::new().await;
    scene.lead("eu", "one");
    let differ = scene.start(&["eu"]);
    let first = scene.until("eu", "connected").await;
    let [backup, other] = ["one", "two"].map(|name| scene.simulator.with(name, |it| it.clone()).unwrap());
    scene.simulator.with("one", |it| *it = other);
    assert_eq!(scene.until("eu", "CLUSTER-CHANGED").await, first);
    scene.simulator.with("one", |it| *it = backup);
    assert_eq!(scene.until("eu", "connected").await, first);
    differ.stop().await;
}
