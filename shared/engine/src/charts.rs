//! Charts that other charts are locked to, brought from their repositories by the official `helm`.
//!
//! This alone has the network, and no renderer uses it. What was brought once is kept: a locked version does not
//! change.

mod archive;
mod cache;
mod egress;
mod error;
mod gate;
mod index;
mod lock;
mod pull;
mod turns;

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use model::Digest;
use tempfile::TempDir;
use tokio::{
    sync::OnceCell,
    time::{Instant, timeout_at},
};

pub use egress::Egress;
pub use error::ChartError;
pub use lock::{Locked, locked};

use crate::{EngineError, Limits, process::Runner, scratch::Scratch};
use cache::Cache;
use gate::Gate;
use turns::Turns;

/// Largest packed chart, in bytes: the largest of the field are under 1 MB, and Helm keeps a release in 1 MB.
const ARCHIVE_BYTES_MAX: u64 = 16 << 20;

/// Bounds of one request of helm's. Memory and output: the largest indexes are about 20 MB.
const LIMITS: Limits = Limits { time: Duration::from_secs(30), memory: 1 << 30, output: 64 << 20 };

/// How long a round may wait for repositories, in seconds: what it brought until then is kept, and the next one goes on.
const ROUND_SECONDS: u64 = 60;

/// How a repository is reached.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// For this repository alone.
    pub login: Option<Login>,
    /// Authorities (PEM) trusted besides those of the machine.
    pub ca_file: Option<PathBuf>,
    /// The proxy; `None`: the one of the environment. It decides itself where it connects to.
    pub proxy: Option<String>,
    /// Where charts may come from.
    pub egress: Egress,
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
    turns: Turns,
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
            turns: Turns::new(),
        }
    }

    /// A round of bringing: within it each repository is asked once for what it has.
    pub fn round(self: &Arc<Self>) -> Round {
        Round {
            charts: Arc::clone(self),
            folder: None,
            repositories: BTreeMap::new(),
            gate: None,
            until: None,
        }
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
    /// What helm goes through, where that is bounded.
    gate: Option<Gate>,
    /// When it has waited long enough; `None`: it has not begun.
    until: Option<Instant>,
}

impl Round {
    /// The packed chart that a dependency is locked to: a kept one, or one from its repository. It blocks for
    /// files: call it from a thread that may.
    ///
    /// # Errors
    /// Transient: `CHART-FETCH`, `ENGINE-START`, `ENGINE-SCRATCH`. Permanent, until the repository changes:
    /// `CHART-VERSION`, `CHART-ARCHIVE`; until the machine or its settings do: `ENGINE-MISSING`, `CHART-HOST`.
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
        let bytes = self.in_turn(locked, access).await?;
        archive::check(&bytes, locked)
            .map_err(|reason| ChartError::Archive { chart: locked.shown(), reason })?;
        charts.cache.put(&key, &bytes);
        Ok(bytes)
    }

    /// Pulls when it is this one's turn, within the time of the round.
    async fn in_turn(&mut self, locked: &Locked, access: &Access) -> Result<Vec<u8>, ChartError> {
        let until = *self.until.get_or_insert_with(|| Instant::now() + Duration::from_secs(ROUND_SECONDS));
        let failed = |reason: String| ChartError::Fetch { chart: locked.shown(), reason };
        let charts = Arc::clone(&self.charts);
        let pulled = timeout_at(until, async {
            match charts.turns.at(locked.authority()).await {
                Some(_turn) => self.pull(locked, access).await,
                None => {
                    Err(failed("its host did not answer a few minutes ago, and is left alone".to_owned()))
                }
            }
        });
        pulled.await.unwrap_or_else(|_| {
            let reason = format!("charts are waited for {ROUND_SECONDS} s at a time; the next look goes on");
            Err(failed(reason))
        })
    }
}
