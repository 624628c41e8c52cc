//! Where the log is.

use std::{path::PathBuf, sync::Arc, time::Duration};

use crate::{Log, OpenError, embedded, log::RETIRED_TTL};

/// Where the log is.
#[derive(Debug, Clone)]
pub enum LogConfig {
    /// In a folder, for one process.
    Embedded(EmbeddedConfig),
}

/// A log inside this process.
#[derive(Debug, Clone)]
pub struct EmbeddedConfig {
    /// The state folder; created (0700) if it is not there.
    pub folder: PathBuf,
    /// How long the last event of a retired aggregate is kept.
    pub retired_ttl: Duration,
}

impl LogConfig {
    /// A log in that folder, with defaults.
    pub fn embedded(folder: impl Into<PathBuf>) -> Self {
        Self::Embedded(EmbeddedConfig { folder: folder.into(), retired_ttl: RETIRED_TTL })
    }
}

/// Opens the log, and creates it if there is none.
///
/// # Errors
/// See [`OpenError`]; its class says whether trying again helps.
pub async fn open(config: LogConfig) -> Result<Arc<dyn Log>, OpenError> {
    match config {
        LogConfig::Embedded(config) => Ok(Arc::new(embedded::EmbeddedLog::open(config).await?)),
    }
}
