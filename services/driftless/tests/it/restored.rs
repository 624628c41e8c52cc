//! A cluster that was restored from a backup while nothing looked at it.

use std::{fs, path::Path};

use bus::LogConfig;
use events::{Event, EventType, state::ClusterState};
use model::Aggregate;
use serde_json::json;
use testkit::cluster::{self, OwnCluster, Part, Signal};

use crate::{api::core, scene::Scene, shop};

/// More than a cluster writes by itself while it starts, so that the loss shows in its version.
const WRITES: usize = 200;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}

fn kill(cluster: &OwnCluster) {
    for part in [Part::ApiServer, Part::Etcd] {
        cluster.signal(part, Signal::Kill);
    }
}

/// What was told of the cluster, newest first.
async fn history(scene: &Scene) -> Vec<Event> {
    let log = bus::open(LogConfig::embedded(scene.state().join("log"))).await.unwrap();
    log.history(&Aggregate::Cluster("cluster".parse().unwrap()), 256).await.unwrap()
}

#[tokio::test]
async fn what_a_restore_took_back_is_applied_again_by_the_next_run() {
    let cluster = cluster::own("restored");
    let scene = Scene::on(&cluster);
    scene.repository.commit(&shop::FILES);
    scene.sync(&[]);
    let (store, backup) = (cluster.state().join("etcd"), cluster.state().join("backup"));
    kill(&cluster);
    copy(&store, &backup);
    cluster.restart();
    let noise = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "noise"}});
    scene.api.create(&format!("/api/v1/namespaces/{}/configmaps", scene.name), noise);
    for write in 0..WRITES {
        let noise = json!({"data": {"noise": write.to_string()}});
        scene.api.edit(&core(&scene.name, "configmaps", "noise"), noise);
    }
    let small = shop::CONFIG.replace("large", "small");
    // Of several kinds, each with a watch that finds out by itself.
    let ports = shop::SERVICE.replace("8080", "9090");
    let added = shop::config("b");
    scene.repository.commit(&[
        ("deploy/config.yaml", &*small),
        ("deploy/service.yaml", &*ports),
        ("deploy/b.yaml", &*added),
    ]);
    scene.sync(&[]);

    kill(&cluster);
    fs::remove_dir_all(&store).unwrap();
    fs::rename(&backup, &store).unwrap();
    cluster.restart();
    let settings = core(&scene.name, "configmaps", "settings");
    assert_eq!(scene.api.object(&settings)["data"]["size"], "large", "it is the cluster before the change");
    let told = scene.sync(&[]);
    assert_eq!(scene.api.object(&settings)["data"]["size"], "small", "{told}");
    assert!(scene.api.get(&core(&scene.name, "configmaps", "b")).is_some(), "{told}");
    let service = scene.api.object(&core(&scene.name, "services", "web"));
    assert_eq!(service["spec"]["ports"][0]["targetPort"], 9090, "{told}");
    // Nothing is left to say to the next one.
    let diff = scene.run("diff", &[]);
    assert_eq!((diff.exit, diff.out.as_str()), (0, "no difference\n"), "{diff}");
    let told = history(&scene).await;
    let restored = told.iter().filter(|event| event.draft.kind == EventType::ClusterRestored).count();
    assert_eq!(restored, 1, "it is told once: {told:?}");
    let newest: ClusterState = events::decode(told[0].draft.format, &told[0].draft.payload).unwrap();
    assert!(newest.restored.is_some(), "whoever starts next knows it: {newest:?}");
}
