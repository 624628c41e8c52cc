//! The one table of streams. Nothing else creates or changes a stream.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_nats::jetstream::{
    self, ErrorCode,
    context::{CreateStreamErrorKind, GetStreamErrorKind},
    stream::{Config, DiscardPolicy, Source},
};

use crate::{Cause, HISTORY_MAX, OpenError, lineage::Identity};

/// Version of this table. A process that finds a higher one leaves the streams as they are, so that an
/// upgrade in progress is not undone by those who come later to it.
const TABLE: u32 = 1;

const TABLE_KEY: &str = "driftless.table";
const INCARNATION_KEY: &str = "driftless.incarnation";
/// The restorations that led to the log; none: it was never restored.
const RESTORATIONS_KEY: &str = "driftless.restorations";
/// Mark of a log that is being restored: which restore it is.
const RESTORING_KEY: &str = "driftless.restoring";

/// Events; subjects `ev.>`.
pub(super) const LOG: &str = "LOG";
/// Mirror of the events without a bound per aggregate, for consumers of everything. There only while somebody is
/// registered: it costs the server as much as the log itself, and only consumers let it be trimmed.
pub(super) const FEED: &str = "FEED";
/// Acknowledged floors of those consumers; subjects `floor.<consumer>`.
pub(super) const FLOORS: &str = "FLOORS";
/// Blobs; subjects `blob.>`.
pub(super) const BLOBS: &str = "BLOBS";
/// Heartbeats; subjects `member.>`.
pub(super) const MEMBERS: &str = "MEMBERS";

/// The server's own default, 1,000, ends a fleet of services that each watch a few things; -1 is ignored.
const CONSUMERS_MAX: i32 = 10_000;

fn stream(replicas: Option<usize>, name: &str, subjects: &[&str]) -> Config {
    Config {
        name: name.to_owned(),
        subjects: subjects.iter().map(|subject| (*subject).to_owned()).collect(),
        max_messages: -1,
        max_bytes: -1,
        max_consumers: CONSUMERS_MAX,
        num_replicas: replicas.unwrap_or(1),
        metadata: HashMap::from([(TABLE_KEY.to_owned(), TABLE.to_string())]),
        ..Config::default()
    }
}

fn table(replicas: Option<usize>) -> [Config; 4] {
    let stream = |name: &str, subjects: &[&str]| stream(replicas, name, subjects);
    [
        Config {
            max_messages_per_subject: HISTORY_MAX as i64,
            // A full store refuses what is new; discarding the oldest would lose states.
            discard: DiscardPolicy::New,
            deny_delete: true,
            allow_rollup: true,
            allow_message_ttl: true,
            allow_atomic_publish: true,
            // Expectations rule doubles out; this window only has to exist.
            duplicate_window: Duration::from_secs(120),
            ..stream(LOG, &["ev.>"])
        },
        Config { max_messages_per_subject: 1, ..stream(FLOORS, &["floor.*"]) },
        Config { max_messages_per_subject: 1, discard: DiscardPolicy::New, ..stream(BLOBS, &["blob.>"]) },
        Config {
            max_messages_per_subject: 1,
            // On disk like everything: who finds the group empty after a restart may rely on it.
            allow_message_ttl: true,
            // Groups whose members have all gone leave nothing behind.
            max_age: Duration::from_secs(600),
            ..stream(MEMBERS, &["member.>"])
        },
    ]
}

fn feed(replicas: Option<usize>) -> Config {
    Config {
        max_messages_per_subject: -1,
        deny_delete: true,
        mirror: Some(Source { name: LOG.to_owned(), ..Source::default() }),
        ..stream(replicas, FEED, &[])
    }
}

/// Creates the mirror if it is missing. It begins with the oldest event that the log still keeps.
pub(super) async fn prepare_feed(
    jetstream: &jetstream::Context,
    replicas: Option<usize>,
) -> Result<(), OpenError> {
    prepare_one(jetstream, feed(replicas), replicas).await.map(drop)
}

