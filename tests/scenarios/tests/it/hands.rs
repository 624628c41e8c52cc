//! Other actors on the cluster: past the proxy, so that what goes through it is the services' alone.

use cluster::{
    Apply, ClusterClient, ClusterError, ConnectOptions, Delete, Force, Live, Missing, Mode, Propagation,
    Resource, Scope,
};
use manifest::InstallKey;
use model::{Gvk, ObjectId};
use serde_json::{Value, json};
use testkit::cluster::TestCluster;

/// An administrator.
pub struct Hands(ClusterClient);

impl Hands {
    pub async fn on(cluster: &TestCluster) -> Self {
        let options =
            ConnectOptions { key: InstallKey::from_bytes([9; 32]), user_agent: "driftless-test".into() };
        Self(ClusterClient::connect(&cluster.admin(), options).await.unwrap())
    }

    pub async fn get(&self, body: &Value) -> Option<Value> {
        match self.0.get(&resource_of(body), &id_of(body)).await {
            Err(ClusterError::NotFound { missing: Missing::Resource, .. }) => None,
            live => live.unwrap().map(|live| live.value.into_value()),
        }
    }

    /// Applies for somebody else, by force.
    pub async fn apply(&self, manager: &str, body: &Value) -> Live {
        let (resource, id) = (resource_of(body), id_of(body));
        let (force, mode) = (Force::Yes, Mode::Real);
        let request = Apply { resource: &resource, id: &id, body, manager, force, mode, start_by: None };
        self.0.apply(&request).await.unwrap().object
    }

    /// What an edit by hand sends: sets one value.
    pub async fn edit(&self, body: &Value, pointer: &str, value: impl Into<Value>) -> Value {
        let operations = json!([{"op": "add", "path": pointer, "value": value.into()}]);
        self.patch(body, &operations).await
    }

    pub async fn patch(&self, body: &Value, operations: &Value) -> Value {
        let patched =
            self.0.json_patch(&resource_of(body), &id_of(body), operations, ("kubectl-edit", None)).await;
        patched.unwrap().value.into_value()
    }

    pub async fn delete(&self, body: &Value) {
        let (resource, id) = (resource_of(body), id_of(body));
        let uid = self.get(body).await.unwrap()["metadata"]["uid"].as_str().unwrap().to_owned();
        let propagation = Propagation::Background;
        let request = Delete {
            resource: &resource,
            id: &id,
            uid: &uid,
            resource_version: None,
            propagation,
            start_by: None,
        };
        self.0.delete(&request).await.unwrap();
    }
}

pub fn resource_of(body: &Value) -> Resource {
    let kind = body["kind"].as_str().unwrap();
    let scope = if body["metadata"]["namespace"].is_string() { Scope::Namespaced } else { Scope::Cluster };
    let gvk = Gvk { api_version: body["apiVersion"].as_str().unwrap().parse().unwrap(), kind: kind.into() };
    Resource { gvk, plural: format!("{}s", kind.to_lowercase()), scope, verbs: vec![] }
}

pub fn id_of(body: &Value) -> ObjectId {
    let text = |key: &str| body["metadata"][key].as_str().map(str::to_owned);
    let group = resource_of(body).gvk.api_version.group;
    let kind = body["kind"].as_str().unwrap().to_owned();
    ObjectId { group, kind, namespace: text("namespace"), name: text("name").unwrap() }
}

/// `metadata.resourceVersion`: equal means that nobody wrote the object.
pub fn version(object: &Value) -> &str {
    object["metadata"]["resourceVersion"].as_str().unwrap()
}
