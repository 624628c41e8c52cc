//! `driftless up`: every service in one process.

use std::{path::PathBuf, sync::Arc};

use bus::Log;
use gateway::{Listener, Token};
use manifest::InstallKey;
use model::definition::SecretRef;
use tokio::task::JoinSet;

use crate::{
    cli::{GatewayOptions, GatewayRoleOptions, UpOptions},
    exit::Exit,
    problem::Problem,
    role::{self, Company, Part, Role},
    secret, state_folder, terminal,
};

/// Runs until it is told to stop.
pub async fn up(options: UpOptions) -> Result<Exit, Problem> {
    let bootstrap = options.definitions.as_deref().map(role::read_definitions).transpose()?;
    let config = gateway_config(&options.gateway)?;
    let listener = Listener::bind(options.gateway.listen, &config).await;
    let listener = listener.map_err(|error| role::gateway_problem(&error))?;
    let (state, log, key) = open(&options).await?;
    let stop = role::stop_on_signal();
    terminal::progress(&format!("driftless is up: http://{} ({})", listener.address(), state.display()));
    let instance = role::instance_name(options.instance.as_deref());
    let mut parts = JoinSet::new();
    for role in [Role::Fetcher, Role::Renderer, Role::Differ, Role::Applier] {
        let bootstrap = if role == Role::Differ { bootstrap.clone() } else { None };
        let part = Part {
            log: log.clone(),
            key: key.clone(),
            state: state.clone(),
            instance: instance.clone(),
            company: if options.nats.is_some() { Company::Others } else { Company::Alone },
            bootstrap,
        };
        parts.spawn(role::serve(role, part, stop.clone()));
    }
    let gateway = gateway::run(log, config, listener, stop.clone());
    parts.spawn(async move { gateway.await.map_err(|error| role::gateway_problem(&error)) });
    let mut done = Ok(Exit::Success);
    while let Some(ended) = parts.join_next().await {
        let ended = ended.unwrap_or_else(|died| {
            Err(Problem::new("BUG", format!("a service died: {died}"), "report it as a bug")
                .ending(Exit::Failed))
        });
        if let Err(problem) = ended
            && done.is_ok()
        {
            done = Err(problem);
        }
        // The end of one is the end of all: half a platform looks like a whole one.
        stop.cancel();
    }
    done
}

/// `driftless gateway`: the API apart from the services.
pub async fn gateway(options: GatewayRoleOptions) -> Result<Exit, Problem> {
    let config = gateway_config(&options.gateway)?;
    let listener = Listener::bind(options.gateway.listen, &config).await;
    let listener = listener.map_err(|error| role::gateway_problem(&error))?;
    let log = role::open(&options.nats, options.nats_monitoring.as_deref()).await?;
    tracing::info!(address = %listener.address(), "started");
    let ended = gateway::run(log, config, listener, role::stop_on_signal()).await;
    ended.map(|()| Exit::Success).map_err(|error| role::gateway_problem(&error))
}

async fn open(options: &UpOptions) -> Result<(PathBuf, Arc<dyn Log>, InstallKey), Problem> {
    let state = state_folder::or_of_platform(options.state.clone())?;
    match (&options.nats, &options.key) {
        (Some(nats), Some(key)) => {
            state_folder::create(&state)?;
            Ok((state, role::open(nats, None).await?, state_folder::read_key(key)?))
        }
        (_, _) => {
            let folder = state_folder::open(&state).await?;
            Ok((folder.path, folder.log, folder.key))
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
