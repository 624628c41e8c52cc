//! The cluster that driftless itself runs in, and the kubeconfigs that Secrets there hold.

use std::{env, path::PathBuf, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{Request, header::ACCEPT};
use http_body_util::{BodyExt, Limited};
use kube::{client::Body, config::Kubeconfig as File};
use model::{ObjectId, definition::SecretKey};
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;

use crate::{
    ClusterError, Resource, Scope,
    connect::{self, Written},
    path,
    send::{CALL_DEADLINE, JSON},
    status::{About, Quoting, Status},
};

/// Where a pod finds its service account. Source: Kubernetes "Accessing the API from a Pod".
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Another folder for the same: for pods that mount a token of their own elsewhere.
const SERVICE_ACCOUNT_VARIABLE: &str = "DRIFTLESS_SERVICE_ACCOUNT";

/// Largest answer. The API server accepts Secrets of 1 MiB, which base64 and managed fields make longer.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// How long the answer may take: an exchange of a few kilobytes, TLS included.
const ANSWER_DEADLINE: Duration = CALL_DEADLINE;

#[derive(Deserialize)]
struct Secret {
    #[serde(default)]
    data: std::collections::BTreeMap<String, String>,
}

/// What people are told a Secret by.
pub(crate) fn shown(secret: &SecretKey) -> String {
    let namespace = secret.namespace.as_deref().unwrap_or("(the pod's namespace)");
    format!("Secret {namespace}/{} ({})", secret.name, secret.key)
}

/// Reads the value of the key.
pub(crate) async fn read(secret: &SecretKey) -> Result<String, ClusterError> {
    let problem = |problem: String| ClusterError::Credentials { problem };
    let host = env::var("KUBERNETES_SERVICE_HOST").ok().filter(|host| !host.is_empty());
    let Some(host) = host else {
        return Err(problem(format!("{} is read in a pod, and this is none", shown(secret))));
    };
    let folder = env::var_os(SERVICE_ACCOUNT_VARIABLE).map_or_else(|| SERVICE_ACCOUNT.into(), PathBuf::from);
    let namespace = match &secret.namespace {
        Some(namespace) => namespace.clone(),
        None => {
            let own = std::fs::read_to_string(folder.join("namespace"));
            own.map_err(|error| problem(format!("the pod's namespace: {}", error.kind())))?.trim().to_owned()
        }
    };
    let body = get(made_of(&host, &folder), &namespace, secret).await?;
    let parsed: Secret = serde_json::from_slice(&body).map_err(|_| ClusterError::BadResponse {
        request: format!("get {}", shown(secret)),
        problem: "no Secret".into(),
    })?;
    let value = parsed.data.get(&secret.key);
    let value = value.ok_or_else(|| problem(format!("{} has no such key", shown(secret))))?;
    let decoded = STANDARD.decode(value).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.ok_or_else(|| problem(format!("{} holds no text", shown(secret))))
}

/// A kubeconfig of the pod's own service account. Token and authority stay in their files, which are renewed.
fn made_of(host: &str, folder: &std::path::Path) -> File {
    let port = env::var("KUBERNETES_SERVICE_PORT").unwrap_or_else(|_| "443".to_owned());
    // An IPv6 address stands in brackets.
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let made = json!({
        "current-context": "home",
        "clusters": [{"name": "home", "cluster": {
            "server": format!("https://{host}:{port}"), "certificate-authority": folder.join("ca.crt")}}],
        "users": [{"name": "home", "user": {"tokenFile": folder.join("token")}}],
        "contexts": [{"name": "home", "context": {"cluster": "home", "user": "home"}}],
    });
    // It has the shape that is asked for; an empty one would say that there is no context.
    serde_json::from_value(made).unwrap_or_default()
}

async fn get(home: File, namespace: &str, secret: &SecretKey) -> Result<Vec<u8>, ClusterError> {
    let gvk = model::Gvk {
        api_version: model::ApiVersion { group: String::new(), version: "v1".into() },
        kind: "Secret".into(),
    };
    let resource = Resource { gvk, plural: "secrets".into(), scope: Scope::Namespaced, verbs: vec![] };
    let id = ObjectId {
        group: String::new(),
        kind: "Secret".into(),
        namespace: Some(namespace.to_owned()),
        name: secret.name.clone(),
    };
    let path = path::object(&resource, &id)?;
    let opened = connect::open_written(Written::Home(Box::new(home))).await?;
    let request = format!("get {}", shown(secret));
    let unreachable = |problem: &str| ClusterError::Unreachable {
        address: opened.address.clone(),
        problem: format!("the cluster that driftless runs in, for {}: {problem}", shown(secret)),
    };
    let call = Request::get(path).header(ACCEPT, JSON).body(Body::empty());
    let call = call.map_err(|_| unreachable("no request"))?;
    let answer = async {
        let response = opened.way.calls.send(call).await.map_err(|_| unreachable("no connection"))?;
        let http = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|_| unreachable("the answer broke off"))?.to_bytes().to_vec();
        if http.is_success() {
            return Ok(body);
        }
        let about = About { quoting: Quoting::Allowed, ..About::general(&request) };
        Err(refused(Status::parse(&body).into_error(http.as_u16(), None, &about), secret))
    };
    let late = |_| ClusterError::Timeout { request: request.clone(), after: ANSWER_DEADLINE };
    timeout(ANSWER_DEADLINE, answer).await.map_err(late)?
}

/// What only a person mends is a matter of credentials; the rest passes.
fn refused(error: ClusterError, secret: &SecretKey) -> ClusterError {
    let problem = |words: &str| ClusterError::Credentials { problem: format!("{}: {words}", shown(secret)) };
    if matches!(error, ClusterError::NotFound { .. }) {
        problem("it is not there")
    } else if matches!(error, ClusterError::Forbidden { .. }) {
        problem("the service account may not get it")
    } else if matches!(error, ClusterError::Unauthorized { .. }) {
        problem("the token of the service account is not accepted")
    } else {
        error
    }
}
