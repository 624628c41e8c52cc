//! One service as a process of its own, on a log that it shares with others.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bus::{Log, Member, ReadError, Share, share::CLAIM};
use differ::{Bootstrap, FleetChange};
use engine::charts::Egress;
use manifest::InstallKey;
use model::{DefinitionSet, RetryClass, definition::Fleet};
use tokio_util::sync::CancellationToken;

use crate::{
    address,
    cli::{DifferOptions, FetcherOptions, FleetOptions, MemberOptions, NatsOptions, RoleOptions},
    exit::Exit,
    key_check::{self, OtherKey},
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

/// What a service is started with.
pub struct Part {
    pub log: Arc<dyn Log>,
    pub key: InstallKey,
    /// Folder for what it keeps.
    pub state: PathBuf,
    pub member: Member,
    pub company: Company,
    /// For the differ alone.
    pub origin: Origin,
    /// Where charts may come from; the fetcher alone asks.
    pub charts: Egress,
}

/// Where definitions come from; by default from where the log says.
#[derive(Debug, Clone)]
pub struct Origin {
    pub bootstrap: Option<Bootstrap>,
    pub change: FleetChange,
    /// Largest share of all objects, in percent, that one revision may let go of.
    pub guard: u8,
}

impl Default for Origin {
    fn default() -> Self {
        Self { bootstrap: None, change: FleetChange::default(), guard: differ::FLEET_GUARD }
    }
}

impl Origin {
    /// As a command line says.
    pub fn of(definitions: Option<&Path>, options: &FleetOptions) -> Result<Self, Problem> {
        let bootstrap = match definitions {
            Some(file) => Some(Bootstrap::Set(read_definitions(file)?)),
            None => fleet(options)?.map(Bootstrap::Fleet),
        };
        let change = if options.changed { FleetChange::Allowed } else { FleetChange::Refused };
        Ok(Self { bootstrap, change, guard: options.guard })
    }
}

/// Whether others may be at the same work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Company {
    /// Nobody: the log is open in this process alone.
    Alone,
    /// Those of the same role on the same log.
    Others,
}

/// Runs a differ until it is told to stop, with definitions from the place that its options name.
pub async fn differ(options: DifferOptions) -> Result<Exit, Problem> {
    let key = read_key(&options.role.key)?;
    let origin = Origin::of(options.definitions.as_deref(), &options.fleet)?;
    start(Role::Differ, options.role, key, (origin, Egress::default())).await
}

/// Runs a fetcher until it is told to stop, with charts from where its options say.
pub async fn fetcher(options: FetcherOptions) -> Result<Exit, Problem> {
    let key = read_key(&options.role.key)?;
    start(Role::Fetcher, options.role, key, (Origin::default(), options.charts.egress())).await
}

/// Runs another service until it is told to stop, with its share of the work.
pub async fn run(role: Role, options: RoleOptions) -> Result<Exit, Problem> {
    let key = read_key(&options.key)?;
    start(role, options, key, (Origin::default(), Egress::default())).await
}

async fn start(
    role: Role,
    options: RoleOptions,
    key: InstallKey,
    (origin, charts): (Origin, Egress),
) -> Result<Exit, Problem> {
    let member = member(&options.member);
    let log = open(&options.nats, &options.access).await?;
    key_check::check(&*log, &key, OtherKey::of(options.key_replaced)).await?;
    let part = Part { log, key, state: options.state, member, company: Company::Others, origin, charts };
    serve(role, part, stop_on_signal()).await.map(|()| Exit::Success)
}

/// The fleet repository of a command line.
fn fleet(options: &FleetOptions) -> Result<Option<Fleet>, Problem> {
    let Some(repository) = &options.repository else {
        if options.access.is_given() {
            let message = "how a repository is reached or signed is told, but not which";
            return Err(Problem::new(
                "USAGE",
                message,
                "add --fleet URL, the one of the log if it is the same",
            ));
        }
        return Ok(None);
    };
    let git = address::git_at(repository, &options.access)?;
    if options.poll < POLL_MIN {
        return Err(Problem::new("USAGE", "--fleet-poll is less than a second", "say 1s or more"));
    }
    let poll_ms = u64::try_from(options.poll.as_millis()).unwrap_or(u64::MAX);
    Ok(Some(Fleet { git, path: options.path.clone(), poll_ms }))
}

