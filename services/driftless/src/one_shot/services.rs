//! The services of a one-shot run, supervised: the end of one is the end of the run.

use std::sync::Arc;

use applier::Custody;
use bus::{Log, Share};
use plan::RebuiltPrune;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Purpose, definitions::Wanted};
use crate::{
    exit::Exit,
    problem::Problem,
    role::engine_options,
    state_folder::{StateFolder, chain},
};

/// Running services.
pub struct Services {
    tasks: JoinSet<Result<(), String>>,
    stop: CancellationToken,
}

fn text<E: std::error::Error>(service: &str, ended: Result<(), E>) -> Result<(), String> {
    ended.map_err(|error| format!("the {service} ended: {}", chain(&error)))
}

impl Services {
    /// Starts them. For a preview there is no applier, so that nothing can change the cluster.
    pub fn start(
        folder: &StateFolder,
        wanted: &Wanted,
        (purpose, custody): (Purpose, &Arc<Custody>),
    ) -> Self {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let log = || -> Arc<dyn Log> { folder.log.clone() };
        let key = || folder.key.clone();
        let fetch = fetcher::run(log(), fetcher::Config::new(&folder.path, key(), Share::Sole), stop.clone());
        tasks.spawn(async move { text("fetcher", fetch.await) });
        let config =
            renderer::Config { key: key(), engine: engine_options(&folder.path), share: Share::Sole };
        let render = renderer::run(log(), config, stop.clone());
        tasks.spawn(async move { text("renderer", render.await) });
        let prune = if wanted.prune { RebuiltPrune::Confirmed } else { RebuiltPrune::Unconfirmed };
        let config = differ::Config {
            instance: "one-shot".into(),
            key: key(),
            bootstrap: Some(wanted.set.clone()),
            rebuilt_prune: prune,
            silence: plan::patience::SILENCE,
            share: Share::Sole,
        };
        let differ = differ::run(log(), config, stop.clone());
        tasks.spawn(async move { text("differ", differ.await) });
        if purpose == Purpose::Apply {
            let instance = format!("one-shot-{}-{:08x}", std::process::id(), rand::random::<u32>());
            let mut config = applier::Config::new(key(), instance, Share::Sole);
            config.custody = Some(custody.clone());
            let apply = applier::run(log(), config, stop.clone());
            tasks.spawn(async move { text("applier", apply.await) });
        }
        Self { tasks, stop }
    }

    /// Waits until a service ends, which none should.
    pub async fn ended(&mut self) -> Problem {
        let message = match self.tasks.join_next().await {
            Some(Ok(Err(message))) => message,
            Some(Ok(Ok(()))) | None => "a service ended early".to_owned(),
            Some(Err(error)) => format!("a service died: {error}"),
        };
        Problem::new("SERVICE", message, "it is safe to run the command again").ending(Exit::Failed)
    }

    /// Stops them, and waits until they have.
    pub async fn stop(&mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}
