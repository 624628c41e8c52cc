//! Leases: who writes to a cluster, or to a part of it, and whether he is still alive.

use std::{collections::BTreeMap, time::Duration};

use http::Method;
use model::{Gvk, ObjectId, Timestamp};
use serde::Deserialize;
use serde_json::json;

use crate::{
    ClusterClient, ClusterError, Delete, Deleted, Missing, Propagation, Resource, Scope, path,
    send::{CALL_DEADLINE, Call, JSON, OBJECT_BYTES_MAX},
    status::About,
};

/// A Lease to write.
#[derive(Debug, Clone, Copy)]
pub struct LeaseClaim<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Who holds it then; `None`: nobody.
    pub holder: Option<&'a str>,
    /// All annotations that it has then.
    pub annotations: &'a BTreeMap<String, String>,
    /// How long it counts without being renewed; whole seconds, at least one.
    pub life: Duration,
    /// Now, as written into it for people: nobody decides by the clock of another machine.
    pub now: Timestamp,
}

/// A Lease as it stands on the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Who holds it; `None`: nobody.
    pub holder: Option<String>,
    /// How long it counts without being renewed.
    pub life: Duration,
    /// Its uid.
    pub uid: String,
    /// Another one: it was renewed, or changed hands.
    pub resource_version: String,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    acquired: Option<String>,
    transitions: u32,
}

#[derive(Deserialize)]
struct Raw {
    metadata: RawMetadata,
    #[serde(default)]
    spec: RawSpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawMetadata {
    uid: String,
    resource_version: String,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawSpec {
    holder_identity: Option<String>,
    lease_duration_seconds: Option<u32>,
    acquire_time: Option<String>,
    lease_transitions: Option<u32>,
}

impl ClusterClient {
    /// Reads a Lease; `None`: there is none of that name.
    ///
    /// # Errors
    /// Forbidden: permanent. Unreachable, Timeout, Throttled, Server: transient.
    pub async fn lease(&self, namespace: &str, name: &str) -> Result<Option<Lease>, ClusterError> {
        let (resource, id) = (resource(), id(namespace, name));
        let about = self.about("get", &resource, &id);
        match self.inner.transport.send(Call::get(path::object(&resource, &id)?, about.clone())).await {
            Ok(answer) => parse(&answer.body, &about).map(Some),
            Err(ClusterError::NotFound { missing: Missing::Object | Missing::Namespace, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a Lease the claim's, if it still is as it was seen (`None`: not there). Waits for no other call: a
    /// renewal that stands in line is a Lease that is lost.
    ///
    /// # Errors
    /// AlreadyExists, Moved (somebody else was first), NotFound (the namespace): stale. Forbidden: permanent.
    /// Unreachable, Timeout (it may have been done), Throttled, Server: transient.
    pub async fn claim_lease(
        &self,
        claim: &LeaseClaim<'_>,
        seen: Option<&Lease>,
    ) -> Result<Lease, ClusterError> {
        let (resource, id) = (resource(), id(claim.namespace, claim.name));
        let (verb, method) = match seen {
            None => ("create", Method::POST),
            Some(_) => ("update", Method::PUT),
        };
        let about = self.about(verb, &resource, &id);
        let object = path::object(&resource, &id)?;
        let call = Call {
            method,
            path: seen.map_or_else(|| path::collection(&resource, Some(claim.namespace)), |_| object),
            accept: JSON,
            body: Some((JSON, claim.body(seen).to_string().into_bytes().into())),
            deadline: CALL_DEADLINE,
            bytes_max: OBJECT_BYTES_MAX,
            about: about.clone(),
        };
        parse(&self.inner.transport.send(call).await?.body, &about)
    }

    /// Deletes a Lease, if nobody has written it since.
    ///
    /// # Errors
    /// Moved (somebody has): stale. Else as [`delete`](Self::delete).
    pub async fn drop_lease(&self, namespace: &str, name: &str, lease: &Lease) -> Result<(), ClusterError> {
        let (resource, id) = (resource(), id(namespace, name));
        let resource_version = Some(lease.resource_version.as_str());
        let propagation = Propagation::Background;
        let (uid, start_by) = (lease.uid.as_str(), None);
        let request = Delete { resource: &resource, id: &id, uid, resource_version, propagation, start_by };
        match self.delete(&request).await? {
            Deleted::VersionMismatch { found } => {
                let message = format!("its version is {found}");
                Err(ClusterError::Moved { request: self.about("delete", &resource, &id).request, message })
            }
            // Another one of its name is not this one.
            Deleted::Gone | Deleted::Terminating { .. } | Deleted::NotFound | Deleted::UidMismatch { .. } => {
                Ok(())
            }
        }
    }
}

impl LeaseClaim<'_> {
    fn body(&self, seen: Option<&Lease>) -> serde_json::Value {
        let now = micro(self.now);
        let renewed = seen.filter(|lease| lease.holder.as_deref() == self.holder);
        let acquired = renewed.and_then(|lease| lease.acquired.clone()).unwrap_or_else(|| now.clone());
        let transitions = seen.map_or(0, |lease| lease.transitions.saturating_add(renewed.is_none().into()));
        let mut metadata =
            json!({"namespace": self.namespace, "name": self.name, "annotations": self.annotations});
        if let Some(seen) = seen {
            metadata["uid"] = seen.uid.as_str().into();
            metadata["resourceVersion"] = seen.resource_version.as_str().into();
        }
        json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": {
            "holderIdentity": self.holder, "leaseDurationSeconds": self.life.as_secs().max(1),
            "acquireTime": acquired, "renewTime": now, "leaseTransitions": transitions,
        }})
    }
}

/// Source: Kubernetes `MicroTime`, which wants six digits after the point.
fn micro(time: Timestamp) -> String {
    time.to_string().replace('Z', "000Z")
}

fn parse(body: &[u8], about: &About) -> Result<Lease, ClusterError> {
    let raw: Raw = serde_json::from_slice(body).map_err(|_| about.bad("no Lease"))?;
    Ok(Lease {
        holder: raw.spec.holder_identity.filter(|holder| !holder.is_empty()),
        life: Duration::from_secs(raw.spec.lease_duration_seconds.unwrap_or(0).into()),
        uid: raw.metadata.uid,
        resource_version: raw.metadata.resource_version,
        annotations: raw.metadata.annotations,
        acquired: raw.spec.acquire_time,
        transitions: raw.spec.lease_transitions.unwrap_or(0),
    })
}

fn resource() -> Resource {
    let api_version = model::ApiVersion { group: "coordination.k8s.io".into(), version: "v1".into() };
    let gvk = Gvk { api_version, kind: "Lease".into() };
    Resource { gvk, plural: "leases".into(), scope: Scope::Namespaced, verbs: vec![] }
}

fn id(namespace: &str, name: &str) -> ObjectId {
    ObjectId {
        group: "coordination.k8s.io".into(),
        kind: "Lease".into(),
        namespace: Some(namespace.to_owned()),
        name: name.to_owned(),
    }
}