/// Creates what is missing, changes what is older than the table, and says which log it is.
pub(super) async fn prepare(
    jetstream: &jetstream::Context,
    replicas: Option<usize>,
) -> Result<Identity, OpenError> {
    let mut identity = None;
    for mut config in table(replicas) {
        if config.name == LOG {
            identify(&mut config, &Identity::fresh());
        }
        let found = prepare_one(jetstream, config, replicas).await?;
        if found.name == LOG {
            let failed = |cause| OpenError::Stream { stream: LOG.to_owned(), cause };
            identity = Some(identity_of(&found).map_err(failed)?);
        }
    }
    let identity = identity.filter(|identity| !identity.incarnation.is_empty());
    identity.ok_or_else(|| OpenError::Stream { stream: LOG.to_owned(), cause: Arc::new(NoIncarnation) })
}

/// Says that the stream was not created by driftless.
#[derive(Debug, thiserror::Error)]
#[error("the stream exists, but it was not created by driftless")]
struct NoIncarnation;

async fn prepare_one(
    jetstream: &jetstream::Context,
    mut config: Config,
    replicas: Option<usize>,
) -> Result<Config, OpenError> {
    let name = config.name.clone();
    let failed = |cause| OpenError::Stream { stream: name.clone(), cause };
    match jetstream.create_stream(config.clone()).await {
        Ok(created) => return Ok(created.cached_info().config.clone()),
        Err(error) if is_there_already(&error.kind()) => {}
        Err(error) => return Err(failed(Arc::new(error))),
    }
    let found = jetstream.get_stream(&config.name).await.map_err(|error| failed(arc(error)))?;
    let found = found.cached_info().config.clone();
    if found.metadata.contains_key(RESTORING_KEY) {
        return Err(OpenError::Restoring);
    }
    let version = |config: &Config| config.metadata.get(TABLE_KEY).and_then(|text| text.parse().ok());
    if version(&found).is_some_and(|found: u32| found > TABLE) {
        tracing::warn!(stream = config.name, "a newer driftless laid out the stream; it is left as it is");
        return Ok(found);
    }
    for key in [INCARNATION_KEY, RESTORATIONS_KEY] {
        match found.metadata.get(key) {
            Some(told) => config.metadata.insert(key.to_owned(), told.clone()),
            None => config.metadata.remove(key),
        };
    }
    // Who was told nothing of them must not take the copies of all others away.
    config.num_replicas = replicas.unwrap_or(found.num_replicas);
    if differs(&config, &found) {
        tracing::info!(stream = config.name, "the stream is brought up to the table");
        jetstream.update_stream(&config).await.map_err(|error| failed(arc(error)))?;
    }
    Ok(config)
}

/// Where a restored log comes from.
pub(super) struct Origin {
    /// Which log it is going to be.
    pub(super) identity: Identity,
    /// Which restore it is.
    pub(super) mark: String,
    /// Sequence of its first event.
    pub(super) first: u64,
}

/// What is there before a restore.
pub(super) enum Found {
    Nothing,
    /// What a restore left that did not come to its end.
    Remains,
    /// A stream that was not made by a restore.
    Log(String),
}

/// Looks for the streams of the table.
pub(super) async fn find(jetstream: &jetstream::Context) -> Result<Found, OpenError> {
    let mut found = Found::Nothing;
    for Config { name, .. } in table(None).into_iter().chain([feed(None)]) {
        let stream = match jetstream.get_stream(&name).await {
            Ok(stream) => stream,
            Err(error) if is_missing(&error.kind()) => continue,
            Err(error) => return Err(OpenError::Stream { stream: name, cause: Arc::new(error) }),
        };
        let marked = stream.cached_info().config.metadata.contains_key(RESTORING_KEY);
        // The log is the first of the table, and its mark stands for all.
        match (&found, marked) {
            (Found::Remains, _) => {}
            (Found::Nothing | Found::Log(_), true) => found = Found::Remains,
            (Found::Nothing | Found::Log(_), false) => return Ok(Found::Log(name)),
        }
    }
    Ok(found)
}

