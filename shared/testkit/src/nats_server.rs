//! A NATS server with the settings that are shipped, which a test may kill and rob of its memory.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use crate::{Process, eventually, tool};

/// Longer than a server takes to read what a test has left it.
const STARTS_WITHIN: Duration = Duration::from_secs(20);

/// A server that ends with the test.
#[derive(Debug)]
pub struct NatsServer {
    folder: PathBuf,
    port: u16,
    process: Option<Process>,
}

/// A port of the loopback address that nobody listens on, below those that the system hands out by itself: whoever
/// listens on it may end and begin again.
///
/// # Panics
/// If there is none.
pub fn free_port() -> u16 {
    // Tests of one process ask at the same time, and a port that was found is free until its server is there.
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id();
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let next = || ASKED.fetch_add(1, Ordering::Relaxed);
    let found = (0..7000).map(|_| 11_000 + (start.wrapping_add(next()) % 7000) as u16).find(free);
    found.unwrap_or_else(|| panic!("every port is taken"))
}

impl NatsServer {
    /// Starts one that keeps everything in a folder.
    pub async fn start(folder: &Path) -> Self {
        let mut server = Self { folder: folder.to_owned(), port: free_port(), process: None };
        server.run().await;
        server
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Starts it, on the same port and data as before.
    pub async fn run(&mut self) {
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/nats/nats-server.conf");
        let mut command = Command::new(tool("nats-server"));
        command.arg("--config").arg(config).arg("--store_dir").arg(self.folder.join("nats"));
        command.args(["--port", &self.port.to_string(), "--http_port", "-1"]);
        self.process = Some(Process::start(&mut command, &self.folder.join("nats.out")));
        let address = ("127.0.0.1", self.port);
        let answers = async || tokio::net::TcpStream::connect(address).await.ok();
        eventually(STARTS_WITHIN, "nats-server", answers).await;
    }

    /// kill -9
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Kills it and destroys its data.
    ///
    /// # Panics
    /// If it had none.
    pub fn wipe(&mut self) {
        self.kill();
        let gone = fs::remove_dir_all(self.folder.join("nats"));
        assert!(gone.is_ok(), "the data of nats-server: {gone:?}");
    }
}
