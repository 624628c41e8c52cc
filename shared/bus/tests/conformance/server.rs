//! A real nats-server, for one test.

use std::{
    net::TcpListener,
    path::PathBuf,
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
}

impl Default for Settings {
    fn default() -> Self {
        Self { sync: "always", store_bytes: 8 << 30, more: String::new() }
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
        let child = Mutex::new(None);
        let server = Self { folder, port: free_port(), monitoring: free_port(), settings, child };
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
        self.folder.path().join("store")
    }

    pub async fn run(&self) {
        let config = self.folder.path().join("nats.conf");
        let text = format!(
            "host: 127.0.0.1\nport: {}\nhttp: \"127.0.0.1:{}\"\n\
             jetstream {{ store_dir: {:?}, sync_interval: {}, max_file_store: {} }}\n{}\n",
            self.port,
            self.monitoring,
            self.store(),
            self.settings.sync,
            self.settings.store_bytes,
            self.settings.more,
        );
        std::fs::write(&config, text).unwrap();
        let log = std::fs::File::create(self.folder.path().join("log")).unwrap();
        let mut command = Command::new(binary());
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

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
