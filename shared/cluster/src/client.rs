//! The client of one API server.

use std::sync::Arc;

use http::Method;
use manifest::InstallKey;
use model::{ObjectId, definition::Kubeconfig};
use serde::Deserialize;

use crate::{
    ClusterError, Live, Resource,
    dialer::Dialer,
    dice::Dice,
    flight::Flight,
    live::{Redaction, Sensitive},
    send::{CALL_DEADLINE, Call, JSON, OBJECT_BYTES_MAX},
    status::{About, Quoting},
    transport::Transport,
};

/// A client of one API server. A clone is the same client: same connections, same limit of calls in flight.
#[derive(Clone)]
pub struct ClusterClient {
    pub(crate) inner: Arc<Inner>,
    pub(crate) redaction: Redaction,
}

pub(crate) struct Inner {
    pub(crate) transport: Transport,
    pub(crate) flight: Arc<Flight>,
    pub(crate) dice: Dice,
}

/// What a client needs besides the kubeconfig.
#[derive(Clone)]
pub struct ConnectOptions {
    /// Secret values of live objects are replaced by their keyed hashes under it.
    pub key: InstallKey,
    /// Named in the API server's audit log: `driftless-applier/0.1.0`.
    pub user_agent: String,
}

/// What an API server says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerVersion {
    /// `1`
    pub major: String,
    /// `36`; some providers append `+`.
    pub minor: String,
    /// `v1.36.3`
    pub git_version: String,
}

impl ClusterClient {
    /// Reads the kubeconfig, gets credentials (runs its exec plugin) and prepares connections. Sends nothing
    /// yet: [`version`](Self::version) is the cheapest proof that the server is there and accepts us.
    ///
    /// When the server no longer accepts the credentials, they are read anew, kubeconfig and all.
    ///
    /// # Errors
    /// Kubeconfig, Credentials, Tls: permanent.
    pub async fn connect(kubeconfig: &Kubeconfig, options: ConnectOptions) -> Result<Self, ClusterError> {
        Dialer::Configured.connect(kubeconfig, options).await
    }

    pub(crate) async fn by(
        dialer: &Dialer,
        kubeconfig: &Kubeconfig,
        options: ConnectOptions,
    ) -> Result<Self, ClusterError> {
        let transport = Transport::open(dialer, kubeconfig, &options.user_agent).await?;
        let redaction = Redaction { key: options.key, sensitive: Arc::default() };
        let inner = Inner { transport, flight: Arc::default(), dice: dialer.dice() };
        Ok(Self { inner: Arc::new(inner), redaction })
    }

    /// The same client, which also takes out what stands at these places of objects, whatever they say themselves.
    pub fn minding(&self, sensitive: Sensitive) -> Self {
        let redaction = Redaction { key: self.redaction.key.clone(), sensitive: Arc::new(sensitive) };
        Self { inner: self.inner.clone(), redaction }
    }

    /// Asks the server for its version.
    ///
    /// # Errors
    /// Unreachable, Timeout: transient. Tls, Unauthorized: permanent.
    pub async fn version(&self) -> Result<ServerVersion, ClusterError> {
        let about = About::general("read the version");
        let call = Call::get("/version".into(), about.clone());
        let answer = self.inner.transport.send(call).await?;
        serde_json::from_slice(&answer.body).map_err(|_| about.bad("no version"))
    }

    /// Scheme, host and port of the server.
    pub fn address(&self) -> &str {
        &self.inner.transport.address
    }

    /// Parses the answer to a request for the object `id`.
    pub(crate) fn parse(
        &self,
        resource: &Resource,
        id: &ObjectId,
        body: &[u8],
        about: &About,
    ) -> Result<Live, ClusterError> {
        let value = serde_json::from_slice(body).map_err(|_| about.bad("not JSON"))?;
        let live = Live::parse(resource, value, &self.redaction, about)?;
        if live.id == *id { Ok(live) } else { Err(about.bad("another object than was asked for")) }
    }
}

impl Call {
    /// A GET for something small.
    pub(crate) fn get(path: String, about: About) -> Self {
        Self {
            method: Method::GET,
            path,
            accept: JSON,
            body: None,
            deadline: CALL_DEADLINE,
            bytes_max: OBJECT_BYTES_MAX,
            about,
        }
    }
}

impl ClusterClient {
    /// What a request for one object is about.
    pub(crate) fn about(&self, verb: &str, resource: &Resource, id: &ObjectId) -> About {
        let sensitive = self.redaction.places(id).to_vec();
        let about = About {
            request: format!("{verb} {id}"),
            object: Some((resource.plural.clone(), id.name.clone())),
            quoting: if resource.gvk.kind == "Secret" { Quoting::Withheld } else { Quoting::Allowed },
            sensitive: Vec::new(),
        };
        about.with_sensitive(sensitive)
    }
}

impl About {
    /// A request that concerns no single object. Its errors quote none.
    pub(crate) fn general(request: impl Into<String>) -> Self {
        Self { request: request.into(), object: None, quoting: Quoting::Allowed, sensitive: Vec::new() }
    }

    /// Adds JSON pointers of sensitive values. The server's words may quote them.
    pub(crate) fn with_sensitive(mut self, pointers: Vec<String>) -> Self {
        if !pointers.is_empty() {
            self.quoting = Quoting::Withheld;
        }
        self.sensitive.extend(pointers);
        self
    }
}
