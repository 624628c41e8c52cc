//! `cluster/<name>`, written by the differ that owns the cluster.

use model::{Cluster, ClusterName, Failure, Timestamp};
use serde::{Deserialize, Serialize};

use super::State;

/// What is known of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterState {
    /// The last definition; kept for the release of a cluster that has left the set.
    pub definition: Cluster,
    /// Whether it answers.
    pub reachability: Reachability,
    /// When it was last found to be older than what was recorded of it; `None`: never. From then on no resource
    /// version tells which of two states of an object is the later one: only contents count.
    #[serde(default)]
    pub restored: Option<Timestamp>,
    /// Which API server the name stands for.
    #[serde(default)]
    pub identity: ClusterIdentity,
}

/// Which API server a name stands for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClusterIdentity {
    /// Nobody knows: it was never asked, or does not tell.
    #[default]
    Unknown,
    /// The one whose `kube-system` namespace has this uid.
    Uid(String),
    /// None: the one that answers is that of this other cluster.
    Twin(ClusterName),
}

impl State for ClusterState {
    const FORMAT: u16 = 1;
}

/// Whether a cluster answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reachability {
    /// It answers.
    Connected {
        /// The server's version, such as `v1.36.3`.
        version: String,
    },
    /// It does not answer, or refuses us.
    Unreachable {
        /// Since when.
        since: Timestamp,
        /// Why.
        failure: Failure,
    },
}
