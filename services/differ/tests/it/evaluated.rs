//! Since when everything was evaluated: it goes on with every sweep, and stands still where something hangs.

use std::{path::Path, sync::Arc, time::Duration};

use bus::{Evaluated, Log, LogConfig};
use differ::Config;
use events::state::{ClusterState, Reachability, decode};
use model::{Aggregate, Cluster, DefinitionSet};
use serde_json::json;
use tempfile::TempDir;
use testkit::{StuckLog, eventually};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{BOUND, config};

/// So often is everything looked at here.
const SWEEP: Duration = Duration::from_millis(200);

struct Scene {
    log: Arc<dyn Log>,
    evaluated: Evaluated,
    stuck: Arc<StuckLog>,
    _folder: TempDir,
    _stop: DropGuard,
}

impl Scene {
    /// A differ of clusters with no application on them.
    async fn of(clusters: &[(&str, &Path)]) -> Self {
        let folder = TempDir::new().unwrap();
        let log = bus::open(LogConfig::embedded(folder.path().join("log"))).await.unwrap();
        let cluster = |(name, file): &(&str, &Path)| -> Cluster {
            let kubeconfig = json!({"file": file, "context": null});
            serde_json::from_value(json!({"name": name, "kubeconfig": kubeconfig})).unwrap()
        };
        let set = DefinitionSet::new(vec![], clusters.iter().map(cluster).collect(), vec![]).unwrap();
        let stuck = Arc::new(StuckLog::new(log.clone()));
        let evaluated = Evaluated::default();
        let config = Config {
            bootstrap: Some(differ::Bootstrap::Set(set)),
            evaluated: evaluated.clone(),
            sweep: SWEEP,
            ..config()
        };
        let stop = CancellationToken::new();
        tokio::spawn(differ::run(stuck.clone(), config, stop.clone()));
        Self { log, evaluated, stuck, _folder: folder, _stop: stop.drop_guard() }
    }

    /// When that cluster was evaluated.
    fn at(&self, cluster: &str) -> Option<Instant> {
        let (now, cluster) = (Instant::now(), Aggregate::Cluster(cluster.parse().unwrap()));
        self.evaluated.ages(now).of(&cluster).map(|age| now - age)
    }

    async fn evaluated_since(&self, cluster: &str, since: Instant) {
        let since = || (self.at(cluster)? > since).then_some(());
        eventually(BOUND, "the end of a sweep", async || since()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sweep_counts_and_a_worker_that_hangs_does_not() {
    let (simulator, files) = (kubesim::Simulator::start().await.unwrap(), TempDir::new().unwrap());
    let [good, bad] = ["good", "bad"].map(|name| {
        simulator.add(name, kubesim::Controllers::None);
        let file = files.path().join(name);
        std::fs::write(&file, simulator.kubeconfig(name)).unwrap();
        file
    });
    let scene = Scene::of(&[("good", &good), ("bad", &bad)]).await;
    let begun = Instant::now();
    scene.evaluated_since("bad", begun).await;
    scene.evaluated_since("good", begun + SWEEP).await;
    scene.evaluated_since("bad", begun + SWEEP * 3).await;
    // The worker of one asks the log something and hears nothing, for ever.
    scene.stuck.hang(Aggregate::Cluster("bad".parse().unwrap()));
    let hung = Instant::now();
    scene.evaluated_since("good", hung + SWEEP * 3).await;
    let last = scene.at("bad");
    assert!(last.is_some_and(|at| at <= hung + SWEEP), "{:?} after it hung", last.map(|at| at - hung));
    scene.evaluated_since("good", hung + SWEEP * 6).await;
    assert!(scene.at("bad").unwrap() <= last.unwrap() + Duration::from_millis(1), "it stands still");
    scene.stuck.go_on();
    scene.evaluated_since("bad", hung + SWEEP * 6).await;
}

/// Sweeps end here, and say nothing: nothing was seen.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_never_answered_was_never_evaluated() {
    let scene = Scene::of(&[("gone", Path::new("/nowhere"))]).await;
    let aggregate = Aggregate::Cluster("gone".parse().unwrap());
    let attempts = async || {
        let told = scene.log.newest(&aggregate).await.unwrap()?;
        let state: ClusterState = decode(told.draft.format, &told.draft.payload).unwrap();
        matches!(state.reachability, Reachability::Unreachable { .. }).then_some(())
    };
    eventually(BOUND, "told as unreachable", attempts).await;
    let told = Instant::now();
    eventually(BOUND, "some sweeps", async || (told.elapsed() > SWEEP * 3).then_some(())).await;
    assert_eq!(scene.at("gone"), None);
}
