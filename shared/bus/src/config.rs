//! Where the log is.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use crate::{Log, OpenError, embedded, log::RETIRED_TTL, nats};

/// Where the log is.
#[derive(Debug, Clone)]
pub enum LogConfig {
    /// In a folder, for one process.
    Embedded(EmbeddedConfig),
    /// On NATS JetStream, for many.
    Nats(NatsConfig),
}

/// A log inside this process.
#[derive(Debug, Clone)]
pub struct EmbeddedConfig {
    /// The state folder; created (0700) if it is not there.
    pub folder: PathBuf,
    /// How long the last event of a retired aggregate is kept.
    pub retired_ttl: Duration,
}

/// A log on NATS.
#[derive(Debug, Clone)]
pub struct NatsConfig {
    /// `nats://` or `tls://` address of one or, with commas, several servers; without credentials.
    pub url: String,
    /// Who we are.
    pub credentials: Credentials,
    /// `http://` address of the monitoring endpoint; the only place where `sync_interval` can be seen.
    pub monitoring: Option<String>,
    /// Servers of a cluster that keep each stream, 1 to 5; `None`: as it is, and one for a new log.
    pub replicas: Option<usize>,
    /// File (PEM) of the authorities that vouch for the server; then the connection is TLS. `None`: the system's.
    pub authority: Option<PathBuf>,
    /// How long the last event of a retired aggregate is kept; whole seconds, at least 1.
    pub retired_ttl: Duration,
}

/// Who we are to NATS.
#[derive(Clone, Default)]
pub enum Credentials {
    /// Nobody in particular.
    #[default]
    None,
    /// A user with a password.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// A credentials file (JWT and nkey).
    File(PathBuf),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Password { user, .. } => write!(f, "Password({user})"),
            Self::File(path) => write!(f, "File({})", path.display()),
        }
    }
}

impl LogConfig {
    /// A log in that folder, with defaults.
    pub fn embedded(folder: impl Into<PathBuf>) -> Self {
        Self::Embedded(EmbeddedConfig { folder: folder.into(), retired_ttl: RETIRED_TTL })
    }

    /// A log on one NATS server without credentials, with defaults.
    pub fn nats(url: impl Into<String>) -> Self {
        Self::Nats(NatsConfig {
            url: url.into(),
            credentials: Credentials::None,
            monitoring: None,
            replicas: None,
            authority: None,
            retired_ttl: RETIRED_TTL,
        })
    }
}

/// Opens the log, and creates it if there is none.
///
/// # Errors
/// See [`OpenError`]; its class says whether trying again helps.
pub async fn open(config: LogConfig) -> Result<Arc<dyn Log>, OpenError> {
    match config {
        LogConfig::Embedded(config) => Ok(Arc::new(embedded::EmbeddedLog::open(config).await?)),
        LogConfig::Nats(config) => Ok(Arc::new(nats::NatsLog::open(config).await?)),
    }
}
