//! A fresh log: in a folder, or on a NATS server of its own.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use bus::{Log, LogConfig};
use clap::ValueEnum;
use serde_json::Value;
use tokio::time::{Instant, interval};

use crate::Fault;

/// Where the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// In this process.
    Embedded,
    /// On a NATS server started for the run.
    Nats,
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Nats => "nats",
        }
    }
}

/// A fresh log, with the server that holds it.
pub struct Backend {
    pub log: Arc<dyn Log>,
    _server: Option<Server>,
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // Its data goes with the folder of the run.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Backend {
    pub async fn start(kind: Kind, folder: &Path, settings: &Path) -> Result<Self, Fault> {
        match kind {
            Kind::Embedded => {
                let log = bus::open(LogConfig::embedded(folder.join("log"))).await?;
                Ok(Self { log, _server: None })
            }
            Kind::Nats => {
                let (server, url, monitoring) = start_server(folder, settings).await?;
                let mut config = LogConfig::nats(url);
                if let LogConfig::Nats(nats) = &mut config {
                    nats.monitoring = Some(monitoring);
                }
                Ok(Self { log: bus::open(config).await?, _server: Some(server) })
            }
        }
    }
}

async fn start_server(folder: &Path, settings: &Path) -> Result<(Server, String, String), Fault> {
    let store = folder.join("nats");
    std::fs::create_dir_all(&store)?;
    let child = Command::new(testkit::tool("nats-server"))
        .arg("--config")
        .arg(settings)
        .arg("--store_dir")
        .arg(&store)
        .args(["--port", "-1", "--http_port", "-1", "--ports_file_dir"])
        .arg(&store)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let server = Server(child);
    let ports = store.join(format!("nats-server_{}.ports", server.0.id()));
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut looks = interval(Duration::from_millis(20));
    loop {
        let text = std::fs::read_to_string(&ports).unwrap_or_default();
        // While the file is being written it is no JSON yet.
        let read: Value = serde_json::from_str(&text).unwrap_or_default();
        if let (Some(url), Some(monitoring)) = (read["nats"][0].as_str(), read["monitoring"][0].as_str()) {
            return Ok((server, url.to_owned(), monitoring.to_owned()));
        }
        if Instant::now() > deadline {
            return Err("the NATS server did not start".into());
        }
        looks.tick().await;
    }
}
