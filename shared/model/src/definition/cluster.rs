//! `Cluster`: an API server and how to reach it.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{ClusterName, definition::Reach};

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
    /// Where the platform keeps its Lease on the cluster, which tells other installs whose it is. They have to
    /// look in the same place.
    #[serde(default = "own_namespace")]
    pub namespace: String,
    /// What of it is seen and changed.
    #[serde(default)]
    pub reach: Reach,
}

/// Where a Lease is kept unless the cluster says otherwise.
pub const OWN_NAMESPACE: &str = "driftless";

fn own_namespace() -> String {
    OWN_NAMESPACE.to_owned()
}

/// A kubeconfig, wherever it is kept, and the context in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Kubeconfig {
    /// The file; `None`: `KUBECONFIG`, else `~/.kube/config`, else the pod's own service account.
    pub file: Option<PathBuf>,
    /// The context; `None`: the file's current one.
    pub context: Option<String>,
    /// The Secret that holds the kubeconfig, in place of a file.
    #[serde(default)]
    pub secret: Option<SecretKey>,
}

/// A key of a Secret in the cluster that driftless itself runs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretKey {
    /// Name of the Secret.
    pub name: String,
    /// Its namespace; `None`: that of the pod.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The key of the value.
    #[serde(default = "kubeconfig_key")]
    pub key: String,
}

/// The key of a kubeconfig in a Secret unless something else is said.
pub const KUBECONFIG_KEY: &str = "kubeconfig";

fn kubeconfig_key() -> String {
    KUBECONFIG_KEY.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_that_was_written_before_leases_keeps_its_own_where_all_do() {
        let old = r#"{"name":"eu-1","labels":{},"kubeconfig":{"file":null,"context":null}}"#;
        let read: Cluster = serde_json::from_str(old).unwrap();
        assert_eq!((read.namespace.as_str(), read.reach), (OWN_NAMESPACE, Reach::Whole));
        let own = r#"{"name":"eu-1","kubeconfig":{"file":null,"context":null},"namespace":"gitops"}"#;
        assert_eq!(serde_json::from_str::<Cluster>(own).unwrap().namespace, "gitops");
    }
}
