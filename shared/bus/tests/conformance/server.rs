//! A real nats-server, for one test.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Mutex,
    time::Duration,
};

use crate::samples::within;

pub struct Server {
    folder: tempfile::TempDir,
    pub port: u16,
    monitoring: u16,
    settings: Settings,
    disk: Option<Disk>,
    child: Mutex<Option<Child>>,
}

#[derive(Clone)]
pub struct Settings {
    /// The value of `sync_interval`.
    pub sync: &'static str,
    /// Bytes that all streams may hold together.
    pub store_bytes: u64,
    /// What else its configuration says.
    pub more: String,
    /// Bytes of a disk that holds only the store; `None`: the disk of the machine.
    pub disk_bytes: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { sync: "always", store_bytes: 8 << 30, more: String::new(), disk_bytes: None }
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The server under test: built by tests/run, never another one.
fn binary() -> PathBuf {
    let folder = std::env::var_os("DRIFTLESS_TOOLS_BIN").map(PathBuf::from).unwrap_or_else(|| {
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache");
        cache.unwrap_or_else(home).join("driftless/bin")
    });
    let binary = folder.join("nats-server");
    assert!(binary.is_file(), "{} is missing: run tests/run, which builds it", binary.display());
    binary
}

impl Server {
    pub async fn start(settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store");
        let disk = settings.disk_bytes.map(|bytes| Disk::mount(&store, bytes));
        let child = Mutex::new(None);
        let server = Self { folder, port: free_port(), monitoring: free_port(), settings, disk, child };
        server.run().await;
        server
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub fn monitoring(&self) -> String {
        format!("http://127.0.0.1:{}", self.monitoring)
    }

    pub fn store(&self) -> PathBuf {
        let store = self.folder.path().join("store");
        self.disk.as_ref().map_or(store.clone(), |disk| disk.seen_from_outside(&store))
    }

    pub async fn run(&self) {
        let config = self.folder.path().join("nats.conf");
        let text = format!(
            "host: 127.0.0.1\nport: {}\nhttp: \"127.0.0.1:{}\"\n\
             jetstream {{ store_dir: {:?}, sync_interval: {}, max_file_store: {} }}\n{}\n",
            self.port,
            self.monitoring,
            self.folder.path().join("store"),
            self.settings.sync,
            self.settings.store_bytes,
            self.settings.more,
        );
        std::fs::write(&config, text).unwrap();
        let log = std::fs::File::create(self.folder.path().join("log")).unwrap();
        let mut command =
            self.disk.as_ref().map_or_else(|| Command::new(binary()), |disk| disk.on(&binary()));
        command.arg("-c").arg(&config).stdout(Stdio::null()).stderr(log);
        *self.child.lock().unwrap() = Some(command.spawn().unwrap());
        within(async {
            let mut looks = tokio::time::interval(Duration::from_millis(10));
            while tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
                looks.tick().await;
            }
        })
        .await;
    }

    /// kill -9
    pub fn kill(&self) {
        if let Some(mut child) = self.child.lock().unwrap().take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

/// A small disk of its own, in a mount namespace that lasts as long as a process does that only holds it.
struct Disk {
    holder: Child,
}

impl Disk {
    fn mount(at: &Path, bytes: u64) -> Self {
        std::fs::create_dir(at).unwrap();
        let script = "mount -t tmpfs -o size=$1 tmpfs \"$0\" && echo mounted && exec cat";
        let mut holder = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
            .arg(at)
            .arg(bytes.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(holder.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "mounted\n", "no namespace for a disk");
        Self { holder }
    }

    fn on(&self, binary: &Path) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--user", "--mount", "--target"]).arg(self.holder.id().to_string()).arg(binary);
        command
    }

    fn seen_from_outside(&self, path: &Path) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(path.strip_prefix("/").unwrap())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.holder.kill().unwrap();
        self.holder.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
