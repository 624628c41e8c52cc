//! The simulator over the wire: kubectl, many clusters.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod fleet;
mod kubectl;

use std::path::PathBuf;

use kubesim::{Controllers, Simulator};

/// A simulator with one cluster.
pub struct Fixture {
    pub simulator: Simulator,
    pub kubeconfig: PathBuf,
    _folder: tempfile::TempDir,
}

const NAME: &str = "eu-1";

impl Fixture {
    pub async fn new() -> Self {
        let simulator = Simulator::start().await.unwrap();
        simulator.add(NAME, Controllers::Lifecycle);
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        std::fs::write(&kubeconfig, simulator.kubeconfig(NAME)).unwrap();
        Self { simulator, kubeconfig, _folder: folder }
    }
}
