//! One service as a process of its own, on a log that it shares with others.

use std::{path::Path, sync::Arc, time::Duration};

use bus::{Log, LogConfig, Member, Share, share::CLAIM};
use differ::{Bootstrap, FleetChange};
use manifest::InstallKey;
use model::{DefinitionSet, definition::Fleet};
use tokio_util::sync::CancellationToken;

use crate::{
    address,
    cli::{DifferOptions, FleetOptions, RoleOptions},
    exit::Exit,
    problem::Problem,
    state_folder::{chain, read_key},
};

/// Shortest time between two looks at the fleet repository, as for every source.
const POLL_MIN: Duration = Duration::from_secs(1);

/// The services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Fetcher,
    Renderer,
    Differ,
    Applier,
}

impl Role {
    /// The group in which its processes share their work.
    fn group(self) -> &'static str {
        match self {
            Self::Fetcher => "fetcher",
            Self::Renderer => "renderer",
            Self::Differ => "differ",
            Self::Applier => "applier",
        }
    }
}

/// Runs a differ until it is told to stop, with definitions from the place that its options name.
pub async fn differ(options: DifferOptions) -> Result<Exit, Problem> {
    let key = read_key(&options.role.key)?;
    let bootstrap = match &options.definitions {
        Some(file) => Some(Bootstrap::Set(read_definitions(file)?)),
        None => fleet(&options.fleet)?.map(Bootstrap::Fleet),
    };
    let change = if options.fleet.changed { FleetChange::Allowed } else { FleetChange::Refused };
    start(Role::Differ, options.role, key, (bootstrap, change)).await
}

/// Runs another service until it is told to stop, with its share of the work.
pub async fn run(role: Role, options: RoleOptions) -> Result<Exit, Problem> {
    let key = read_key(&options.key)?;
    start(role, options, key, (None, FleetChange::Refused)).await
}

/// The fleet repository of a command line.
pub fn fleet(options: &FleetOptions) -> Result<Option<Fleet>, Problem> {
    let Some(repository) = &options.repository else { return Ok(None) };
    let (repository, revision) = match repository.rsplit_once('#') {
        Some((repository, revision)) => (repository, Some(revision)),
        None => (repository.as_str(), None),
    };
    let git = address::git(repository, revision, &options.access)?;
    if options.poll < POLL_MIN {
        return Err(Problem::new("USAGE", "--fleet-poll is less than a second", "say 1s or more"));
    }
    let poll_ms = u64::try_from(options.poll.as_millis()).unwrap_or(u64::MAX);
    Ok(Some(Fleet { git, path: options.path.clone(), poll_ms }))
}

async fn start(
    role: Role,
    options: RoleOptions,
    key: InstallKey,
    (bootstrap, fleet_change): (Option<Bootstrap>, FleetChange),
) -> Result<Exit, Problem> {
    let instance = instance_name(options.instance.as_deref());
    let log = open(&options).await?;
    let stop = stop_on_signal();
    let joined = log.join(role.group(), Member::new(&instance), CLAIM).await;
    let membership = joined.map_err(|error| {
        Problem::new("LOG-MEMBERS", chain(&error), "check that the NATS server is up, then start it again")
    })?;
    let share = Share::of(&membership);
    tracing::info!(role = %role.group(), %instance, "started");
    let ended = match role {
        Role::Fetcher => {
            text(fetcher::run(log, fetcher::Config::new(&options.state, key, share), stop).await)
        }
        Role::Renderer => {
            let config = renderer::Config { key, engine: engine_options(&options.state), share };
            text(renderer::run(log, config, stop).await)
        }
        Role::Differ => {
            let evaluated = membership.evaluated();
            let config = differ::Config::new(key, instance, share);
            let config = differ::Config { bootstrap, fleet_change, evaluated, ..config };
            match differ::run(log, config, stop).await {
                Err(error @ differ::Error::OtherFleet { .. }) => {
                    let remedy = "name that one, or say --fleet-changed: what is in force stays until the other was read";
                    return Err(Problem::new("FLEET-CHANGED", chain(&error), remedy).ending(Exit::Refused));
                }
                ended => text(ended),
            }
        }
        Role::Applier => text(applier::run(log, applier::Config::new(key, instance, share), stop).await),
    };
    match ended {
        Ok(()) => {
            // Only who has come to rest says so: the others take over at once.
            membership.leave().await;
            Ok(Exit::Success)
        }
        Err(message) => {
            Err(Problem::new("SERVICE", message, "it is safe to start it again").ending(Exit::Failed))
        }
    }
}

async fn open(options: &RoleOptions) -> Result<Arc<dyn Log>, Problem> {
    let mut config = LogConfig::nats(&options.nats);
    if let LogConfig::Nats(nats) = &mut config {
        nats.monitoring.clone_from(&options.nats_monitoring);
    }
    bus::open(config).await.map_err(|error| Problem::new(error.code(), chain(&error), error.remedy()))
}

/// How templates are run: programs from `DRIFTLESS_TOOLS_BIN` or `PATH`, temporary files in the state folder.
pub fn engine_options(state: &Path) -> engine::Options {
    engine::Options { tools: None, scratch: state.join("scratch"), limits: engine::Limits::default() }
}

fn text<E: std::error::Error>(ended: Result<(), E>) -> Result<(), String> {
    ended.map_err(|error| chain(&error))
}

/// Unique among the processes of a fleet, and over restarts whatever it is called.
pub fn instance_name(given: Option<&str>) -> String {
    let host = || std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = given.map_or_else(host, str::to_owned);
    let name: String = name.trim().chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    format!("{name}-{}-{:08x}", std::process::id(), rand::random::<u32>())
}

/// Cancels when the process is asked to end.
pub fn stop_on_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let cancel = stop.clone();
    tokio::spawn(async move {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut terminate), Ok(mut interrupt)) =
            (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        else {
            return;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        cancel.cancel();
    });
    stop
}

/// Reads definitions that a command line hands over.
fn read_definitions(file: &Path) -> Result<DefinitionSet, Problem> {
    let bad =
        |text: String| Problem::new("DEFINITIONS", format!("{}: {text}", file.display()), "correct the file");
    let text = std::fs::read_to_string(file).map_err(|error| bad(error.to_string()))?;
    let set: DefinitionSet = serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?;
    let again =
        DefinitionSet::new(set.sources().to_vec(), set.clusters().to_vec(), set.applications().to_vec());
    again.map_err(|error| bad(error.to_string()))
}
