//! Connecting: who we are, whether the server may be used, and what happens at a reconnect.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_nats::{Client, ConnectOptions, Event, jetstream};

use super::{feed, hub::Hub, server_check, streams};
use crate::{Cause, Credentials, NatsConfig, OpenError};

/// Longest wait for an answer. A batch of 1,000 on a slow disk under `always` takes about a second.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Time between tries to reconnect: short, because everybody waits; a fleet of a few dozen services may.
const RECONNECT: Duration = Duration::from_millis(250);

pub(super) async fn connect(config: &NatsConfig) -> Result<Hub, OpenError> {
    let (client, jetstream, reconnected) = client(config).await?;
    let identity = streams::prepare(&jetstream, config.replicas).await?;
    let hub = Hub::new((client, jetstream), identity, config.replicas, reconnected).await?;
    let failed = |cause| OpenError::Stream { stream: streams::FLOORS.to_owned(), cause };
    if !feed::floors(&hub).await.map_err(failed)?.is_empty() {
        streams::prepare_feed(&hub.jetstream, config.replicas).await?;
    }
    Ok(hub)
}

/// A connection to a server that may be used, and what is set at every reconnect.
pub(super) async fn client(
    config: &NatsConfig,
) -> Result<(Client, jetstream::Context, Arc<AtomicBool>), OpenError> {
    let failed = |cause: Cause| OpenError::Connect { url: config.url.clone(), cause };
    let reconnected = Arc::new(AtomicBool::new(false));
    let options = options(config, reconnected.clone()).await.map_err(failed)?;
    let servers: Vec<&str> = config.url.split(',').map(str::trim).collect();
    let client = options.connect(servers).await.map_err(|error| failed(Arc::new(error)))?;
    server_check::check_version(&config.url, &client.server_info().version)?;
    server_check::check_sync(config.monitoring.as_deref()).await?;
    let mut jetstream = jetstream::new(client.clone());
    jetstream.set_timeout(PATIENCE);
    Ok((client, jetstream, reconnected))
}

async fn options(config: &NatsConfig, reconnected: Arc<AtomicBool>) -> Result<ConnectOptions, Cause> {
    let options = ConnectOptions::new()
        .name("driftless")
        .connection_timeout(PATIENCE)
        .request_timeout(Some(PATIENCE))
        .reconnect_delay_callback(|_| RECONNECT)
        .event_callback(move |event| {
            let reconnected = reconnected.clone();
            async move { note(&event, &reconnected) }
        });
    let options = match &config.authority {
        Some(file) => options.add_root_certificates(file.clone()).require_tls(true),
        None => options,
    };
    match &config.credentials {
        Credentials::None => Ok(options),
        Credentials::Password { user, password } => {
            Ok(options.user_and_password(user.clone(), password.clone()))
        }
        Credentials::File(path) => {
            options.credentials_file(path).await.map_err(|error| -> Cause { Arc::new(error) })
        }
    }
}

fn note(event: &Event, reconnected: &AtomicBool) {
    match event {
        Event::Connected => {
            reconnected.store(true, Ordering::SeqCst);
            tracing::info!("connected to NATS");
        }
        Event::Disconnected | Event::Closed | Event::LameDuckMode | Event::Draining => {
            tracing::warn!(%event, "NATS");
        }
        Event::SlowConsumer(_) | Event::ServerError(_) | Event::ClientError(_) => {
            tracing::warn!(%event, "NATS");
        }
    }
}
