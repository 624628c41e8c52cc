//! Which API server it is that answers, whatever its address and its credentials are.

use model::{Gvk, ObjectId};

use crate::{ClusterClient, ClusterError, Missing, Resource, Scope};

/// The namespace that every cluster has from its first minute on, and that nobody can delete.
/// Source: Kubernetes, `NamespaceLifecycle` admission; its uid stands for the cluster in OpenTelemetry (`k8s.cluster.uid`)
/// and in the ClusterProperty API of SIG Multicluster. A restore from a backup keeps it.
const NAMESPACE: &str = "kube-system";

/// Which API server it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// The one whose `kube-system` namespace has this uid.
    Of(String),
    /// It does not let us see.
    Hidden,
}

impl ClusterClient {
    /// Asks which API server it is.
    ///
    /// # Errors
    /// Unreachable, Timeout, Throttled, Server: transient. Unauthorized: permanent.
    pub async fn identity(&self) -> Result<Identity, ClusterError> {
        let api_version = model::ApiVersion { group: String::new(), version: "v1".to_owned() };
        let gvk = Gvk { api_version, kind: "Namespace".to_owned() };
        let id = ObjectId {
            group: String::new(),
            kind: gvk.kind.clone(),
            namespace: None,
            name: NAMESPACE.to_owned(),
        };
        let plural = "namespaces".to_owned();
        let resource = Resource { gvk, plural, scope: Scope::Cluster, verbs: vec![] };
        match self.get(&resource, &id).await {
            Ok(Some(live)) => Ok(Identity::Of(live.uid)),
            Ok(None)
            | Err(
                ClusterError::Forbidden { .. } | ClusterError::NotFound { missing: Missing::Resource, .. },
            ) => Ok(Identity::Hidden),
            Err(error) => Err(error),
        }
    }
}

/// Goes on only with the API server that a name stood for before; one that hides who it is counts as that.
///
/// # Errors
/// Changed: permanent, until the kubeconfig or the name changes.
pub fn same_as(recorded: Option<&str>, found: &Identity) -> Result<(), ClusterError> {
    match (recorded, found) {
        (Some(recorded), Identity::Of(found)) if recorded != found => {
            Err(ClusterError::Changed { recorded: recorded.to_owned(), found: found.clone() })
        }
        (_, Identity::Of(_) | Identity::Hidden) => Ok(()),
    }
}
