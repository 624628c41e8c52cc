//! One cluster for all tests, and a namespace for each.

use std::sync::OnceLock;

use cluster::{Apply, ClusterClient, ClusterError, ConnectOptions, Force, Live, Lookup, Mode, Resource};
use manifest::InstallKey;
use model::{Gvk, ObjectId, definition::Kubeconfig};
use serde_json::{Value, json};
use testkit::cluster::{TestCluster, unique};

/// The cluster that tests share who break nothing.
pub fn shared() -> &'static TestCluster {
    static SHARED: OnceLock<TestCluster> = OnceLock::new();
    SHARED.get_or_init(|| testkit::cluster::real("cluster"))
}

pub fn options() -> ConnectOptions {
    ConnectOptions { key: InstallKey::from_bytes([7; 32]), user_agent: "driftless-test".into() }
}

pub async fn connect(kubeconfig: &Kubeconfig) -> ClusterClient {
    ClusterClient::connect(kubeconfig, options()).await.unwrap()
}

/// A client with a namespace of its own.
pub struct Fixture {
    pub client: ClusterClient,
    pub namespace: String,
}

impl Fixture {
    pub async fn new() -> Self {
        Self::on(shared()).await
    }

    pub async fn on(cluster: &TestCluster) -> Self {
        let client = connect(&cluster.admin()).await;
        let namespace = unique("test");
        let manifest = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        let fixture = Self { client, namespace };
        fixture.apply(&manifest, "driftless:test", Force::No).await.unwrap();
        fixture
    }

    pub async fn apply(
        &self,
        body: &Value,
        manager: &str,
        force: Force,
    ) -> Result<cluster::Applied, ClusterError> {
        self.apply_in(body, manager, (force, Mode::Real)).await
    }

    pub async fn apply_in(
        &self,
        body: &Value,
        manager: &str,
        (force, mode): (Force, Mode),
    ) -> Result<cluster::Applied, ClusterError> {
        let (resource, id) = (resource_of(body), id_of(body));
        let request = Apply { resource: &resource, id: &id, body, manager, force, mode, start_by: None };
        self.client.apply(&request).await
    }

    pub async fn get(&self, body: &Value) -> Option<Live> {
        self.client.get(&resource_of(body), &id_of(body)).await.unwrap()
    }

    pub fn config_map(&self, name: &str, data: Value) -> Value {
        let metadata = json!({"name": name, "namespace": self.namespace, "labels": {"app": "test"}});
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    }
}

pub fn config_maps() -> Resource {
    resource("v1", "ConfigMap", "configmaps", cluster::Scope::Namespaced)
}

pub fn resource(version: &str, kind: &str, plural: &str, scope: cluster::Scope) -> Resource {
    let gvk = Gvk { api_version: version.parse().unwrap(), kind: kind.into() };
    Resource { gvk, plural: plural.into(), scope, verbs: vec![] }
}

pub fn resource_of(body: &Value) -> Resource {
    let kind = body["kind"].as_str().unwrap();
    let scope = if body["metadata"]["namespace"].is_string() {
        cluster::Scope::Namespaced
    } else {
        cluster::Scope::Cluster
    };
    let plural = format!("{}s", kind.to_lowercase());
    resource(body["apiVersion"].as_str().unwrap(), kind, &plural, scope)
}

pub fn id_of(body: &Value) -> ObjectId {
    let text = |key: &str| body["metadata"][key].as_str().map(str::to_owned);
    let group = resource_of(body).gvk.api_version.group;
    let kind = body["kind"].as_str().unwrap().to_owned();
    ObjectId { group, kind, namespace: text("namespace"), name: text("name").unwrap() }
}

pub fn known(lookup: Lookup<'_>) -> Resource {
    match lookup {
        Lookup::Known(resource) => resource.clone(),
        Lookup::UnknownKind | Lookup::GroupUnavailable => panic!("{lookup:?}"),
    }
}
