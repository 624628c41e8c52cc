//! `driftless up`: every service in one process.

use std::{path::PathBuf, sync::Arc};

use bus::{Log, Member};
use engine::charts::Egress;
use gateway::{Listener, Token};
use ledger::Door;
use manifest::InstallKey;
use model::definition::SecretRef;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    audit::{self, Writing},
    cli::{GatewayOptions, GatewayRoleOptions, UpOptions},
    exit::Exit,
    key_check::{self, OtherKey},
    problem::Problem,
    role::{self, Company, Origin, Part, Role},
    secret,
    state_folder::{self, StateFolder},
    terminal,
};

/// Runs until it is told to stop.
pub async fn up(options: UpOptions) -> Result<Exit, Problem> {
    let origin = Origin::of(options.definitions.as_deref(), &options.fleet)?;
    let config = gateway_config(&options.gateway)?;
    let listener = Listener::bind(options.gateway.listen, &config).await;
    let listener = listener.map_err(|error| role::gateway_problem(&error))?;
    let (charts, audit_copy) = (options.charts.egress(), options.audit.audit_copy.clone());
    let grounds = Grounds { origin, charts, audit_copy, ..grounds(&options).await? };
    let state = grounds.state.display().to_string();
    terminal::progress(&format!("driftless is up: http://{} ({state})", listener.address()));
    let stop = role::stop_on_signal();
    let mut platform = Platform::start(grounds, (config, listener), &stop);
    platform.end().await.map(|()| Exit::Success)
}

/// What a platform stands on.
pub struct Grounds {
    pub log: Arc<dyn Log>,
    pub key: InstallKey,
    /// Folder for mirrors and temporary files.
    pub state: PathBuf,
    pub member: Member,
    pub company: Company,
    pub origin: Origin,
    /// Where charts may come from.
    pub charts: Egress,
    /// Where a copy of the audit ledger is kept; `None`: nowhere.
    pub audit_copy: Option<PathBuf>,
}

/// Every service and the gateway, supervised: the end of one is the end of all.
pub struct Platform {
    parts: JoinSet<Result<(), Problem>>,
    stop: CancellationToken,
}

impl Platform {
    /// Starts them all.
    pub fn start(
        grounds: Grounds,
        (config, listener): (gateway::Config, Listener),
        stop: &CancellationToken,
    ) -> Self {
        let Grounds { log, key, state, member, company, origin, charts, audit_copy } = grounds;
        let mut parts = JoinSet::new();
        for role in [Role::Fetcher, Role::Renderer, Role::Differ, Role::Applier] {
            let origin = if role == Role::Differ { origin.clone() } else { Origin::default() };
            let (log, key, state, member) = (log.clone(), key.clone(), state.clone(), member.clone());
            let charts = charts.clone();
            let part = Part { log, key, state, member, company, origin, charts };
            parts.spawn(role::serve(role, part, stop.clone()));
        }
        let door = Door::default();
        let writing =
            Writing { log: log.clone(), state, copy: audit_copy, member, company, door: door.clone() };
        parts.spawn(audit::serve(writing, stop.clone()));
        let config = gateway::Config { key_id: Some(key.key_id()), ledger: door, ..config };
        let gateway = gateway::run(log, config, listener, stop.clone());
        parts.spawn(async move { gateway.await.map_err(|error| role::gateway_problem(&error)) });
        Self { parts, stop: stop.clone() }
    }

    /// Waits until one of them ends, which none does before it is told to stop. Safe to cancel.
    pub async fn ended(&mut self) -> Result<(), Problem> {
        match self.parts.join_next().await {
            Some(Ok(ended)) => ended,
            Some(Err(died)) => {
                let problem = Problem::new("BUG", format!("a service died: {died}"), "report it as a bug");
                Err(problem.ending(Exit::Failed))
            }
            None => Ok(()),
        }
    }

    /// Waits until all have ended: half a platform looks like a whole one, so the first one takes the others along.
    pub async fn end(&mut self) -> Result<(), Problem> {
        let mut done = Ok(());
        while !self.parts.is_empty() {
            done = done.and(self.ended().await);
            self.stop.cancel();
        }
        done
    }
}

/// `driftless gateway`: the API apart from the services.
pub async fn gateway(options: GatewayRoleOptions) -> Result<Exit, Problem> {
    let config = gateway_config(&options.gateway)?;
    let listener = Listener::bind(options.gateway.listen, &config).await;
    let listener = listener.map_err(|error| role::gateway_problem(&error))?;
    let log = role::open(&options.nats, &options.access).await?;
    tracing::info!(address = %listener.address(), "started");
    let ended = gateway::run(log, config, listener, role::stop_on_signal()).await;
    ended.map(|()| Exit::Success).map_err(|error| role::gateway_problem(&error))
}

async fn grounds(options: &UpOptions) -> Result<Grounds, Problem> {
    let state = state_folder::or_of_platform(options.state.clone())?;
    let member = role::member(&options.member);
    match (&options.nats, &options.key) {
        (Some(nats), Some(key)) => {
            state_folder::create(&state)?;
            let (log, key) = (role::open(nats, &options.access).await?, state_folder::read_key(key)?);
            key_check::check(&*log, &key, OtherKey::of(options.key_replaced)).await?;
            Ok(Grounds {
                log,
                key,
                state,
                member,
                company: Company::Others,
                origin: Origin::default(),
                charts: Egress::default(),
                audit_copy: None,
            })
        }
        (_, _) => {
            options.access.check_unused()?;
            let StateFolder { path, log, key } = state_folder::open(&state).await?;
            Ok(Grounds {
                log,
                key,
                state: path,
                member,
                company: Company::Alone,
                origin: Origin::default(),
                charts: Egress::default(),
                audit_copy: None,
            })
        }
    }
}

fn gateway_config(options: &GatewayOptions) -> Result<gateway::Config, Problem> {
    let token = |place: &Option<SecretRef>, option: &str| {
        let text = place.as_ref().map(|place| secret::read(place, option)).transpose();
        text.map(|text| text.as_deref().and_then(Token::new))
    };
    Ok(gateway::Config {
        token: token(&options.api_token, "--api-token")?,
        webhook_secret: token(&options.webhook_secret, "--webhook-secret")?,
        ..gateway::Config::default()
    })
}
