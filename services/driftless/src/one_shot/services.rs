//! The services of a one-shot run, supervised: the end of one is the end of the run.

use std::sync::Arc;

use applier::Custody;
use bus::{Filter, Log, Share, WatchItem};
use events::state::DefinitionsState;
use model::{AggregateKind, DefinitionSet};
use plan::RebuiltPrune;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::{Purpose, definitions::Wanted};
use crate::{
    exit::Exit,
    problem::Problem,
    role::{engine_options, instance_name},
    state_folder::{StateFolder, chain},
    terminal,
};

/// Running services.
pub struct Services {
    tasks: JoinSet<Result<(), String>>,
    stop: CancellationToken,
    auditor: Option<Auditor>,
}

/// Who takes all that happens into the audit ledger of the state folder, and ends last.
struct Auditor {
    task: JoinHandle<Result<(), String>>,
    stop: CancellationToken,
}

fn text<E: std::error::Error>(service: &str, ended: Result<(), E>) -> Result<(), String> {
    ended.map_err(|error| format!("the {service} ended: {}", chain(&error)))
}

impl Services {
    /// Starts them, the differ first: what this run is about has to be in force before anybody else looks, or what
    /// a run before was about would be fetched, and its answer taken for that of this run. For a preview there is no
    /// applier, so that nothing can change the cluster.
    pub async fn start(
        folder: &StateFolder,
        wanted: &Wanted,
        (purpose, custody): (Purpose, &Arc<Custody>),
    ) -> Result<Self, Problem> {
        let mut services = Self { tasks: JoinSet::new(), stop: CancellationToken::new(), auditor: None };
        let instance = instance_name(Some("one-shot"));
        services.differ(folder, wanted, &instance);
        let in_force = in_force(&folder.log, &wanted.set);
        tokio::select! {
            ended = services.ended() => return Err(ended),
            in_force = in_force => in_force?,
        }
        services.fetcher_and_renderer(folder);
        if purpose == Purpose::Apply {
            services.applier(folder, custody, instance);
            services.auditor = Some(audit(folder));
        }
        Ok(services)
    }

    fn differ(&mut self, folder: &StateFolder, wanted: &Wanted, instance: &str) {
        let prune = if wanted.prune { RebuiltPrune::Confirmed } else { RebuiltPrune::Unconfirmed };
        let config = differ::Config {
            bootstrap: Some(differ::Bootstrap::Set(wanted.set.clone())),
            rebuilt_prune: prune,
            finds: differ::Finds::OfSource,
            ..differ::Config::new(folder.key.clone(), instance, Share::Sole)
        };
        let differ = differ::run(folder.log.clone(), config, self.stop.clone());
        self.tasks.spawn(async move { text("differ", differ.await) });
    }

    fn fetcher_and_renderer(&mut self, folder: &StateFolder) {
        let (log, key) = (|| -> Arc<dyn Log> { folder.log.clone() }, || folder.key.clone());
        // Whoever runs it does so on a machine of their own, with a lock of their own.
        let charts = engine::charts::Egress::Anywhere;
        let config = fetcher::Config { charts, ..fetcher::Config::new(&folder.path, key(), Share::Sole) };
        let fetch = fetcher::run(log(), config, self.stop.clone());
        self.tasks.spawn(async move { text("fetcher", fetch.await) });
        let config = renderer::Config {
            marking: renderer::Marking::ApplicationAndSource,
            ..renderer::Config::new(key(), engine_options(&folder.path), Share::Sole)
        };
        let render = renderer::run(log(), config, self.stop.clone());
        self.tasks.spawn(async move { text("renderer", render.await) });
    }

    fn applier(&mut self, folder: &StateFolder, custody: &Arc<Custody>, instance: String) {
        let mut config = applier::Config::new(folder.key.clone(), instance, Share::Sole);
        config.scope = applier::Scope::Application(custody.clone());
        let apply = applier::run(folder.log.clone(), config, self.stop.clone());
        self.tasks.spawn(async move { text("applier", apply.await) });
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
        let Some(Auditor { task, stop }) = self.auditor.take() else { return };
        stop.cancel();
        // What is not in the ledger is in the log, and gets there the next time.
        if let Ok(Err(message)) = task.await {
            terminal::progress(&format!("note: {message}"));
        }
    }
}

fn audit(folder: &StateFolder) -> Auditor {
    let stop = CancellationToken::new();
    let config = auditor::Config::new(&folder.path, Share::Sole);
    let auditing = auditor::run(folder.log.clone(), config, stop.clone());
    Auditor { task: tokio::spawn(async move { text("auditor", auditing.await) }), stop }
}

/// Waits until a set of definitions is in force.
async fn in_force(log: &Arc<dyn Log>, set: &DefinitionSet) -> Result<(), Problem> {
    let encoded = DefinitionsState::encode_set(set);
    let encoded = encoded.map_err(|error| Problem::new("BUG", error.to_string(), "report it as a bug"))?;
    let wanted = DefinitionSet::digest(&encoded);
    let unreadable = |error: bus::ReadError| {
        Problem::new(error.code(), chain(&error), error.remedy()).ending(Exit::Failed)
    };
    let mut watch = log.watch(Filter::kinds(&[AggregateKind::Definitions])).await.map_err(unreadable)?;
    while let Some(item) = watch.next().await {
        if let WatchItem::Event(event) = item.map_err(unreadable)?
            && events::decode::<DefinitionsState>(event.draft.format, &event.draft.payload)
                .is_ok_and(|state| state.digest == wanted && state.rejected.is_none())
        {
            return Ok(());
        }
    }
    Err(Problem::new("LOG-RESTARTED", "the log is another one than at the start", "run it again"))
}
