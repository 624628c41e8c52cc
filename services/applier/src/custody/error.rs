//! Why there is no custody.

use cluster::{ClusterError, Missing};
use model::RetryClass;

/// Code of an older log.
pub(super) const OLDER_LOG: &str = "CUSTODY-OLDER-LOG";

/// Why there is no custody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CustodyError {
    /// Another run has the application, and is alive.
    #[error("{holder} is at work on this application (Lease {lease})")]
    Held {
        /// Namespace and name of the Lease.
        lease: String,
        /// Who.
        holder: String,
    },
    /// A platform has the application, and is alive.
    #[error("{holder} keeps this application in sync (Lease {lease})")]
    Platform {
        /// Namespace and name of the Lease.
        lease: String,
        /// Who.
        holder: String,
    },
    /// The cluster is that of another install, alive or not.
    #[error("the cluster is held by the install {install} (Lease {lease}), which is not this one")]
    OtherInstall {
        /// Namespace and name of the Lease.
        lease: String,
        /// Id of its key.
        install: String,
    },
    /// Another platform has the cluster and is alive: it has our key, and a log of its own.
    #[error("{holder}, which has the same key and another log, is at work on this cluster (Lease {lease})")]
    OtherLog {
        /// Namespace and name of the Lease.
        lease: String,
        /// Who.
        holder: String,
    },
    /// The log does not know what was done last on the cluster: it is an older copy.
    #[error("the log is older than the cluster: {unknown} is not in it (Lease {lease})")]
    OlderLog {
        /// Namespace and name of the Lease.
        lease: String,
        /// What it does not know, as the Lease tells it.
        unknown: String,
    },
    /// A backup of the log, or of one that it was restored from, was restored elsewhere, and that copy has the cluster.
    #[error("a copy of this log was restored, and has the cluster (Lease {lease})")]
    OtherCopy {
        /// Namespace and name of the Lease.
        lease: String,
    },
    /// It was held, and could not be renewed in time or was taken by somebody else.
    #[error("the Lease {lease} was lost, so nothing more is written")]
    Lost {
        /// Namespace and name of the Lease.
        lease: String,
    },
    /// Leases may not be written there.
    #[error("the Lease {lease} may not be held: {message}")]
    Forbidden {
        /// Namespace and name of the Lease.
        lease: String,
        /// The server's words.
        message: String,
    },
    /// The cluster did not do it.
    #[error("{0}")]
    Cluster(ClusterError),
}

impl CustodyError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Held { .. } => "CUSTODY-HELD",
            Self::Platform { .. } => "CUSTODY-PLATFORM",
            Self::OtherInstall { .. } => "CUSTODY-OTHER-INSTALL",
            Self::OtherLog { .. } => "CUSTODY-OTHER-LOG",
            Self::OlderLog { .. } => OLDER_LOG,
            Self::OtherCopy { .. } => "CUSTODY-OTHER-COPY",
            Self::Lost { .. } => "CUSTODY-LOST",
            Self::Forbidden { .. } => "CUSTODY-FORBIDDEN",
            Self::Cluster(error) => error.code(),
        }
    }

    /// What a person can do.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Held { .. } => {
                "wait until that run has ended, then run the command again; one that was killed counts for a minute"
            }
            Self::Platform { .. } => {
                "change it in Git and let the platform do it, or take the application out of its definitions first"
            }
            Self::OtherInstall { .. } => {
                "take the cluster out of the definitions of one of the two; if the other one is gone for good, delete the Lease with kubectl"
            }
            Self::OtherLog { .. } => "stop one of the two, or give it a key and clusters of its own",
            Self::OlderLog { .. } => {
                "start with the newest copy of the log; to go on with this one, delete the Lease with kubectl"
            }
            Self::OtherCopy { .. } => {
                "leave the cluster to that copy, and stop this one; to go on with this one, stop that copy, then delete the Lease with kubectl"
            }
            Self::Lost { .. } => "check the connection to the API server, then run the command again",
            Self::Forbidden { .. } => {
                "create that namespace if it is not there, and grant get, create, update and delete on leases.coordination.k8s.io in it"
            }
            Self::Cluster(error) => error.remedy(),
        }
    }

    /// What trying again would achieve.
    pub fn class(&self) -> RetryClass {
        match self {
            Self::Held { .. } | Self::Platform { .. } | Self::OtherLog { .. } | Self::Lost { .. } => {
                RetryClass::Transient
            }
            Self::OtherInstall { .. }
            | Self::OlderLog { .. }
            | Self::OtherCopy { .. }
            | Self::Forbidden { .. } => RetryClass::Permanent,
            Self::Cluster(error) => error.class(),
        }
    }

    /// Whether it failed only because the namespace is not there yet.
    pub(crate) fn lacks_namespace(&self) -> bool {
        matches!(
            self,
            Self::Cluster(ClusterError::NotFound { missing: Missing::Namespace | Missing::Object, .. })
        )
    }
}
