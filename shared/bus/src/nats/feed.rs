//! Durable consumption from the mirror.
//!
//! The floor is a message of its own, flushed like any other, instead of the state of a server-side consumer,
//! which the server writes later: after a kill everything would be told twice. It says of which log it is: whoever was
//! about to acknowledge when the log was wiped would otherwise have acknowledged what the next one begins with.

use std::sync::Arc;

use async_nats::{HeaderMap, header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE};
use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;

use super::{
    envelope::{self, Stored},
    hub::{self, Hub, Stream},
    publish::{Outgoing, PublishError, publish},
    read, streams,
    tail::{AfterLoss, Content, Course, Start, Step, Tail},
};
use crate::{Cause, FeedItem, ReadError, feed::FeedSource};

/// Acknowledged entries after which the mirror is trimmed: one purge costs about as much as 100 appends.
const TRIM_EVERY: u64 = 10_000;

/// One consumer.
pub(super) struct Consumer {
    hub: Arc<Hub>,
    floors: Stream,
    subject: String,
    floor: u64,
    trimmed: u64,
    tail: Tail,
}

impl Consumer {
    pub(super) async fn register(hub: Arc<Hub>, name: &str) -> Result<Self, ReadError> {
        let floors = hub::stream(&hub.jetstream, streams::FLOORS).await.map_err(ReadError::Unavailable)?;
        let subject = format!("floor.{}", crate::membership::token(name));
        let floor = match known_floor(&hub, &floors, &subject).await.map_err(ReadError::Unavailable)? {
            Some(floor) => floor,
            None => begin(&hub, &subject).await.map_err(ReadError::Unavailable)?,
        };
        hub.note(floor);
        prepare(&hub).await?;
        let course = Course {
            stream: streams::FEED,
            filters: Vec::new(),
            start: Start::After(floor),
            content: Content::Whole,
            after_loss: AfterLoss::GoOn,
        };
        let tail = Tail::new(hub.clone(), course);
        Ok(Self { hub, floors, subject, floor, trimmed: floor, tail })
    }

    /// Drops from the mirror what every consumer has acknowledged, and the mirror itself if there is none.
    async fn trim(&mut self) -> Result<(), Cause> {
        match floors(&self.hub).await?.into_iter().min() {
            Some(lowest) => {
                let feed = hub::stream(&self.hub.jetstream, streams::FEED).await?;
                let purged = feed.purge().sequence(lowest + 1).await;
                purged.map_err(|error| -> Cause { Arc::new(error) })?;
            }
            None => {
                let deleted = streams::delete_feed(&self.hub.jetstream).await;
                deleted.map_err(|error| -> Cause { Arc::new(error) })?;
            }
        }
        self.trimmed = self.floor;
        Ok(())
    }
}

#[async_trait]
impl FeedSource for Consumer {
    async fn next(&mut self) -> Result<FeedItem, ReadError> {
        loop {
            let message = match self.tail.next().await {
                Ok(Step::Message(message)) => message,
                Ok(Step::CaughtUp) => continue,
                Ok(Step::Restarted(seen, found)) => return Err(ReadError::Restarted { seen, found }),
                Err(cause) => {
                    // Whoever was the last to leave while this one came took the mirror along.
                    prepare(&self.hub).await?;
                    return Err(ReadError::Unavailable(cause));
                }
            };
            let Ok(info) = message.info() else { continue };
            let sequence = info.stream_sequence;
            self.hub.note(sequence);
            return Ok(envelope::decode_entry(&Stored {
                subject: &message.subject,
                sequence,
                headers: message.headers.as_ref(),
                payload: &message.payload,
            }));
        }
    }

    async fn ack(&mut self, sequence: u64) -> Result<(), ReadError> {
        if sequence <= self.floor {
            return Ok(());
        }
        if let Err(restarted) = self.hub.check().await.map_err(ReadError::Unavailable)? {
            let (seen, found) = *restarted;
            return Err(ReadError::Restarted { seen, found });
        }
        let message = floor_message(&self.hub, (&self.subject, sequence), HeaderMap::new());
        let stored = publish(&self.hub.client, message).await;
        stored.map_err(|error| ReadError::Unavailable(Arc::new(error)))?;
        self.floor = sequence;
        if self.floor - self.trimmed >= TRIM_EVERY
            && let Err(cause) = self.trim().await
        {
            // What is acknowledged stays acknowledged; the next one tries again.
            tracing::warn!(%cause, "the mirror of the log could not be trimmed");
        }
        Ok(())
    }

    async fn unregister(&mut self) -> Result<(), ReadError> {
        let purged = self.floors.purge().filter(&self.subject).await;
        purged.map_err(|error| ReadError::Unavailable(Arc::new(error)))?;
        self.trim().await.map_err(ReadError::Unavailable)
    }
}

/// Makes sure that there is a mirror.
async fn prepare(hub: &Hub) -> Result<(), ReadError> {
    let prepared = streams::prepare_feed(&hub.jetstream, hub.replicas).await;
    prepared.map_err(|error| ReadError::Unavailable(Arc::new(error)))
}

/// What each registered consumer has acknowledged.
pub(super) async fn floors(hub: &Hub) -> Result<Vec<u64>, Cause> {
    let stream = hub::stream(&hub.jetstream, streams::FLOORS).await?;
    let info = stream.info_with_subjects("floor.*").await.map_err(|e| -> Cause { Arc::new(e) })?;
    let rows: Vec<(String, usize)> = info.try_collect().await.map_err(|e| -> Cause { Arc::new(e) })?;
    let mut floors = Vec::new();
    for (subject, _) in rows {
        floors.extend(known_floor(hub, &stream, &subject).await?);
    }
    Ok(floors)
}

/// Registers a consumer with floor 0, unless somebody else just did.
async fn begin(hub: &Hub, subject: &str) -> Result<u64, Cause> {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, "0");
    match publish(&hub.client, floor_message(hub, (subject, 0), headers)).await {
        Ok(_) => return Ok(0),
        Err(PublishError::WrongLast) => {}
        Err(error) => return Err(Arc::new(error)),
    }
    let floors = hub::stream(&hub.jetstream, streams::FLOORS).await?;
    if let Some(floor) = known_floor(hub, &floors, subject).await? {
        return Ok(floor);
    }
    // What stands there is of another log.
    let written = publish(&hub.client, floor_message(hub, (subject, 0), HeaderMap::new())).await;
    written.map(|_| 0).map_err(|error| -> Cause { Arc::new(error) })
}

/// `FLOOR INCARNATION`
fn floor_message(hub: &Hub, (subject, floor): (&str, u64), headers: HeaderMap) -> Outgoing {
    let payload = Bytes::from(format!("{floor} {}", hub.identity.incarnation));
    Outgoing { subject: subject.to_owned(), headers, payload }
}

/// What a consumer has acknowledged of this log.
async fn known_floor(hub: &Hub, floors: &Stream, subject: &str) -> Result<Option<u64>, Cause> {
    let found = read::last(floors, subject).await?;
    Ok(found.and_then(|message| {
        let (floor, incarnation) = std::str::from_utf8(&message.payload).ok()?.split_once(' ')?;
        (incarnation == hub.identity.incarnation).then_some(floor.parse().ok()?)
    }))
}
