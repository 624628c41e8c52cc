//! Publishing with expectations, singly and in atomic batches.
//!
//! Source: NATS ADR-50 (atomic batch publishing); async-nats 0.51 has the headers, but no batch.

use std::sync::Arc;

use async_nats::{
    Client, HeaderMap, Request,
    header::{NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID, NATS_BATCH_SEQUENCE},
    jetstream::ErrorCode,
};
use bytes::Bytes;
use serde::Deserialize;

use crate::Cause;

/// A message to be stored.
pub(super) struct Outgoing {
    pub(super) subject: String,
    pub(super) headers: HeaderMap,
    pub(super) payload: Bytes,
}

/// Says why nothing was stored, or that it is unknown.
#[derive(Debug, thiserror::Error)]
pub(super) enum PublishError {
    #[error("something else was stored on the subject meanwhile")]
    WrongLast,
    #[error("the server refused: {0}")]
    Refused(String),
    #[error("the server did not answer")]
    NoAnswer(#[source] Cause),
}

#[derive(Deserialize)]
struct Answer {
    seq: Option<u64>,
    error: Option<ServerError>,
}

#[derive(Deserialize)]
struct ServerError {
    err_code: u64,
    #[serde(default)]
    description: String,
}

/// Publishes one message and gives its sequence.
pub(super) async fn publish(client: &Client, message: Outgoing) -> Result<u64, PublishError> {
    let Outgoing { subject, headers, payload } = message;
    let request = Request::new().headers(headers).payload(payload);
    let answer = client.send_request(subject, request).await;
    sequence(&answer.map_err(|error| PublishError::NoAnswer(Arc::new(error)))?.payload)
}

/// Publishes all messages or none, and gives the sequence of the last; they are stored one after the other.
pub(super) async fn publish_batch(client: &Client, messages: Vec<Outgoing>) -> Result<u64, PublishError> {
    let id = format!("{:032x}", rand::random::<u128>());
    let count = messages.len();
    for (i, mut message) in messages.into_iter().enumerate() {
        message.headers.insert(NATS_BATCH_ID, id.as_str());
        message.headers.insert(NATS_BATCH_SEQUENCE, (i + 1).to_string());
        if i + 1 == count {
            message.headers.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL);
            return publish(client, message).await;
        }
        let Outgoing { subject, headers, payload } = message;
        let sent = client.publish_with_headers(subject, headers, payload).await;
        sent.map_err(|error| PublishError::NoAnswer(Arc::new(error)))?;
    }
    Err(PublishError::Refused("a batch holds at least one message".to_owned()))
}

fn sequence(answer: &[u8]) -> Result<u64, PublishError> {
    let answer: Answer =
        serde_json::from_slice(answer).map_err(|error| PublishError::NoAnswer(Arc::new(error)))?;
    match (answer.seq, answer.error) {
        (_, Some(error)) if is_wrong_last(error.err_code) => Err(PublishError::WrongLast),
        (_, Some(error)) => Err(PublishError::Refused(format!("{} ({})", error.description, error.err_code))),
        (Some(sequence), None) => Ok(sequence),
        (None, None) => Err(PublishError::Refused("an answer without a sequence".to_owned())),
    }
}

fn is_wrong_last(code: u64) -> bool {
    [ErrorCode::STREAM_WRONG_LAST_SEQUENCE, ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT]
        .contains(&ErrorCode(code))
}
