//! One run: floor, cold start, and what was asked for after it.

mod audit;
mod cold;
mod drift;
mod noop;
mod one_line;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{
    Fault, Options, Scenario,
    api::{Api, Counted},
    backend::Backend,
    fleet::Fleet,
    memory,
    processor::Spent,
    services::Services,
    story::Story,
    table::Table,
};

/// Longest wait for anything.
const BOUND: Duration = Duration::from_secs(600);

/// Everything that a scenario needs.
struct Stage {
    api: Api,
    fleet: Fleet,
    backend: Backend,
    story: Story,
    options: Options,
    /// Of the run.
    folder: PathBuf,
}

/// What was known when the services were started.
struct Begin {
    at: Instant,
    /// What the bare loop took just before.
    floor: Duration,
    /// Processor time that it took.
    floor_spent: Spent,
    /// Processor time used until then.
    spent: Spent,
    counted: Counted,
}

/// Measures what was asked for.
pub async fn run(options: &Options) -> Result<(), Fault> {
    let folder = TempDir::new()?;
    if options.scenarios == [Scenario::Audit] {
        audit::measure(options, folder.path()).await?.print();
        return Ok(());
    }
    let fleet = Fleet::create(folder.path().join("repository"), options.apps, options.objects)?;
    let api = Api::connect(&options.kubeconfig).await?;
    let backend = Backend::start(options.backend, folder.path(), &options.nats_config).await?;
    let story = Story::follow(&backend.log).await?;
    let place = folder.path().to_owned();
    let mut stage = Stage { api, fleet, backend, story, options: options.clone(), folder: place };
    stage.measure(folder.path()).await
}

impl Stage {
    async fn measure(&mut self, folder: &Path) -> Result<(), Fault> {
        let set = self.fleet.definitions(&self.options.kubeconfig)?;
        self.api.create_namespace(crate::fleet::NAMESPACE).await?;
        let idle = self.api.spent()?;
        let floor = crate::floor::all(&self.api, &self.fleet, "floor-before").await?;
        memory::forget_peak()?;
        let (counted, spent) = (self.api.counted()?, self.api.spent()?);
        let floor_spent = spent.since(idle);
        let begin = Begin { at: Instant::now(), floor, floor_spent, spent, counted };
        let log = self.backend.log.clone();
        let mut services = Services::start(&log, folder, set);
        if !self.options.no_auditor {
            services.audit(log, folder);
        }
        let measured = tokio::select! {
            fault = services.ended() => Err(fault),
            done = self.scenarios(&begin) => done,
        };
        services.stop().await;
        measured
    }

    async fn scenarios(&mut self, begin: &Begin) -> Result<(), Fault> {
        cold::await_all(self, begin).await?.print();
        let wanted = match self.options.scenarios.as_slice() {
            [] => Scenario::ALL.to_vec(),
            some => some.to_vec(),
        };
        for scenario in wanted {
            match scenario {
                // Every run begins with it.
                Scenario::Cold => {}
                Scenario::Noop => noop::measure(self).await?.print(),
                Scenario::OneLine => one_line::measure(self).await?.print(),
                Scenario::Drift => drift::measure(self).await?.print(),
                Scenario::Audit => audit::measure(&self.options, &self.folder).await?.print(),
            }
        }
        let mut table = Table::new("memory of the whole process, the load test included");
        table.row("peak", format!("{} MB", memory::peak_mb()?), "< 150 MB");
        table.print();
        Ok(())
    }
}
