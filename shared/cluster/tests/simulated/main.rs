//! The client against the simulator, over the wire.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod client;
mod fault;

use std::path::PathBuf;

use cluster::{Applied, Apply, ClusterClient, ClusterError, ConnectOptions, Force, Mode, Resource, Scope};
use kubesim::{Controllers, Simulator};
use manifest::InstallKey;
use model::{Gvk, ObjectId, definition::Kubeconfig};
use serde_json::{Value, json};

/// A simulator with one cluster, and a client of it.
pub struct Fixture {
    pub simulator: Simulator,
    pub client: ClusterClient,
    pub kubeconfig: PathBuf,
    _folder: tempfile::TempDir,
}

pub const NAME: &str = "eu-1";

impl Fixture {
    pub async fn new() -> Self {
        let simulator = Simulator::start().await.unwrap();
        simulator.add(NAME, Controllers::Lifecycle);
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        std::fs::write(&kubeconfig, simulator.kubeconfig(NAME)).unwrap();
        let client = connect(kubeconfig.clone()).await;
        Self { simulator, client, kubeconfig, _folder: folder }
    }

    pub async fn apply(&self, body: &Value, force: Force) -> Result<Applied, ClusterError> {
        apply(&self.client, body, force).await
    }
}

pub async fn connect(file: PathBuf) -> ClusterClient {
    let options =
        ConnectOptions { key: InstallKey::from_bytes([7; 32]), user_agent: "driftless-test".into() };
    ClusterClient::connect(&Kubeconfig { file: Some(file), context: None, secret: None }, options)
        .await
        .unwrap()
}

pub async fn apply(client: &ClusterClient, body: &Value, force: Force) -> Result<Applied, ClusterError> {
    let (resource, id) = (config_maps(), id_of(body));
    let (manager, mode) = ("driftless:test", Mode::Real);
    client.apply(&Apply { resource: &resource, id: &id, body, manager, force, mode, start_by: None }).await
}

pub fn config_maps() -> Resource {
    let gvk = Gvk { api_version: "v1".parse().unwrap(), kind: "ConfigMap".into() };
    Resource { gvk, plural: "configmaps".into(), scope: Scope::Namespaced, verbs: vec![] }
}

pub fn config_map(name: &str, value: &str) -> Value {
    let metadata = json!({"name": name, "namespace": "default", "labels": {"app": "test"}});
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"k": value}})
}

pub fn id_of(body: &Value) -> ObjectId {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    ObjectId {
        group: String::new(),
        kind: "ConfigMap".into(),
        namespace: Some(text(&body["metadata"]["namespace"])),
        name: text(&body["metadata"]["name"]),
    }
}