/// Runs one service until `stop`.
pub async fn serve(role: Role, part: Part, stop: CancellationToken) -> Result<(), Problem> {
    let Part { log, key, state, member, company, origin, charts } = part;
    let instance = member.name.clone();
    let joined = log.join(role.group(), member, CLAIM).await;
    let membership = joined.map_err(|error| no_members(&error))?;
    let share = match company {
        Company::Alone => Share::Sole,
        Company::Others => Share::of(&membership),
    };
    tracing::info!(role = %role.group(), %instance, "started");
    let ended = match role {
        Role::Fetcher => {
            let evaluated = membership.evaluated();
            let config = fetcher::Config { charts, evaluated, ..fetcher::Config::new(&state, key, share) };
            text(fetcher::run(log, config, stop).await)
        }
        Role::Renderer => {
            let config = renderer::Config::new(key, engine_options(&state), share);
            text(renderer::run(log, config, stop).await)
        }
        Role::Differ => {
            let evaluated = membership.evaluated();
            let Origin { bootstrap, change: fleet_change, guard: fleet_guard } = origin;
            let config = differ::Config::new(key, instance, share);
            let config = differ::Config { bootstrap, fleet_change, fleet_guard, evaluated, ..config };
            match differ::run(log, config, stop).await {
                Err(error @ differ::Error::OtherFleet { .. }) => {
                    let remedy = "name that one, or say --fleet-changed: what is in force stays until the other was read";
                    return Err(Problem::new("FLEET-CHANGED", chain(&error), remedy).ending(Exit::Refused));
                }
                Err(error @ differ::Error::DefinitionsLost { .. }) => {
                    let remedy = "restore the log from a backup, or hand the set of that commit over with --definitions";
                    return Err(Problem::new("DEFINITIONS-LOST", chain(&error), remedy).ending(Exit::Failed));
                }
                ended => text(ended),
            }
        }
        Role::Applier => text(applier::run(log, applier::Config::new(key, instance, share), stop).await),
    };
    ended.map_err(|message| {
        let message = format!("the {} ended: {message}", role.group());
        Problem::new("SERVICE", message, "it is safe to start it again").ending(Exit::Failed)
    })?;
    // Only who has come to rest says so: the others take over at once.
    membership.leave().await;
    Ok(())
}

/// Why a process could not join its like.
pub fn no_members(error: &ReadError) -> Problem {
    Problem::new("LOG-MEMBERS", chain(error), "check that the NATS server is up, then start it again")
}

/// Opens the log on a NATS server.
pub async fn open(nats: &str, access: &NatsOptions) -> Result<Arc<dyn Log>, Problem> {
    bus::open(access.log(nats)?)
        .await
        .map_err(|error| Problem::new(error.code(), chain(&error), error.remedy()))
}

/// Why the gateway did not start, or ended.
pub fn gateway_problem(error: &gateway::Error) -> Problem {
    let problem = Problem::new(error.code(), chain(error), error.remedy());
    match error.class() {
        RetryClass::Permanent => problem,
        RetryClass::Transient | RetryClass::Stale | RetryClass::Bug => problem.ending(Exit::Failed),
    }
}

/// How templates are run: programs from `DRIFTLESS_TOOLS_BIN` or `PATH`, temporary files in the state folder.
pub fn engine_options(state: &Path) -> engine::Options {
    engine::Options { tools: None, scratch: state.join("scratch"), limits: engine::Limits::default() }
}

fn text<E: std::error::Error>(ended: Result<(), E>) -> Result<(), String> {
    ended.map_err(|error| chain(&error))
}

/// What a process is among its like.
pub fn member(options: &MemberOptions) -> Member {
    Member { name: instance_name(options.instance.as_deref()), weight: options.weight }
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
