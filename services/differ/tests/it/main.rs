//! A differ over a log whose broker restarts all the time, and over one that was replaced.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod collect;
mod evaluated;
mod fleet;
mod identity;

use std::{sync::Arc, time::Duration};

use bus::{Log, LogConfig, Share};
use differ::{Bootstrap, Config, Error};
use events::state::{ClusterState, Reachability};
use manifest::InstallKey;
use model::{Aggregate, Cluster, DefinitionSet};
use tempfile::TempDir;
use testkit::{ShakyLog, eventually};
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

/// Longer than any wait in these tests on a loaded machine.
const BOUND: Duration = Duration::from_secs(90);

struct Scene {
    log: Arc<dyn Log>,
    shaky: Arc<ShakyLog>,
    _folder: TempDir,
}

impl Scene {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let log = bus::open(LogConfig::embedded(folder.path().join("log"))).await.unwrap();
        Self { shaky: Arc::new(ShakyLog::new(Arc::clone(&log))), log, _folder: folder }
    }

    fn start(&self, bootstrap: DefinitionSet, stop: &CancellationToken) -> JoinHandle<Result<(), Error>> {
        let config = Config { bootstrap: Some(Bootstrap::Set(bootstrap)), ..config() };
        tokio::spawn(differ::run(self.shaky.clone(), config, stop.clone()))
    }
}

pub fn config() -> Config {
    Config::new(InstallKey::from_bytes([7; 32]), "test", Share::Sole)
}

/// Clusters whose kubeconfigs do not exist; two hundred of them make the set too large for an event.
fn clusters(count: usize) -> DefinitionSet {
    let cluster = |i: usize| -> Cluster {
        let text = format!(
            r#"{{"name":"eu-{i}","kubeconfig":{{"file":"/nowhere/{}/{i}","context":null}}}}"#,
            "x".repeat(100)
        );
        serde_json::from_str(&text).unwrap()
    };
    DefinitionSet::new(vec![], (0..count).map(cluster).collect(), vec![]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_fails_again_and_again_ends_nothing() {
    let scene = Scene::new().await;
    let stop = CancellationToken::new();
    let differ = scene.start(clusters(200), &stop);
    let aggregate = Aggregate::Cluster("eu-7".parse().unwrap());
    let told = eventually(BOUND, "the cluster to be told as unreachable", async || {
        assert!(!differ.is_finished(), "the differ ended");
        scene.log.newest(&aggregate).await.unwrap()
    })
    .await;
    let state: ClusterState = events::decode(told.draft.format, &told.draft.payload).unwrap();
    assert!(matches!(state.reachability, Reachability::Unreachable { .. }), "{state:?}");
    let definitions = scene.log.history(&Aggregate::Definitions, 9).await.unwrap();
    assert_eq!(definitions.len(), 1, "appended once, whatever became of the acknowledgement");
    stop.cancel();
    timeout(BOUND, differ).await.unwrap().unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_log_ends_the_process() {
    let scene = Scene::new().await;
    scene.shaky.replace();
    let differ = scene.start(clusters(1), &CancellationToken::new());
    let ended = timeout(BOUND, differ).await.unwrap().unwrap();
    assert!(matches!(ended, Err(Error::Restarted { .. })), "{ended:?}");
}
