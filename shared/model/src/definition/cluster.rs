//! `Cluster`: an API server and how to reach it.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::ClusterName;

/// An API server and how to reach it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cluster {
    /// Its name.
    pub name: ClusterName,
    /// Labels that applications select by.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Address and credentials.
    pub kubeconfig: Kubeconfig,
}

/// A kubeconfig file and the context in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Kubeconfig {
    /// The file; `None`: `KUBECONFIG`, else `~/.kube/config`, else the pod's own service account.
    pub file: Option<PathBuf>,
    /// The context; `None`: the file's current one.
    pub context: Option<String>,
}
