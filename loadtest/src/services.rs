//! The services in this process, as `driftless` starts them.

use std::{path::Path, sync::Arc};

use bus::{Log, Share};
use manifest::InstallKey;
use model::DefinitionSet;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::Fault;

/// Running services.
pub struct Services {
    tasks: JoinSet<Result<(), Fault>>,
    stop: CancellationToken,
}

impl Services {
    pub fn start(log: &Arc<dyn Log>, folder: &Path, set: DefinitionSet) -> Self {
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        let key = InstallKey::from_bytes(rand::random());
        let fetcher =
            fetcher::run(log.clone(), fetcher::Config::new(folder, key.clone(), Share::Sole), stop.clone());
        tasks.spawn(async move { fetcher.await.map_err(Fault::from) });
        let scratch = folder.join("scratch");
        let engine = engine::Options { tools: None, scratch, limits: engine::Limits::default() };
        let config = renderer::Config::new(key.clone(), engine, Share::Sole);
        let renderer = renderer::run(log.clone(), config, stop.clone());
        tasks.spawn(async move { renderer.await.map_err(Fault::from) });
        let config = differ::Config {
            bootstrap: Some(differ::Bootstrap::Set(set)),
            ..differ::Config::new(key.clone(), "loadtest", Share::Sole)
        };
        let differ = differ::run(log.clone(), config, stop.clone());
        tasks.spawn(async move { differ.await.map_err(Fault::from) });
        let config = applier::Config::new(key, "loadtest", Share::Sole);
        let applier = applier::run(log.clone(), config, stop.clone());
        tasks.spawn(async move { applier.await.map_err(Fault::from) });
        Self { tasks, stop }
    }

    /// Adds the auditor.
    pub fn audit(&mut self, log: Arc<dyn Log>, folder: &Path) {
        let auditing = auditor::run(log, auditor::Config::new(folder, Share::Sole), self.stop.clone());
        self.tasks.spawn(async move { auditing.await.map_err(Fault::from) });
    }

    /// Waits until a service ends, which none should.
    pub async fn ended(&mut self) -> Fault {
        match self.tasks.join_next().await {
            Some(Ok(Err(fault))) => fault,
            Some(Err(error)) => error.into(),
            Some(Ok(Ok(()))) | None => "a service ended early".into(),
        }
    }

    pub async fn stop(&mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}
