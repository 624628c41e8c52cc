//! Charts that other charts are locked to, brought from their repositories by the official `helm`.
//!
//! This alone has the network, and no renderer uses it. What was brought once is kept: a locked version does not
//! change.

mod archive;
mod cache;
mod error;
mod index;
mod lock;
mod pull;

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use model::Digest;
use tempfile::TempDir;
use tokio::sync::{OnceCell, Semaphore};

pub use error::ChartError;
pub use lock::{Locked, locked};

use crate::{EngineError, Limits, process::Runner, scratch::Scratch};
use cache::Cache;

/// Largest packed chart, in bytes: the largest of the field are under 1 MB, and Helm keeps a release in 1 MB.
const ARCHIVE_BYTES_MAX: u64 = 16 << 20;

/// Pulls at once. Helm holds a whole index in memory, several hundred MB for the largest.
const PULLS_MAX: usize = 4;

/// Bounds of one request of helm's. Memory and output: the largest indexes are about 20 MB.
const LIMITS: Limits = Limits { time: Duration::from_secs(30), memory: 1 << 30, output: 64 << 20 };

/// How a repository is reached.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// For this repository alone.
    pub login: Option<Login>,
    /// Authorities (PEM) trusted besides those of the machine.
    pub ca_file: Option<PathBuf>,
    /// The proxy; `None`: the one of the environment.
    pub proxy: Option<String>,
}

/// A user name and a password; the `Debug` form shows neither.
#[derive(Clone)]
pub struct Login {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: String,
    /// Whose login it is: what was brought with it is kept for the same owner only.
    pub owner: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(…)")
    }
}

/// Brings charts, and keeps what it brought in a folder.
#[derive(Debug)]
pub struct Charts {
    cache: Cache,
    scratch: PathBuf,
    own: OnceCell<Scratch>,
    runner: Runner,
    tools: Option<PathBuf>,
    pulls: Semaphore,
}

impl Charts {
    /// Keeps charts in `folder` and temporary files in `scratch`; both are made when they are needed. `tools` is
    /// as for [`crate::Options`].
    pub fn new(folder: &Path, scratch: &Path, tools: Option<PathBuf>) -> Self {
        Self {
            cache: Cache::new(folder),
            scratch: scratch.to_owned(),
            own: OnceCell::new(),
            runner: Runner::open(LIMITS),
            tools,
            pulls: Semaphore::new(PULLS_MAX),
        }
    }

    /// A round of bringing: within it each repository is asked once for what it has.
    pub fn round(self: &Arc<Self>) -> Round {
        Round { charts: Arc::clone(self), folder: None, repositories: BTreeMap::new() }
    }

    async fn folder(&self) -> Result<TempDir, EngineError> {
        let own = self.own.get_or_try_init(async || Scratch::create(&self.scratch)).await?;
        own.folder().map_err(|source| EngineError::Scratch { act: "make a folder for", source })
    }
}

/// A round of bringing charts. It has a folder of its own, which goes with it.
#[derive(Debug)]
pub struct Round {
    charts: Arc<Charts>,
    folder: Option<TempDir>,
    /// The name that each repository has in this round, once its index is there.
    repositories: BTreeMap<String, String>,
}

impl Round {
    /// The packed chart that a dependency is locked to: a kept one, or one from its repository. It blocks for
    /// files: call it from a thread that may.
    ///
    /// # Errors
    /// Transient: `CHART-FETCH`, `ENGINE-START`, `ENGINE-SCRATCH`. Permanent, until the repository changes:
    /// `CHART-VERSION`, `CHART-ARCHIVE`; until the machine does: `ENGINE-MISSING`.
    pub async fn bring(&mut self, locked: &Locked, access: &Access) -> Result<Vec<u8>, ChartError> {
        let owner = access.login.as_ref().map(|login| login.owner.as_str()).unwrap_or_default();
        let parts = [owner, &locked.repository, &locked.name, &locked.version];
        let key = Digest::of_parts("chart", parts.map(str::as_bytes));
        let charts = Arc::clone(&self.charts);
        // What lay on a disk is looked at as what came from the network is.
        let kept = charts.cache.get(&key).filter(|bytes| archive::check(bytes, locked).is_ok());
        if let Some(bytes) = kept {
            return Ok(bytes);
        }
        let turn = charts.pulls.acquire().await;
        let bytes = self.pull(locked, access).await?;
        drop(turn);
        archive::check(&bytes, locked)
            .map_err(|reason| ChartError::Archive { chart: locked.shown(), reason })?;
        charts.cache.put(&key, &bytes);
        Ok(bytes)
    }
}