/// Deletes every stream of the table, the one with the mark last.
pub(super) async fn delete_all(jetstream: &jetstream::Context) -> Result<(), OpenError> {
    for Config { name, .. } in table(None).into_iter().chain([feed(None)]).rev() {
        delete(jetstream, &name).await?;
    }
    Ok(())
}

/// Deletes the mirror.
pub(super) async fn delete_feed(jetstream: &jetstream::Context) -> Result<(), OpenError> {
    delete(jetstream, FEED).await
}

async fn delete(jetstream: &jetstream::Context, name: &str) -> Result<(), OpenError> {
    match jetstream.delete_stream(name).await {
        Ok(_) => Ok(()),
        Err(error) if is_missing(&error.kind()) => Ok(()),
        Err(error) => Err(OpenError::Stream { stream: name.to_owned(), cause: Arc::new(error) }),
    }
}

/// Creates the streams of a log that is going to be filled, and says which log it is.
pub(super) async fn create(
    jetstream: &jetstream::Context,
    replicas: Option<usize>,
    origin: Origin,
) -> Result<Identity, OpenError> {
    for mut config in table(replicas) {
        if config.name == LOG {
            config.first_sequence = Some(origin.first);
            identify(&mut config, &origin.identity);
            config.metadata.insert(RESTORING_KEY.to_owned(), origin.mark.clone());
        }
        let name = config.name.clone();
        let created = jetstream.create_stream(config).await;
        created.map_err(|error| OpenError::Stream { stream: name, cause: Arc::new(error) })?;
    }
    Ok(origin.identity)
}

/// Says that another restore has begun anew meanwhile.
#[derive(Debug, thiserror::Error)]
#[error("another restore is at work on the streams")]
struct OtherRestore;

/// Takes the mark of a restore from the log.
pub(super) async fn clear_mark(jetstream: &jetstream::Context, mark: &str) -> Result<(), Cause> {
    let stream = jetstream.get_stream(LOG).await.map_err(arc)?;
    let mut config = stream.cached_info().config.clone();
    if config.metadata.remove(RESTORING_KEY).as_deref() != Some(mark) {
        return Err(Arc::new(OtherRestore));
    }
    jetstream.update_stream(&config).await.map(drop).map_err(arc)
}

fn arc<E: std::error::Error + Send + Sync + 'static>(error: E) -> Cause {
    Arc::new(error)
}

fn is_there_already(kind: &CreateStreamErrorKind) -> bool {
    matches!(kind, CreateStreamErrorKind::JetStream(error)
        if error.error_code() == ErrorCode::STREAM_NAME_EXIST)
}

fn is_missing(kind: &GetStreamErrorKind) -> bool {
    matches!(kind, GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

/// Whether any setting of the table differs. The server adds settings and metadata of its own.
fn differs(wanted: &Config, found: &Config) -> bool {
    let metadata = wanted.metadata.iter().any(|(key, value)| found.metadata.get(key) != Some(value));
    let settings = |config: &Config| {
        (
            (config.max_messages_per_subject, config.max_messages, config.max_bytes, config.max_consumers),
            (config.num_replicas, config.max_age, config.subjects.clone()),
            (config.deny_delete, config.allow_rollup, config.allow_message_ttl, config.allow_atomic_publish),
            matches!(config.discard, DiscardPolicy::New),
        )
    };
    metadata || settings(wanted) != settings(found)
}

/// Which log a stream's metadata tells.
pub(super) fn identity_of(config: &Config) -> Result<Identity, Cause> {
    let text = |key| config.metadata.get(key).cloned().unwrap_or_default();
    let lineage = text(RESTORATIONS_KEY).parse().map_err(arc)?;
    Ok(Identity { incarnation: text(INCARNATION_KEY), lineage })
}

fn identify(config: &mut Config, identity: &Identity) {
    config.metadata.insert(INCARNATION_KEY.to_owned(), identity.incarnation.clone());
    if identity.lineage.newest().is_some() {
        config.metadata.insert(RESTORATIONS_KEY.to_owned(), identity.lineage.to_string());
    }
}
