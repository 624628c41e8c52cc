//! `Cluster`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An API server and how to reach it. Applications select it by `metadata.labels`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ClusterSpec {
    /// Address and credentials; `{}`: those of the environment.
    pub kubeconfig: Kubeconfig,
    /// Where the platform keeps its Lease on the cluster, which tells other installs whose it is; one of `namespaces`, if
    /// there are any. None: the first of them, else `driftless`.
    pub namespace: Option<String>,
    /// The namespaces that are seen and changed, at most 64, for a user who may do nothing elsewhere. They are watched
    /// one by one and have to be there. What is desired elsewhere is refused; what lies elsewhere is left alone. None:
    /// the whole cluster.
    pub namespaces: Option<Vec<String>>,
    /// Whether objects that live in no namespace (ClusterRoles, CustomResourceDefinitions, Namespaces) are seen and
    /// changed too; of use only beside `namespaces`. None: only without them.
    pub cluster_resources: Option<bool>,
}

/// A kubeconfig in a file or a Secret, and the context in it. It holds credentials and stays out of the repository.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Kubeconfig {
    /// The file, on the machines of differ and applier; relative to their working directory. None: `KUBECONFIG`, else
    /// `~/.kube/config`, else the pod's own service account.
    pub file: Option<PathBuf>,
    /// A Secret that holds it, in the cluster in which differ and applier run; not beside `file`. Their service account
    /// has to be allowed to get it. It is read again every half minute, and when it is refused. It has to hold all that
    /// it needs: one that names files or an exec plugin is refused.
    pub secret: Option<SecretKey>,
    /// The context; none: the file's current one.
    pub context: Option<String>,
}

/// A key of a Secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SecretKey {
    /// Name of the Secret.
    pub name: String,
    /// Its namespace; none: that of the pod.
    pub namespace: Option<String>,
    /// The key that holds the kubeconfig.
    #[serde(default = "kubeconfig_key")]
    pub key: String,
}

fn kubeconfig_key() -> String {
    model::definition::KUBECONFIG_KEY.to_owned()
}
