//! Why a chart that another one depends on is not there.

use model::RetryClass;

use crate::EngineError;

/// Says why a chart was not brought. No variant holds a secret value or an address with user info.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChartError {
    /// Nothing says which versions are meant.
    #[error("the dependencies of the chart in {chart:?} are not locked: {reason}")]
    Lock {
        /// The chart's folder.
        chart: String,
        /// What is wrong with its lock.
        reason: &'static str,
    },
    /// A dependency that cannot be brought as it is written.
    #[error("the chart in {chart:?} depends on {dependency:?}, which cannot be fetched: {reason}")]
    Address {
        /// The chart's folder.
        chart: String,
        /// The dependency, bounded in length.
        dependency: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// It would come from where nothing may come from.
    #[error("{chart} is not fetched: {host} is at an internal address")]
    Host {
        /// Name, version and repository.
        chart: String,
        /// The host: that of the repository, or one that it sends to.
        host: String,
    },
    /// The repository did not give it.
    #[error("{chart} was not fetched: {reason}")]
    Fetch {
        /// Name, version and repository.
        chart: String,
        /// Helm's words, bounded.
        reason: String,
    },
    /// The repository has no such version.
    #[error("there is no {chart}")]
    Version {
        /// Name, version and repository.
        chart: String,
    },
    /// What the repository gave is not what was meant.
    #[error("{chart} cannot be used: {reason}")]
    Archive {
        /// Name, version and repository.
        chart: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Helm cannot be run.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl ChartError {
    /// The stable code, such as `CHART-LOCK`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Lock { .. } => "CHART-LOCK",
            Self::Address { .. } => "CHART-ADDRESS",
            Self::Host { .. } => "CHART-HOST",
            Self::Fetch { .. } => "CHART-FETCH",
            Self::Version { .. } => "CHART-VERSION",
            Self::Archive { .. } => "CHART-ARCHIVE",
            Self::Engine(error) => error.code(),
        }
    }

    /// What a person can do; empty if nothing can be said.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Lock { .. } => "run `helm dependency update` and commit Chart.lock, or the charts/ folder",
            Self::Address { .. } => {
                "write the repository as https://… or oci://…, or commit the charts/ folder"
            }
            Self::Host { .. } => {
                "if the host is one of yours, name it with --chart-host of the fetcher; else commit the charts/ folder"
            }
            Self::Fetch { .. } => {
                "check the repository's address, the network and the proxy; a private one is read with user \
                 name and password of the source, and only on the same host: else commit the charts/ folder"
            }
            Self::Version { .. } => "run `helm dependency update` and commit Chart.lock",
            Self::Archive { .. } => "have the repository mended, or lock another version",
            Self::Engine(error) => error.remedy(),
        }
    }

    /// What trying again would achieve.
    pub fn class(&self) -> RetryClass {
        match self {
            Self::Fetch { .. } => RetryClass::Transient,
            Self::Lock { .. }
            | Self::Address { .. }
            | Self::Host { .. }
            | Self::Version { .. }
            | Self::Archive { .. } => RetryClass::Permanent,
            Self::Engine(error) => error.class(),
        }
    }
}
