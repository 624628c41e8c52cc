//! Real Kubernetes control planes, started and ended by the scripts in tests/.
//!
//! A cluster is known by its name. It stays up when the test ends, so that the next test binary finds it;
//! tests/run takes all of them down. Tests that share one keep to a namespace of their own ([`unique`]); a
//! test that stops or restarts parts takes a cluster of its [`own`].

use std::{
    fs,
    ops::Deref,
    path::{Path, PathBuf},
    process::{self, Command},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use model::definition::Kubeconfig;

/// A running control plane.
#[derive(Debug, Clone)]
pub struct TestCluster {
    name: String,
    kubeconfig: PathBuf,
}

/// A control plane that ends with the test, also when it fails.
#[derive(Debug)]
pub struct OwnCluster(TestCluster);

/// A process of the control plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The store below the API server.
    Etcd,
    /// The API server.
    ApiServer,
}

/// What a test does to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGKILL; [`OwnCluster::restart`] starts it again on the same port and data.
    Kill,
    /// SIGSTOP: it keeps its connections and answers nothing.
    Stop,
    /// SIGCONT.
    Continue,
}

/// Starts the cluster `name` (a-z, 0-9, '-'), or finds it running: etcd and the API server.
///
/// # Panics
/// If it does not come up: the message holds the script's output.
pub fn real(name: &str) -> TestCluster {
    up(name, &[])
}

/// Like [`real`], with controllers, scheduler and one fake node, so that pods become Ready.
///
/// # Panics
/// If it does not come up: the message holds the script's output.
pub fn with_controllers(name: &str) -> TestCluster {
    up(name, &["--with-controllers"])
}

/// Starts a cluster (etcd and the API server) for one test alone. It costs 3 s and 270 MB.
///
/// # Panics
/// If it does not come up: the message holds the script's output.
pub fn own(prefix: &str) -> OwnCluster {
    OwnCluster(real(&unique(prefix)))
}

/// A name that no other test uses: `prefix`, then digits and letters. At most 40 bytes after the prefix.
pub fn unique(prefix: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    format!("{prefix}-{now:x}-{:x}-{count:x}", process::id())
}

fn up(name: &str, options: &[&str]) -> TestCluster {
    let output = script("cluster-up").args(["--name", name]).args(options).output();
    let output = output.unwrap_or_else(|error| panic!("tests/cluster-up does not start: {error}"));
    let text = String::from_utf8_lossy(&output.stdout);
    let path = text.lines().last().filter(|_| output.status.success());
    let path = path.unwrap_or_else(|| {
        panic!("tests/cluster-up failed (tests/run starts all): {}", String::from_utf8_lossy(&output.stderr))
    });
    TestCluster { name: name.to_owned(), kubeconfig: path.into() }
}

fn script(name: &str) -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests").join(name))
}

impl TestCluster {
    /// The kubeconfig file: a context for the administrator (the current one) and one for the viewer.
    pub fn kubeconfig_file(&self) -> &Path {
        &self.kubeconfig
    }

    /// As administrator: every right.
    pub fn admin(&self) -> Kubeconfig {
        Kubeconfig { file: Some(self.kubeconfig.clone()), context: Some(self.name.clone()), secret: None }
    }

    /// As a user who is known and has no rights.
    pub fn viewer(&self) -> Kubeconfig {
        Kubeconfig {
            file: Some(self.kubeconfig.clone()),
            context: Some(format!("{}-viewer", self.name)),
            secret: None,
        }
    }

    /// Signals a process of the control plane.
    ///
    /// # Panics
    /// If it is not running.
    pub fn signal(&self, part: Part, signal: Signal) {
        let part = match part {
            Part::Etcd => "etcd",
            Part::ApiServer => "kube-apiserver",
        };
        let option = match signal {
            Signal::Kill => "-KILL",
            Signal::Stop => "-STOP",
            Signal::Continue => "-CONT",
        };
        let pid = self.kubeconfig.with_file_name(format!("{part}.pid"));
        let pid = fs::read_to_string(&pid).unwrap_or_else(|error| panic!("{}: {error}", pid.display()));
        let done = Command::new("kill").args([option, pid.trim()]).status();
        assert!(done.is_ok_and(|status| status.success()), "kill {option} {part} failed");
        let asked = Instant::now();
        while matches!(signal, Signal::Stop) && !has_stopped(pid.trim()) {
            assert!(asked.elapsed() < STOPS_WITHIN, "{part} does not stop");
            std::thread::yield_now();
        }
    }
}

/// A thread stops when it is scheduled next, which takes milliseconds even on a loaded machine.
const STOPS_WITHIN: Duration = Duration::from_secs(10);

/// Whether no thread of a process runs any more: the signal returns before that, and a thread that still runs can
/// answer a whole request.
fn has_stopped(pid: &str) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    threads.filter_map(|thread| fs::read_to_string(thread.path().join("stat")).ok()).all(|stat| {
        // The name in parentheses may hold anything, the state is the word after it.
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
    })
}

impl OwnCluster {
    /// Starts the parts that were killed, on the same ports and data.
    ///
    /// # Panics
    /// If they do not come up.
    pub fn restart(&self) {
        real(&self.0.name);
    }

    /// Where the cluster keeps its state: `etcd/` is the data of the store.
    pub fn state(&self) -> &Path {
        self.kubeconfig.parent().unwrap_or(Path::new("."))
    }
}

impl Deref for OwnCluster {
    type Target = TestCluster;
    fn deref(&self) -> &TestCluster {
        &self.0
    }
}

impl Drop for OwnCluster {
    fn drop(&mut self) {
        // A second panic would hide the first: a cluster that stays is taken down by tests/run.
        let _ = script("cluster-down").args(["--name", &self.0.name]).status();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unique_names_differ_and_fit_a_namespace() {
        let names: std::collections::BTreeSet<String> = (0..100).map(|_| unique("t")).collect();
        assert_eq!(names.len(), 100);
        assert!(names.iter().all(|name| name.len() <= 63));
    }
}
