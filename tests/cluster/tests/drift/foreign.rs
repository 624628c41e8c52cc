//! Other actors: plain HTTP to the API server, so that they can do what our client never would.

use std::fs;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use testkit::cluster::TestCluster;

use crate::kinds::{Kind, Place};

pub const MERGE: &str = "application/merge-patch+json";
pub const JSON_PATCH: &str = "application/json-patch+json";
pub const APPLY: &str = "application/apply-patch+yaml";
pub const JSON: &str = "application/json";

/// The API server as others reach it.
pub struct Foreign {
    http: Client,
    base: String,
    token: String,
}

/// One request of another actor.
#[derive(Debug, Clone)]
pub struct Write {
    pub method: Method,
    pub media: &'static str,
    /// Below the object: empty, or `/scale`, `/status`.
    pub subresource: &'static str,
    pub manager: String,
    pub force: bool,
    pub body: Value,
}

impl Foreign {
    pub fn new(cluster: &TestCluster) -> Self {
        // Another test binary's choice would be as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let text = fs::read_to_string(cluster.kubeconfig_file()).unwrap();
        let after = |word: &str| {
            let rest = text.split_once(word).unwrap().1;
            rest.split(['\n', '}']).next().unwrap().trim().to_owned()
        };
        // The server's certificate is its own, made at its start.
        let http = Client::builder().danger_accept_invalid_certs(true).no_proxy().build().unwrap();
        Self { http, base: after("server: "), token: after("{token: ") }
    }

    /// Sends one request; status and answer.
    pub async fn send(&self, method: Method, path: &str, media: &str, body: Option<&Value>) -> (u16, Value) {
        let mut request = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.header("Content-Type", media).body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or(Value::Null))
    }

    /// The object as it is, or null.
    pub async fn get(&self, path: &str) -> Value {
        let (status, value) = self.send(Method::GET, path, JSON, None).await;
        if status == 200 { value } else { Value::Null }
    }

    /// Performs one write on the object at `path`; status and answer.
    pub async fn write(&self, path: &str, write: &Write) -> (u16, Value) {
        let force = if write.force { "&force=true" } else { "" };
        let path = format!("{path}{}?fieldManager={}{force}", write.subresource, write.manager);
        self.send(write.method.clone(), &path, write.media, Some(&write.body)).await
    }

    /// Creates what the test stands on: namespaces and definitions.
    pub async fn create(&self, path: &str, object: &Value) {
        let (status, answer) = self.send(Method::POST, path, JSON, Some(object)).await;
        assert!(status == 201 || status == 409, "{path}: {answer}");
    }

    /// Deletes at once.
    pub async fn delete(&self, path: &str) {
        let now = json!({"gracePeriodSeconds": 0, "propagationPolicy": "Background"});
        self.send(Method::DELETE, path, JSON, Some(&now)).await;
    }
}

/// The path of all objects of a kind.
pub fn collection(kind: &Kind, namespace: &str) -> String {
    let root = if kind.api_version.contains('/') { "/apis" } else { "/api" };
    match kind.place {
        Place::Cluster => format!("{root}/{}/{}", kind.api_version, kind.plural),
        Place::Namespace => format!("{root}/{}/namespaces/{namespace}/{}", kind.api_version, kind.plural),
        Place::Apart => format!("{root}/{}/namespaces/{namespace}-apart/{}", kind.api_version, kind.plural),
    }
}
