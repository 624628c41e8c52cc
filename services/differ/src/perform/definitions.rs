//! Puts the definitions of the command line in force.

use std::sync::Arc;

use bus::{AppendError, Log, now};
use events::{
    Content, Draft, Event, EventType,
    content::INLINE_BYTES_MAX,
    state::{DefinitionsState, State},
};
use model::{Aggregate, DefinitionSet, Digest};

use crate::Error;

/// Puts a set in force, unless it is.
///
/// # Errors
/// If the log refuses it.
pub async fn commit_definitions(log: &Arc<dyn Log>, set: &DefinitionSet) -> Result<(), Error> {
    let bytes = DefinitionsState::encode_set(set).map_err(bad)?;
    let digest = DefinitionSet::digest(&bytes);
    let set = if bytes.len() > INLINE_BYTES_MAX {
        Content::Blob(log.put_blob(bytes.into()).await.map_err(Error::Blob)?)
    } else {
        Content::Inline(bytes)
    };
    let state = DefinitionsState { digest, set, rejected: None };
    let payload = bytes::Bytes::from(events::encode(&state).map_err(bad)?);
    loop {
        let newest = log.newest(&Aggregate::Definitions).await?;
        if newest.as_ref().is_some_and(|event| in_force(event, &digest)) {
            return Ok(());
        }
        match log.append(vec![draft(newest, payload.clone())]).await.into_iter().next() {
            // Another differ was first: with the same set, or with one that is now replaced.
            Some(Err(AppendError::Conflict { .. })) => {}
            Some(Err(source)) => {
                return Err(Error::Append { aggregate: Aggregate::Definitions, source: Box::new(source) });
            }
            Some(Ok(_)) | None => return Ok(()),
        }
    }
}

fn bad(error: impl ToString) -> Error {
    Error::Content { what: "the definitions", reason: error.to_string() }
}

fn in_force(event: &Event, digest: &Digest) -> bool {
    events::decode::<DefinitionsState>(event.draft.format, &event.draft.payload)
        .is_ok_and(|state| state.digest == *digest && state.rejected.is_none())
}

fn draft(newest: Option<Event>, payload: bytes::Bytes) -> Draft {
    Draft {
        aggregate: Aggregate::Definitions,
        n: newest.as_ref().map_or(0, |event| event.n()) + 1,
        previous: newest.map(|event| event.id),
        kind: EventType::DefinitionsChanged,
        format: DefinitionsState::FORMAT,
        time: now(),
        cause: None,
        correlation: None,
        actor: None,
        traceparent: None,
        payload,
    }
}
