//! One run of a foreign program: isolated, and bounded in time, memory and output.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process_group, prlimit};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::{Child, Command},
};

use crate::{EngineError, Limits};

/// Longest error text kept, in bytes; what follows is read and dropped.
const ERROR_BYTES_MAX: u64 = 32 * 1024;

/// Open files of a run: charts of the field have hundreds of templates, read one by one.
const FILES_MAX: u64 = 1024;

/// How runs are kept off the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// A network namespace of their own, without any interface.
    Namespace,
    /// Proxy settings that lead nowhere and an empty search path; the kernel or its settings allow no more.
    Environment,
}

/// What to run.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    /// Its name, for errors.
    pub name: &'static str,
    pub program: &'a Path,
    pub arguments: Vec<OsString>,
    /// The working folder; beside it lies `home`, the only place the program may think is the user's.
    pub folder: &'a Path,
    pub home: &'a Path,
    /// Settings besides the usual ones, or in their place.
    pub environment: &'a [(&'static str, OsString)],
}

/// How it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub success: bool,
    pub output: Vec<u8>,
    pub errors: Vec<u8>,
}

/// The ways to keep a program off the network, best first.
const NAMESPACES: [&[&str]; 2] = [&["--net", "--"], &["--user", "--map-current-user", "--net", "--"]];

/// Runs programs under the best isolation that this machine allows.
#[derive(Debug, Clone)]
pub(crate) struct Runner {
    limits: Limits,
    /// `unshare` with the arguments that worked here.
    wrapper: Option<(PathBuf, &'static [&'static str])>,
}

impl Runner {
    /// Tries out, once, what the kernel allows.
    pub async fn probe(limits: Limits, unshare: Option<PathBuf>) -> Self {
        if let Some(unshare) = unshare {
            for arguments in NAMESPACES {
                let mut command = Command::new(&unshare);
                command.args(arguments).arg("true").stdout(Stdio::null()).stderr(Stdio::null());
                if command.status().await.is_ok_and(|status| status.success()) {
                    return Self { limits, wrapper: Some((unshare, arguments)) };
                }
            }
        }
        tracing::warn!("renders run without a network namespace: unshare is missing or not allowed");
        Self { limits, wrapper: None }
    }

    /// Programs that fetch: as isolated from the machine, and with its network.
    pub fn open(limits: Limits) -> Self {
        Self { limits, wrapper: None }
    }

    pub fn isolation(&self) -> Isolation {
        if self.wrapper.is_some() { Isolation::Namespace } else { Isolation::Environment }
    }

    /// Runs to the end, or kills it and everything it started.
    ///
    /// # Errors
    /// Transient: `ENGINE-START`, `RENDER-TIMEOUT`. Permanent: `RENDER-TOO-LARGE`.
    pub async fn run(&self, run: Run<'_>) -> Result<Ended, EngineError> {
        let name = run.name;
        let started = self.command(&run).spawn();
        let child = started.map_err(|source| EngineError::Start { program: name, source })?;
        let mut group = Group(child);
        self.limit(&group);
        match tokio::time::timeout(self.limits.time, self.finish(&mut group, name)).await {
            Ok(ended) => ended,
            Err(_) => Err(EngineError::Timeout { program: name, seconds: self.limits.time.as_secs() }),
        }
    }

    fn command(&self, run: &Run<'_>) -> Command {
        let mut command = match &self.wrapper {
            Some((unshare, arguments)) => {
                let mut command = Command::new(unshare);
                command.args(*arguments).arg(run.program);
                command
            }
            None => Command::new(run.program),
        };
        command.args(&run.arguments).current_dir(run.folder).env_clear();
        command.env("HOME", run.home).env("TMPDIR", run.home).env("PATH", run.home.join("no-programs"));
        for name in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "HELM_PLUGINS"] {
            command.env(name, run.home.join(name));
        }
        command.env("KUBECONFIG", run.home.join("no-kubeconfig"));
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
            // The port of the discard service, on which nothing listens.
            command.env(name, "http://127.0.0.1:9");
        }
        // Go collects harder as it nears this, well before the kernel refuses memory.
        command.env("GOMEMLIMIT", (self.limits.memory / 4 * 3).to_string());
        command.env("LC_ALL", "C").env("TZ", "UTC");
        command.envs(run.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        command
    }

    /// Set from outside, just after the start: it needs no shell and no code between fork and exec. The data
    /// limit counts what is really writable; an address-space limit would count Go's reservations.
    fn limit(&self, group: &Group) {
        let Some(pid) = group.pid() else { return };
        for (resource, value) in [
            (Resource::Data, self.limits.memory),
            (Resource::Fsize, self.limits.output),
            (Resource::Nofile, FILES_MAX),
            (Resource::Core, 0),
        ] {
            let limit = Rlimit { current: Some(value), maximum: Some(value) };
            if let Err(error) = prlimit(Some(pid), resource, limit) {
                // It may have ended already; the other bounds stand in any case.
                tracing::debug!(%error, ?resource, "could not limit a run");
            }
        }
    }

    async fn finish(&self, group: &mut Group, program: &'static str) -> Result<Ended, EngineError> {
        let (stdout, stderr) = (group.0.stdout.take(), group.0.stderr.take());
        let failed = |source| EngineError::Start { program, source };
        let too_large = || EngineError::Output { program, bytes: self.limits.output };
        let out = async {
            let bytes = read(stdout, self.limits.output.saturating_add(1)).await.map_err(failed)?;
            if bytes.len() as u64 > self.limits.output { Err(too_large()) } else { Ok(bytes) }
        };
        let errors = async {
            let mut stderr = stderr;
            let kept = read(stderr.as_mut(), ERROR_BYTES_MAX).await.map_err(failed)?;
            if let Some(stderr) = &mut stderr {
                tokio::io::copy(stderr, &mut tokio::io::sink()).await.map_err(failed)?;
            }
            Ok(kept)
        };
        let (output, errors) = tokio::try_join!(out, errors)?;
        let status = group.0.wait().await.map_err(failed)?;
        Ok(Ended { success: status.success(), output, errors })
    }
}

async fn read(pipe: Option<impl AsyncRead + Unpin>, bytes_max: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(bytes_max).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

/// A running program with all that it started; dropped, all of it is killed.
struct Group(Child);

impl Group {
    fn pid(&self) -> Option<Pid> {
        // `None` once it was waited for: its number may belong to another by then.
        Pid::from_raw(i32::try_from(self.0.id()?).ok()?)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.pid() {
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

/// Default bounds of a run.
impl Default for Limits {
    fn default() -> Self {
        Self { time: Duration::from_secs(60), memory: 1 << 30, output: 64 << 20 }
    }
}
