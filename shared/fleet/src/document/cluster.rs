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
    /// Where the platform keeps its Lease on the cluster, which tells other installs whose it is.
    #[serde(default = "own_namespace")]
    pub namespace: String,
}

fn own_namespace() -> String {
    model::definition::OWN_NAMESPACE.to_owned()
}

/// A kubeconfig file and the context in it. It holds credentials and stays out of the repository.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Kubeconfig {
    /// The file, on the machines of differ and applier; relative to their working directory. None: `KUBECONFIG`, else
    /// `~/.kube/config`, else the pod's own service account.
    pub file: Option<PathBuf>,
    /// The context; none: the file's current one.
    pub context: Option<String>,
}
