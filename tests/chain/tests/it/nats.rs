//! A NATS server that ends with the test.

use std::{
    fs,
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use bus::{Log, LogConfig};
use tempfile::TempDir;
use testkit::{eventually, tool};

use crate::scene::BOUND;

pub struct Server {
    url: String,
    server: Child,
    _folder: TempDir,
}

impl Server {
    pub async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let store = folder.path().join("store");
        let settings = format!(
            "host: 127.0.0.1\nport: {port}\njetstream {{ store_dir: {store:?}, sync_interval: always }}\n"
        );
        let file = folder.path().join("nats.conf");
        fs::write(&file, settings).unwrap();
        let mut run = Command::new(tool("nats-server"));
        run.arg("-c").arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self { url: format!("nats://127.0.0.1:{port}"), server: run.spawn().unwrap(), _folder: folder }
    }

    /// The log on it.
    pub async fn log(&self) -> Arc<dyn Log> {
        let open = async || bus::open(LogConfig::nats(&self.url)).await.ok();
        eventually(BOUND, "the server", open).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
